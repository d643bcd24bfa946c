/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rec.h: the record engine's part of a connection, from the moment the handshake is over. Server or
 * client: keys have a direction, not a role.
 *
 *   take_wolf.c   takes keys and sequence numbers from wolfSSL and frees its object
 *   rec_rx.c      records in: in place, in the bufs they came in
 *   rec_tx.c      records out: from the sender's bufs into the segments to be sent
 *   rec_ctl.c     alerts, key updates, tickets, and failing
 *   keys.c        nonces, limits, the next generation of keys
 *   rec_frame.c   what is on the wire
 *   rec_mb.c      the AEADs
 *   rec_wolf.c    wolfSSL's own records, for what the engine does not do
 *   rec.c         which of the two serves
 *
 * Thread owner core. */
#ifndef LG_REC_H
#define LG_REC_H

#include "buf.h"
#include "ns.h"
#include "rec_frame.h"

/* -- change first, for performance -- */
#define LG_REC_BULK_BYTES (64u << 10) /* sent without a pause: from then on records of 16 KiB */
#define LG_REC_PAUSE_NS LG_SEC(1)     /* a pause: small records again */
/* -- only for a reason -- */
#define LG_REC_EMPTY_MAX 32u   /* records without content in a row */
#define LG_REC_WARN_MAX 5u     /* warning alerts in a row */
#define LG_REC_UPDATE_MAX 32u  /* key updates of the peer in a second */
#define LG_REC_PIECES_MAX 96u  /* pieces of one record, source and destination cuts together */
#define LG_REC_RX_BUFS_MAX 64u /* bufs that one record may lie in; more are put together first */
#define LG_REC_SPANS_MAX 48u   /* runs of plaintext that go into one record */
#define LG_REC_THIN_BUFS 24u   /* an unfinished record in more bufs than this is put together ... */
#define LG_REC_THIN_SZ 512u    /* ... when they hold fewer bytes than this on average */

/* A reader of the records that wolfSSL sends, for the one thing it has no call for: the explicit
 * nonce of its last encrypted handshake record under TLS 1.2 AES-GCM. */
struct lg_sent {
    uint8_t head[13]; /* a record's header and 8 bytes */
    uint8_t head_cnt;
    uint32_t left;        /* bytes of the record behind head */
    uint8_t explicit_[8]; /* of the last handshake record */
};

struct lg_rec {
    struct lg_keys rx, tx; /* 1.3: the secrets as soon as they are known */
    union {
        struct lg_sent sent;  /* until `taken` */
        struct lg_bufq ready; /* then: plaintext that was more than the caller wanted */
    };
    lg_ns_t tx_last_ns;     /* of the last data record */
    lg_ns_t update_from_ns; /* when update_cnt began to count */
    uint32_t tx_run_sz;     /* bytes of data sent since the last pause */
    struct lg_post post;
    uint8_t empty_cnt, warn_cnt; /* in a row */
    uint8_t update_cnt;          /* key updates of the peer since update_from_ns */
    bool update_due;             /* the peer asked for a key update of ours */
    bool is_client;
    bool taken; /* keys and numbers are here */
};

struct lg_tls;

/* rec_ctl.c: lg_rec_fail sends a fatal alert, if there is a buf for it, and ends the connection. */
lg_err_t lg_rec_fail(struct lg_tls *t, uint8_t alert);
/* lg_rec_control acts upon a record that is no data; content is borrowed for the call. */
LG_MUST lg_err_t lg_rec_control(struct lg_tls *t, enum lg_rec_type type, lg_span_t content);
/* lg_rec_alert appends an alert; false: no buf. */
bool lg_rec_alert(struct lg_tls *t, uint8_t level, uint8_t alert);
/* lg_rec_update sends a KeyUpdate (no answer wanted) and replaces the sending keys.
 *   Returns  LG_OK; LG_E(AGAIN) no buf: nothing has changed; LG_E(BUG) */
LG_MUST lg_err_t lg_rec_update(struct lg_tls *t);

/* rec_tx.c: lg_rec_emit appends one record of content_sz bytes, at most 64; false: no buf. */
bool lg_rec_emit(struct lg_tls *t, enum lg_rec_type type, const uint8_t *content,
                 uint32_t content_sz);
LG_MUST lg_err_t lg_rec_mb_tx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max);
/* rec_rx.c */
LG_MUST lg_err_t lg_rec_mb_rx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max);

/* rec_wolf.c */
LG_MUST lg_err_t lg_rec_wolf_rx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max);
LG_MUST lg_err_t lg_rec_wolf_tx(struct lg_tls *t, struct lg_bufq *plain, uint32_t max);
bool lg_rec_wolf_pending(const struct lg_tls *t);
void lg_rec_wolf_shutdown(struct lg_tls *t);
bool lg_rec_wolf_refuse(struct lg_tls *t, uint8_t alert);

#endif
