/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_access.c: what a worker says for the access log, and that it never waits for its reader. */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>

#define RECS 4u

static struct rig r;
static char *headers[] = {"user-agent", "x-none"};

static void begin(enum lg_listener_type type)
{
    size_t sz = lg_align_up(lg_access_ring_footprint(RECS), LG_CACHE_PAIR);
    void *mem = aligned_alloc(LG_CACHE_PAIR, sz);

    rig_init(&r, type);
    memset(mem, 0, sz);
    r.worker.access = lg_access_ring_init(mem, RECS);
    r.cfg.log.headers = headers;
    r.cfg.log.header_cnt = 2;
}

static void end(void)
{
    void *ring = r.worker.access;

    rig_fini(&r);
    free(ring);
}

static const struct lg_access_rec *next(void)
{
    return lg_access_ring_peek(r.worker.access);
}

static void done(void)
{
    lg_access_ring_pop(r.worker.access);
}

static void expect_text(const struct lg_access_rec *rec, enum lg_access_text i, const char *want)
{
    char got[1024] = "";
    lg_span_t s = lg_access_text(rec, i);

    memcpy(got, s.p, LG_MIN(s.len, sizeof got - 1));
    EXPECT_STR(got, want);
}

/* answer: the backend of the last request says so. */
static void answer(const char *text)
{
    for (uint32_t i = 0; i < r.back_cnt; i++)
        if (r.back[i].c && r.back[i].len && !r.back[i].reset && !r.back[i].fin) {
            r.back[i].len = 0;
            rig_back_say(&r, &r.back[i], text);
        }
}

