/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ticket.h: stateless session tickets (RFC 5077; RFC 8446 2.2), for this folder.
 *
 * A ticket is all a server keeps of a session, sealed and handed to the client. Every worker, and
 * every machine with the same key file, opens the tickets of all: nothing is shared but keys.
 *
 *   key_name[16]  iv[16]  len[2]  sealed: wolfSSL's session, our tail   mac[32]: tag, zeroes
 *
 * Bound to the policy (R33). The key that seals is derived for each ticket from the master key, the
 * policy's digest (listener, verify mode, CAs, revocation lists), the certificate's, the server
 * name and the iv: under any other policy the tag does not verify, and a full handshake follows.
 *
 * Bound to the client (R34, R35). The tail carries the client's certificate and the time up to
 * which it may be believed: the earliest notAfter of its path, and nextUpdate of the lists that
 * vouched for it where a stale list refuses. Resuming restores the identity from there; where a
 * certificate is required, a ticket without one is no ticket. A session lives its lifetime from its
 * full handshake: tickets of resumed connections do not prolong it.
 *
 * A ticket is opened by us, before wolfSSL exists (lg_ticket_look), and at most one in a hello;
 * after a few that look like ours and are not, no more are tried.
 * What wolfSSL's callback later accepts is that very ticket and no other: an identity cannot get
 * mixed up with another session's secret. It also keeps from wolfSSL what 5.7.2 handles badly:
 * tickets whose inner length lies (it would read past them), 1.2 tickets that it first takes and
 * then drops (it has marked the peer as authenticated by then), psk_ke without (EC)DHE.
 *
 * Keys. Made by the control thread at random and replaced every lifetime, the one before still
 * accepted; or read from a file, as part of a snapshot. Workers copy a set when its number changes.
 *
 * Never early data (R36). */
#ifndef LG_TICKET_H
#define LG_TICKET_H

#include "hello.h"
#include "tls.h"

#include <stdatomic.h>

enum {
    LG_TICKET_NAME_SZ = 16,
    LG_TICKET_IV_SZ = 16,
    LG_TICKET_MAC_SZ = 32,
    LG_TICKET_HEAD_SZ = LG_TICKET_NAME_SZ + LG_TICKET_IV_SZ + 2,
    LG_TICKET_FIXED_SZ = LG_TICKET_HEAD_SZ + LG_TICKET_MAC_SZ,
    LG_TICKET_ROOM = 2048,   /* wolfssl.flags: what fits behind wolfSSL's session */
    LG_TICKET_INNER_SZ = 76, /* of wolfSSL's session: its struct InternalTicket */
    LG_TICKET_TAIL_SZ = 24,  /* of the tail without the certificate */
    LG_TICKET_DER_MAX = LG_TICKET_ROOM - LG_TICKET_TAIL_SZ,
    LG_TICKET_KEY_MAX = 8,
    LG_TICKET_SKEW_S = 300, /* other machines' clocks */
    LG_TICKET_TRY_MAX = 4,  /* tickets of a hello that are decrypted; what it may offer is 32 */
};

struct lg_ticket_key {
    uint8_t name[LG_TICKET_NAME_SZ];
    uint8_t secret[32];
};

struct lg_ticket_set {
    uint32_t cnt;     /* 0: no tickets */
    uint32_t current; /* index of the key that seals */
    struct lg_ticket_key key[LG_TICKET_KEY_MAX];
};

/* The random keys of the process. A sequence lock whose data are atomic words: the one writer, the
 * control thread, never waits; a worker that meets it copies again. */
#define LG_TICKET_RING_WORDS (sizeof(struct lg_ticket_set) / 8)
struct lg_ticket_ring {
    alignas(LG_CACHE_PAIR) _Atomic uint64_t version; /* odd: being written */
    _Atomic uint64_t word[LG_TICKET_RING_WORDS];
};
_Static_assert(sizeof(struct lg_ticket_set) % 8 == 0, "whole words");

