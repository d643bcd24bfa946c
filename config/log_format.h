/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log_format.h: the format of a line of the access log, as one writes it and as a list of parts.
 *
 *   format = *( literal / "$$" / "${" name "}" / "${header:" token "}" )
 *
 * "$$" is one '$'; names are those of log_fields.def. It knows nothing of where the values come
 * from: control/log/log_line.c writes them. Pure; thread any. */
#ifndef LG_LOG_FORMAT_H
#define LG_LOG_FORMAT_H

#include "base.h"
#include "err.h"
#include "span.h"

enum lg_log_field {
#define X(id, name, events, text) LG_LF_##id,
#include "log_fields.def"
#undef X
    LG_LF_CNT,
    LG_LF_HEADER = LG_LF_CNT, /* a header of the request */
    LG_LF_LITERAL,
};

/* What a line tells of. */
enum lg_log_event { LG_LOG_REQUEST, LG_LOG_CONNECTION, LG_LOG_HANDSHAKE, LG_LOG_EVENT_CNT };

#define LG_LOG_FORMAT_MAX 2048u /* bytes of a format */
#define LG_LOG_PARTS_MAX 128u
#define LG_LOG_HEADERS_MAX 8u    /* headers captured */
#define LG_LOG_HEADER_NAME_SZ 64 /* of one's name, NUL included */

struct lg_log_part {
    uint8_t field;  /* enum lg_log_field */
    uint8_t header; /* HEADER: index in the list of captured ones; set by check_log.c */
    lg_span_t text; /* LITERAL: what to write; HEADER: its name as written */
};

/* One line's format. */
struct lg_log_text {
    uint32_t cnt;
    struct lg_log_part *parts;
};

struct lg_log_mistake {
    size_t at; /* offset in the format */
    const char *what;
    lg_span_t name; /* the name that was not understood; empty: it is about something else */
};

/* lg_log_format_parse cuts a format into parts, whose texts borrow from it.
 *   parts    LG_LOG_PARTS_MAX of them
 *   Returns  LG_OK and *cnt in [1, LG_LOG_PARTS_MAX]; LG_E(FORMAT) and *bad */
LG_MUST lg_err_t lg_log_format_parse(lg_span_t format, struct lg_log_part *parts, uint32_t *cnt,
                                     struct lg_log_mistake *bad);

/* lg_log_format_named gives the text of "haproxy" or "combined" for a kind of line; NULL: no such
 * name. lg_log_format_handshake is that of failed handshakes, where none is given. */
const char *lg_log_format_named(const char *name, enum lg_log_event event);
const char *lg_log_format_handshake(void);

/* lg_log_field_name, _events (bits 1 << enum lg_log_event), _text: a row of log_fields.def. */
const char *lg_log_field_name(enum lg_log_field f);
uint32_t lg_log_field_events(enum lg_log_field f);
const char *lg_log_field_text(enum lg_log_field f);

/* lg_log_header_is_secret: a header (lower case) that is never logged. */
bool lg_log_header_is_secret(const char *name);

#endif