TEST(Access, RecordsARequest)
{
    begin(LG_LISTENER_HTTPS);
    r.pools[0].backend_cnt = 1;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    EXPECT(next() == NULL);
    rig_run(&r, LG_MS(20));
    rig_say(c,
            "GET /a?secret=1 HTTP/1.1\r\nHost: A.example\r\nCookie: k\r\nUser-Agent: me\r\n\r\n");
    EXPECT(next() == NULL); /* not before it is over */
    rig_run(&r, LG_MS(30));
    answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    const struct lg_access_rec *rec = next();
    REQUIRE(rec != NULL);
    EXPECT_EQ(rec->event, LG_LOG_REQUEST);
    EXPECT_EQ(rec->status, 200);
    EXPECT_EQ(rec->who, '-');
    EXPECT_EQ(rec->phase, '-');
    EXPECT_EQ(rec->pool_idx, 0);
    EXPECT_EQ(rec->backend_idx, 0);
    EXPECT_EQ(rec->retries, 0);
    EXPECT(!rec->is_reused && !rec->is_cut && !rec->is_http10 && !rec->has_cert);
    EXPECT_EQ(rec->tls_version, LG_TLS_13);
    EXPECT_STR(rec->suite, "TLS_AES_256_GCM_SHA384");
    EXPECT_EQ(rec->bytes_in,
              strlen("GET /a?secret=1 HTTP/1.1\r\nHost: A.example\r\nCookie: k\r\nUser-Agent: "
                     "me\r\n\r\n"));
    EXPECT_EQ(rec->bytes_out, c->len);
    expect_text(rec, LG_AT_SNI, "a.example");
    expect_text(rec, LG_AT_METHOD, "GET");
    expect_text(rec, LG_AT_HOST, "a.example");
    expect_text(rec, LG_AT_PATH, "/a");
    expect_text(rec, LG_AT_QUERY, ""); /* unless it is asked for */
    expect_text(rec, LG_AT_HEADER, "me");
    expect_text(rec, (enum lg_access_text)(LG_AT_HEADER + 1), "");
    EXPECT(rec->time_ns[LG_AX_IDLE] >= LG_MS(19));
    EXPECT(rec->time_ns[LG_AX_RESPONSE] >= LG_MS(29));
    EXPECT(rec->time_ns[LG_AX_TOTAL] >= LG_MS(29));
    EXPECT(rec->time_ns[LG_AX_TOTAL] < LG_SEC(1));
    EXPECT(rec->time_ns[LG_AX_HANDSHAKE] > 0);
    done();
    rig_say(c, "GET /b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    answer("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    rec = next();
    REQUIRE(rec != NULL);
    EXPECT_EQ(rec->status, 503);
    EXPECT(rec->is_reused && rec->is_http10);
    EXPECT_EQ(rec->time_ns[LG_AX_HANDSHAKE], 0);
    EXPECT_EQ(rec->connection, 1);
    expect_text(rec, LG_AT_PATH, "/b");
    done();
    rig_client_reset(c);
    EXPECT(next() == NULL); /* between two requests there is nothing to tell */
    EXPECT_EQ(rig_stat(&r, LG_STAT_LOG_RECORDS), 2);
    end();
}

TEST(Access, SaysWhoEndedARequestAndWhen)
{
    static const char get[] = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";

    begin(LG_LISTENER_HTTPS);
    r.pools[0].retry_max = 0;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_write(c, get, 10);
    rig_settle(&r);
    rig_client_reset(c); /* in its head */
    REQUIRE(next() != NULL);
    EXPECT_EQ(next()->who, 'C');
    EXPECT_EQ(next()->phase, 'R');
    EXPECT_EQ(next()->pool_idx, UINT32_MAX);
    EXPECT_EQ(next()->time_ns[LG_AX_REQUEST], LG_NS_NEVER);
    done();
    c = rig_client_tls(&r);
    rig_say(c, get);
    rig_client_reset(c); /* while it waits for the answer */
    REQUIRE(next() != NULL);
    EXPECT_EQ(next()->who, 'C');
    EXPECT_EQ(next()->phase, 'H');
    EXPECT_EQ(next()->status, 0);
    done();
    c = rig_client_tls(&r);
    rig_say(c, get);
    answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    for (uint32_t i = 0; i < r.back_cnt; i++)
        if (r.back[i].c && !r.back[i].reset)
            rig_back_reset(&r, &r.back[i]);
    rig_settle(&r);
    REQUIRE(next() != NULL);
    EXPECT_EQ(next()->who, 'S');
    EXPECT_EQ(next()->phase, 'D');
    EXPECT_EQ(next()->status, 200);
    done();
    r.refuses[0] = r.refuses[1] = true;
    c = rig_client_tls(&r);
    rig_say(c, get);
    REQUIRE(next() != NULL);
    EXPECT_EQ(next()->who, 'S');
    EXPECT_EQ(next()->phase, 'C');
    EXPECT_EQ(next()->status, 502);
    EXPECT_EQ(next()->time_ns[LG_AX_CONNECT], LG_NS_NEVER);
    done();
    end();
}

TEST(Access, CountsAttemptsAtBackends)
{
    begin(LG_LISTENER_HTTPS);
    r.refuses[0] = true;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    answer("HTTP/1.1 204 OK\r\n\r\n");
    REQUIRE(next() != NULL);
    EXPECT_EQ(next()->retries, 1);
    EXPECT_EQ(next()->backend_idx, 1);
    EXPECT_EQ(next()->who, '-');
    done();
    end();
}

TEST(Access, RecordsAConnectionOnceAtItsEnd)
{
    begin(LG_LISTENER_TCP_SSL);
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "12345");
    rig_back_say(&r, &r.back[0], "123");
    EXPECT(next() == NULL);
    rig_client_notify(c);
    rig_back_fin(&r, &r.back[0]);
    rig_settle(&r);
    REQUIRE(next() != NULL);
    EXPECT_EQ(next()->event, LG_LOG_CONNECTION);
    EXPECT_EQ(next()->bytes_in, 5);
    EXPECT_EQ(next()->bytes_out, 3);
    EXPECT_EQ(next()->who, '-');
    EXPECT_EQ(next()->backend_idx, 0);
    done();
    c = rig_client_tls(&r);
    rig_say(c, "12345");
    rig_client_reset(c);
    REQUIRE(next() != NULL);
    EXPECT_EQ(next()->who, 'C');
    EXPECT_EQ(next()->phase, 'D');
    done();
    EXPECT(next() == NULL);
    end();
}