/* ---------------------------------------------------------------- keys: thread control */

/* lg_ticket_ring_use says that tickets of this lifetime are wanted; the first call makes keys.
 *   Returns  the ring, for life, or NULL: no random bytes */
const struct lg_ticket_ring *lg_ticket_ring_use(uint32_t lifetime_s);
/* lg_ticket_keys_parse reads a key file: a key a line, in base64, 32 to 80 bytes, at most 8. The
 * last but one seals, so that the last can be spread to all machines before it is used; a single
 * one seals. HAProxy's files are of this form.
 *   Returns  LG_E(FORMAT): *line is the one that is wrong, 0: there is none at all */
LG_MUST lg_err_t lg_ticket_keys_parse(lg_span_t text, struct lg_ticket_set *out, unsigned *line);

/* ---------------------------------------------------------------- owner core */

/* lg_ticket_ring_read copies the set when *version is not the ring's. */
void lg_ticket_ring_read(const struct lg_ticket_ring *r, uint64_t *version,
                         struct lg_ticket_set *out);

/* What a connection knows of its session: from a ticket it opened, or of the client whose chain was
 * found good. In the core's arena, from the hello to the end of the handshake. */
struct lg_ticket {
    bool opened;     /* by a ticket of the client's */
    bool is_old;     /* 1.2: give a new one */
    uint16_t der_sz; /* 0: no client certificate */
    uint16_t ident_sz;
    uint16_t enc_sz; /* sealed bytes of the ticket that was opened */
    int64_t since_s; /* of the full handshake */
    int64_t until_s; /* no longer than this; INT64_MAX: no client certificate */
    uint8_t name[LG_TICKET_NAME_SZ], iv[LG_TICKET_IV_SZ], mac[LG_TICKET_MAC_SZ];
    uint8_t inner[LG_TICKET_INNER_SZ];
    uint8_t der[]; /* the client's certificate, and its struct lg_ident's bytes behind it */
};

/* The part of a ticket behind wolfSSL's session.
 *   version[1] = 1  flags[1]  der_sz[2]  suite[2]  tls[2]  since[8]  until[8]  der  ident */
struct lg_ticket_tail {
    bool has_ems;
    uint16_t suite, tls;
    int64_t since_s, until_s;
    lg_span_t der, ident;
};
/* lg_ticket_tail_build writes a tail; der and ident are at most LG_TICKET_DER_MAX together. Returns
 * its bytes. */
size_t lg_ticket_tail_build(const struct lg_ticket_tail *tail, uint8_t *out);
/* lg_ticket_tail_parse: out->der and out->ident borrow. False: malformed. */
bool lg_ticket_tail_parse(lg_span_t in, struct lg_ticket_tail *out);

struct lg_tls;
/* lg_ticket_look opens the first good ticket of a hello, for the certificate that was chosen. */
void lg_ticket_look(struct lg_tls *t, const struct lg_hello *h, int cert_idx, uint16_t version);
/* lg_ticket_again looks at the hello after a HelloRetryRequest; false: it must not be read. */
bool lg_ticket_again(struct lg_tls *t, const struct lg_hello *h);
/* lg_ticket_is_alien: is the 1.2 ticket longer than any of ours? wolfSSL must not see it, it would
 * end the handshake. */
bool lg_ticket_is_alien(const struct lg_tls *t, const struct lg_hello *h);
/* lg_ticket_configure: for a wolfSSL object just made. */
void lg_ticket_configure(const struct lg_tls *t);
/* lg_ticket_hold keeps the verified client's certificate for the ticket to come. */
void lg_ticket_hold(struct lg_tls *t, lg_span_t der, int64_t until_s);
/* lg_ticket_resume: the handshake resumed a session: restores the identity. False: no memory for
 * it, or not the session that was opened, which cannot be. */
bool lg_ticket_resume(struct lg_tls *t);
/* lg_ticket_drop wipes and frees what the connection knows. */
void lg_ticket_drop(struct lg_tls *t);

#endif
