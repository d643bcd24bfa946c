/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tcp_ecn.c: explicit congestion notification (RFC 3168, classic): agreed on in the SYNs, data sent
 * as ECT(0), marks of the network echoed to the sender and answered by it.
 *
 *      SYN: ECE CWR            SYN-ACK: ECE          (anything else: no ECN)
 *
 *      sender                    network               receiver
 *      data, ECT(0)   --------->   CE    --------->    F_ECE
 *      F_ECN_CUT      <------------------- ECE ------  on every ACK, until
 *      data, CWR      ------------------------------>  F_ECE is over
 *
 * Never ECT: SYNs, ACKs without data, what is sent again, window probes, resets. A path that clears
 * the field (bleaching) makes it a connection without marks, no more; one that eats SYNs which ask
 * for ECN is asked without from the second on. Not spoken: AccECN, ECN++ and L4S (RFC 8311): a SYN
 * that asks for AccECN gets the classic kind. */
#include "tcp_priv.h"

#define BOTH (LG_TCP_FL_ECE | LG_TCP_FL_CWR)

bool lg_tcp_ecn_is_asked(const struct lg_tcp *tcp, const struct lg_tcp_seg *s)
{
    /* A SYN has no business being ECT or CE: somebody on the way writes into that field. */
    return tcp->cfg.ecn != LG_TCP_ECN_OFF && (s->flags & BOTH) == BOTH && s->ecn == LG_ECN_NOT;
}

bool lg_tcp_ecn_is_granted(const struct lg_tcp *tcp, const struct lg_tcp_seg *s)
{
    /* Both flags are our own, thrown back by somebody who does not know them (section 6.1.1). */
    return tcp->cfg.ecn == LG_TCP_ECN_ON && (s->flags & BOTH) == LG_TCP_FL_ECE;
}

uint8_t lg_tcp_ecn_syn_flags(const struct lg_tcp_conn *c)
{
    if (c->state == LG_TCP_SYN_RCVD)
        return c->flags & LG_TCP_F_ECN ? LG_TCP_FL_ECE : 0;
    /*= https://www.rfc-editor.org/rfc/rfc3168#section-6.1.1.1
     *# A host that receives no reply to an ECN-setup SYN within the normal SYN retransmission
     *# timeout interval MAY resend the SYN and any subsequent SYN retransmissions with CWR and ECE
     *# cleared. */
    return c->tcp->cfg.ecn == LG_TCP_ECN_ON && c->tx_at_ns == 0 ? BOTH : 0;
}

void lg_tcp_ecn_text(struct lg_tcp_conn *c, const struct lg_tcp_seg *s)
{
    bool is_new = s->ecn == LG_ECN_CE && !(c->flags & LG_TCP_F_ECE);

    /*= https://www.rfc-editor.org/rfc/rfc3168#section-6.1.3
     *# After the receipt of the CWR packet, acknowledgments for subsequent non-CE data packets
     *# will not have the ECN-Echo flag set. */
    if (s->flags & LG_TCP_FL_CWR)
        c->flags &= ~LG_TCP_F_ECE;
    if (s->ecn == LG_ECN_CE) {
        c->flags |= LG_TCP_F_ECE;
        lg_tcp_count(c->tcp, LG_STAT_TCP_ECN_CE);
    }
    if (is_new || (s->flags & LG_TCP_FL_CWR)) { /* do not make a slow sender slower by waiting */
        c->flags |= LG_TCP_F_ACK_NOW;
        lg_tcp_due(c);
    }
}

void lg_tcp_ecn_reduced(struct lg_tcp_conn *c)
{
    if (!(c->flags & LG_TCP_F_ECN))
        return;
    /*= https://www.rfc-editor.org/rfc/rfc3168#section-6.1.2
     *# the TCP sender sets the CWR flag in the TCP header of the first new data packet sent after
     *# the window reduction. */
    c->flags |= LG_TCP_F_CWR_DUE | LG_TCP_F_ECN_CUT;
    c->ecn_end = c->snd_nxt;
}