TEST(Access, RecordsAFailedHandshakeInsteadOfADiagnosticLine)
{
    begin(LG_LISTENER_TCP_SSL);
    rig_build(&r);
    rig_client_hasty(&r);
    REQUIRE(next() != NULL);
    EXPECT_EQ(next()->event, LG_LOG_HANDSHAKE);
    EXPECT_STR(next()->reason, "alert from the client");
    EXPECT(next()->is_alert_rx);
    EXPECT_EQ(next()->alert, 48);
    EXPECT_EQ(next()->who, 'C');
    EXPECT_EQ(next()->phase, 'T');
    done();
    EXPECT_STR(rig_log(&r), "");
    /* Without a byte it is nothing, unless asked for. */
    rig_client_reset(rig_client_tcp(&r));
    EXPECT(next() == NULL);
    r.cfg.log.empty = true;
    rig_client_reset(rig_client_tcp(&r));
    REQUIRE(next() != NULL);
    EXPECT_STR(next()->reason, "the client went away");
    done();
    EXPECT_EQ(rig_stat(&r, LG_STAT_TLS_HS_FAILED), 3);
    end();
}

TEST(Access, AFullRingDropsAndCountsAndHoldsUpNobody)
{
    begin(LG_LISTENER_HTTPS);
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    for (unsigned i = 0; i < RECS + 3; i++) {
        rig_forget(c);
        rig_say(c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
        answer("HTTP/1.1 204 OK\r\n\r\n");
        EXPECT_HAS(c->text, "HTTP/1.1 204");
    }
    EXPECT_EQ(rig_stat(&r, LG_STAT_LOG_RECORDS), RECS);
    EXPECT_EQ(rig_stat(&r, LG_STAT_LOG_DROPPED), 3);
    for (unsigned i = 0; i < RECS; i++) {
        REQUIRE(next() != NULL);
        done();
    }
    EXPECT(next() == NULL);
    rig_say(c, "GET /y HTTP/1.1\r\nHost: a\r\n\r\n");
    answer("HTTP/1.1 204 OK\r\n\r\n");
    REQUIRE(next() != NULL); /* and there is room again */
    expect_text(next(), LG_AT_PATH, "/y");
    done();
    end();
}

TEST(Access, CutsWhatIsTooLongAndSaysSo)
{
    static char request[4096];

    begin(LG_LISTENER_HTTPS);
    r.cfg.log.query = true;
    rig_build(&r);
    struct rig_client *c = rig_client_tls(&r);
    size_t n = (size_t)sprintf(request,
                               "GET /%0900d?%0600d HTTP/1.1\r\nHost: a\r\nUser-Agent: "
                               "%0400d\r\n\r\n",
                               1, 2, 3);
    rig_write(c, request, n);
    rig_settle(&r);
    answer("HTTP/1.1 204 OK\r\n\r\n");
    REQUIRE(next() != NULL);
    EXPECT(next()->is_cut);
    EXPECT_EQ(lg_access_text(next(), LG_AT_PATH).len, LG_ACCESS_PATH_MAX);
    EXPECT_EQ(lg_access_text(next(), LG_AT_QUERY).len, LG_ACCESS_QUERY_MAX);
    EXPECT_EQ(lg_access_text(next(), LG_AT_HEADER).len, LG_ACCESS_HEADER_MAX);
    done();
    end();
}

TEST(Access, WritesNothingWhereTurnedOffAndOnlyErrorsWhereAskedTo)
{
    begin(LG_LISTENER_HTTPS);
    r.listener.log = LG_LOG_NONE;
    rig_build(&r);
    rig_client_hasty(&r);
    EXPECT_HAS(rig_log(&r), "TLS handshake failed"); /* said as ever */
    struct rig_client *c = rig_client_tls(&r);
    rig_say(c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    answer("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    EXPECT(next() == NULL);
    r.listener.log = LG_LOG_ERRORS;
    c = rig_client_tls(&r);
    rig_say(c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    answer("HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
    EXPECT(next() == NULL);
    rig_say(c, "GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    answer("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    REQUIRE(next() != NULL);
    EXPECT_EQ(next()->status, 500);
    done();
    end();
}
