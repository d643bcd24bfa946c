/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hello.h: reading a ClientHello before wolfSSL sees it, so that a session is made on the right
 * context (name, certificate, client policy) from its first byte. It decides nothing about policy
 * and changes nothing: wolfSSL reads the same bytes again afterwards.
 *
 * The bytes are kept elsewhere (conn.c); lg_hello_asm counts them and says when the message is
 * whole.
 *
 * Not read: binders, cookies, early data, key shares' values (wolfSSL's business).
 * Thread any, pure. Cost O(bytes). RFC 8446 4.1.2, 5.1; 5246 7.4.1.2; 6066 3; 7301 3.1 */
#ifndef LG_HELLO_H
#define LG_HELLO_H

#include "base.h"
#include "span.h"

#define LG_HELLO_MAX_SZ 16380     /* of the message's body: one record's worth with its header */
#define LG_HELLO_RAW_MAX_SZ 98304 /* of its records as they came (one-byte ones too) */
#define LG_HELLO_NAME_SZ 256      /* host name with its NUL */
#define LG_REC_HDR_SZ 5
#define LG_REC_PLAIN_MAX 16384
#define LG_REC_CIPHER_MAX (16384 + 2048) /* RFC 5246 6.2.3; 1.3 allows 256 of the 2048 */

enum lg_first {
    LG_FIRST_MORE,  /* too few bytes to say */
    LG_FIRST_TLS,   /* a handshake record of a sane length */
    LG_FIRST_ALERT, /* an alert record */
    LG_FIRST_HTTP,  /* looks like a request line */
    LG_FIRST_LEN,   /* a handshake record whose length is 0 or above 2^14 */
    LG_FIRST_OTHER,
};

/* lg_hello_first judges the first bytes of a stream, or of each later record of the hello. */
enum lg_first lg_hello_first(lg_span_t bytes);

enum lg_hello_step { LG_HELLO_MORE, LG_HELLO_WHOLE, LG_HELLO_BAD_TYPE, LG_HELLO_TOO_LONG };

struct lg_hello_asm {
    uint8_t hdr[4];   /* the handshake header as far as it came */
    uint32_t raw_sz;  /* records' bytes seen */
    uint32_t have_sz; /* handshake bytes seen, header included */
    uint32_t need_sz; /* of the whole message, header included; 0 until known */
};

/* lg_hello_add counts one record.
 *   payload  of the record, or at least its first 4 bytes
 *   sz       bytes of the whole payload, in [1,2^14]
 *   Returns  MORE; WHOLE once need_sz is reached; BAD_TYPE: no ClientHello; TOO_LONG */
enum lg_hello_step lg_hello_add(struct lg_hello_asm *a, lg_span_t payload, uint32_t sz);

struct lg_hello {
    uint16_t legacy_version;
    lg_span_t suites;   /* list of uint16, whole entries */
    lg_span_t versions; /* supported_versions, list of uint16; empty when absent */
    lg_span_t sig_algs; /* signature_algorithms, likewise */
    lg_span_t groups;   /* supported_groups, likewise */
    lg_span_t alpn;     /* protocol name list, entries well-formed; empty when absent */
    lg_span_t sni_raw;  /* host name as sent; empty when absent or odd */
    lg_span_t ticket;   /* 1.2: session_ticket; empty when absent or asking for one */
    lg_span_t psks;     /* 1.3: identities of pre_shared_key, entries well-formed; or empty */
    bool has_versions, has_sig_algs, has_groups, has_alpn;
    bool has_ems;               /* extended_master_secret, RFC 7627 */
    bool wants_status;          /* status_request for OCSP */
    bool has_psk_dhe;           /* psk_key_exchange_modes names psk_dhe_ke */
    bool has_odd_name;          /* a server_name that is no host name: like one that nobody knows */
    char sni[LG_HELLO_NAME_SZ]; /* lower case, no trailing dot; "" when absent or odd */
};

enum lg_hello_err {
    LG_HELLO_OK,
    LG_HELLO_E_DECODE, /* malformed: decode_error */
    LG_HELLO_E_DUP,    /* an extension twice, or out of place: illegal_parameter */
};

/* lg_hello_parse reads the body (behind the 4-byte handshake header).
 *   out      written whole on LG_HELLO_OK; its spans borrow from body */
enum lg_hello_err lg_hello_parse(lg_span_t body, struct lg_hello *out);

/* lg_hello_has_u16: is v in the list? lg_hello_pos_u16: its place, or UINT32_MAX. */
bool lg_hello_has_u16(lg_span_t list, uint16_t v);
uint32_t lg_hello_pos_u16(lg_span_t list, uint16_t v);
/* lg_hello_offers_version says whether the client offers TLS version v (0x0303 or 0x0304). */
bool lg_hello_offers_version(const struct lg_hello *h, uint16_t v);
/* lg_hello_alpn_has says whether the client offers this protocol name. */
bool lg_hello_alpn_has(const struct lg_hello *h, lg_span_t name);
/* lg_hello_next_psk steps through h->psks; false at the end. */
bool lg_hello_next_psk(struct lg_cur *psks, lg_span_t *identity);
/* lg_hello_name checks a host name (letters, digits, '-', '_', labels of 1..63, 253 in all) and
 * writes it in lower case without a trailing dot; false: not a host name (an IP address is none).
 */
bool lg_hello_name(lg_span_t raw, char out[LG_HELLO_NAME_SZ]);

#endif
