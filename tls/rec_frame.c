/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rec_frame.c: see rec_frame.h. */
#include "rec_frame.h"

enum lg_rec_hdr lg_rec_hdr_check(const uint8_t hdr[LG_REC_HDR_SZ], enum lg_rec_form form,
                                 uint32_t *body_sz)
{
    uint32_t len = lg_get_be16(hdr + 3);
    bool is_13 = form == LG_FORM_13;

    /*= https://www.rfc-editor.org/rfc/rfc8446#section-5.2
     *# The outer opaque_type field of a TLSCiphertext record is always set to the value 23
     *
     * A change_cipher_spec or an unprotected alert is no exception once the handshake is done. */
    if (hdr[0] < LG_REC_CCS || hdr[0] > LG_REC_DATA || (is_13 && hdr[0] != LG_REC_DATA))
        return LG_HDR_TYPE;
    /*= https://www.rfc-editor.org/rfc/rfc8446#section-5.1
     *# legacy_record_version: ... This field is deprecated and MUST be ignored for all purposes. */
    if (!is_13 && (hdr[1] != 3 || hdr[2] != 3))
        return LG_HDR_VERSION;
    if (len > (is_13 ? LG_REC_CIPHER_13_MAX : LG_REC_CIPHER_MAX))
        return LG_HDR_LONG;
    if (len < lg_rec_front_sz(form) - LG_REC_HDR_SZ + lg_rec_back_sz(form))
        return LG_HDR_SHORT;
    *body_sz = len;
    return LG_HDR_OK;
}

void lg_rec_hdr_build(uint8_t hdr[LG_REC_HDR_SZ], enum lg_rec_form form, enum lg_rec_type type,
                      uint32_t content_sz)
{
    hdr[0] = (uint8_t)(form == LG_FORM_13 ? LG_REC_DATA : type);
    hdr[1] = hdr[2] = 3;
    lg_put_be16(hdr + 3, (uint16_t)(lg_rec_front_sz(form) - LG_REC_HDR_SZ + content_sz +
                                    lg_rec_back_sz(form)));
}

static bool hdr_is_good(const struct lg_post *p, bool takes_tickets, enum lg_post_step *why)
{
    bool is_update = p->hdr[0] == LG_HS_KEY_UPDATE;
    if (!is_update && !(takes_tickets && p->hdr[0] == LG_HS_TICKET)) {
        *why = LG_POST_BAD_TYPE;
        return false;
    }
    if (is_update ? p->left != 1 : p->left == 0 || p->left > LG_TICKET_MAX_SZ) {
        *why = LG_POST_BAD_LEN;
        return false;
    }
    return true;
}

enum lg_post_step lg_post_step(struct lg_post *p, lg_span_t content, size_t *off,
                               bool takes_tickets)
{
    enum lg_post_step why;

    while (*off < content.len && p->hdr_cnt < sizeof p->hdr) {
        p->hdr[p->hdr_cnt++] = content.p[(*off)++];
        if (p->hdr_cnt < sizeof p->hdr)
            continue;
        p->left = (uint32_t)(p->hdr[1] << 16 | p->hdr[2] << 8 | p->hdr[3]);
        if (!hdr_is_good(p, takes_tickets, &why))
            return why;
    }
    if (*off >= content.len)
        return LG_POST_DONE;
    if (p->hdr[0] == LG_HS_KEY_UPDATE) {
        uint8_t ask = content.p[(*off)++];
        *p = (struct lg_post){0};
        if (ask > 1)
            return LG_POST_BAD_VALUE;
        /*= https://www.rfc-editor.org/rfc/rfc8446#section-5.1
         *# Handshake messages MUST NOT span key changes. */
        if (*off < content.len)
            return LG_POST_NOT_LAST;
        return ask ? LG_POST_UPDATE_ASK : LG_POST_UPDATE;
    }
    uint32_t n = (uint32_t)LG_MIN(content.len - *off, (size_t)p->left);
    *off += n;
    p->left -= n;
    if (p->left > 0)
        return LG_POST_DONE;
    *p = (struct lg_post){0};
    return LG_POST_TICKET;
}
