/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pem.h: cutting a PEM text into its blocks (RFC 7468), for files the operator names. Text between
 * blocks is ignored. It does not decrypt. Thread control. */
#ifndef LG_PEM_H
#define LG_PEM_H

#include "base.h"
#include "err.h"
#include "span.h"

struct lg_pem {
    lg_span_t label; /* "CERTIFICATE", ...; borrows from the text */
    lg_span_t whole; /* from "-----BEGIN" to the end of the END line; borrows from the text */
    lg_span_t inner; /* between the two lines; borrows from the text */
};

/* lg_pem_next finds the next block; *text moves behind it.
 *   Returns  LG_OK; LG_E(AGAIN): no more; LG_E(FORMAT): a BEGIN without its END */
LG_MUST lg_err_t lg_pem_next(lg_span_t *text, struct lg_pem *out);
/* lg_pem_decode turns the base64 of a block into bytes.
 *   dst      at least inner.len * 3 / 4 bytes
 *   Returns  bytes written, or 0 when it is not base64 (a "Proc-Type:" header is not) */
size_t lg_pem_decode(lg_span_t inner, uint8_t *dst);

#endif
