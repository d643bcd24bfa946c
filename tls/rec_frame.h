/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rec_frame.h: how records look on the wire, without any key: header, bounds, content types, and
 * the messages that an open connection still carries besides data: alerts, key updates, tickets.
 * Thread any, pure. RFC 8446 4.6, 5, 6; 5246 6.2, 7.2 */
#ifndef LG_REC_FRAME_H
#define LG_REC_FRAME_H

#include "hello.h"
#include "keys.h"

enum lg_rec_type {
    LG_REC_CCS = 20,
    LG_REC_ALERT = 21,
    LG_REC_HANDSHAKE = 22,
    LG_REC_DATA = 23,
};

#define LG_REC_CIPHER_13_MAX (LG_REC_PLAIN_MAX + 256)

/* What a header says. */
enum lg_rec_hdr {
    LG_HDR_OK,
    LG_HDR_TYPE,    /* a type that may not come: unexpected_message */
    LG_HDR_VERSION, /* 1.2: not 3.3: protocol_version */
    LG_HDR_LONG,    /* longer than a record may be: record_overflow */
    LG_HDR_SHORT,   /* cannot hold a tag: its check cannot but fail */
};

/* lg_rec_hdr_check judges 5 bytes; body_sz is set when the answer is OK. */
enum lg_rec_hdr lg_rec_hdr_check(const uint8_t hdr[LG_REC_HDR_SZ], enum lg_rec_form form,
                                 uint32_t *body_sz);

/* Bytes that a record has besides its content: in front (header, nonce) and behind (type, tag). */
static inline uint32_t lg_rec_front_sz(enum lg_rec_form form)
{
    return LG_REC_HDR_SZ + (form == LG_FORM_12_GCM ? 8u : 0u);
}
static inline uint32_t lg_rec_back_sz(enum lg_rec_form form)
{
    return LG_AEAD_TAG_SZ + (form == LG_FORM_13 ? 1u : 0u);
}

/* lg_rec_hdr_build writes the header of a record of content_sz bytes. */
void lg_rec_hdr_build(uint8_t hdr[LG_REC_HDR_SZ], enum lg_rec_form form, enum lg_rec_type type,
                      uint32_t content_sz);

/* -- handshake messages after the handshake -- */

enum { LG_HS_HELLO_REQUEST = 0, LG_HS_CLIENT_HELLO = 1, LG_HS_TICKET = 4, LG_HS_KEY_UPDATE = 24 };
#define LG_TICKET_MAX_SZ 65536u

/* A reader of them. They may be cut anywhere, and a record may hold several. */
struct lg_post {
    uint8_t hdr[4];
    uint8_t hdr_cnt; /* header bytes there */
    uint32_t left;   /* bytes of the body still to come */
};

enum lg_post_step {
    LG_POST_DONE,       /* the record is used up; whole messages or the start of one */
    LG_POST_UPDATE,     /* KeyUpdate, no answer asked */
    LG_POST_UPDATE_ASK, /* KeyUpdate, answer asked */
    LG_POST_TICKET,     /* a whole NewSessionTicket went by */
    LG_POST_BAD_TYPE,   /* unexpected_message */
    LG_POST_BAD_LEN,    /* decode_error */
    LG_POST_BAD_VALUE,  /* illegal_parameter */
    LG_POST_NOT_LAST,   /* something follows a KeyUpdate in its record: unexpected_message */
};

/* lg_post_step reads on in one record's content, from off; off moves. takes_tickets: we are the
 * client. Call again until DONE or an error. */
enum lg_post_step lg_post_step(struct lg_post *p, lg_span_t content, size_t *off,
                               bool takes_tickets);
/* lg_post_is_open: a message has begun and not ended: no other record may come between
 * (RFC 8446 5.1). */
static inline bool lg_post_is_open(const struct lg_post *p)
{
    return p->hdr_cnt > 0;
}

#endif
