/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_http_head.c: heads that must be refused, one test for each known way of smuggling; heads
 * that must be understood; and what is written for the next hop. */
#include "http_head.h"

#include "t.h"
#include <stdio.h>
#include <stdlib.h>

static struct lg_http_head h;
/* Heads are parsed from exactly their size, so that a sanitizer sees a read past the end. */
static char *kept;

static lg_err_t parse_sized(const char *text, size_t len, bool is_request)
{
    free(kept);
    kept = malloc(len ? len : 1);
    memcpy(kept, text, len);
    memset(&h, 0xa5, sizeof h);
    return is_request ? lg_http_parse_request(lg_span(kept, len), &h)
                      : lg_http_parse_response(lg_span(kept, len), &h);
}

#define REQ(text) parse_sized(text, sizeof(text) - 1, true)
#define RESP(text) parse_sized(text, sizeof(text) - 1, false)
/* A request with these header lines beside a good Host. */
#define WITH(lines) REQ("POST / HTTP/1.1\r\nHost: a\r\n" lines "\r\n")

static void expect_refused(lg_err_t e, unsigned status, const char *why)
{
    EXPECT(!lg_is_ok(e));
    EXPECT_EQ(h.refuse_status, status);
    EXPECT_STR(h.refuse_why, why);
}

/* -- smuggling -- */

TEST(HttpHead, RefusesContentLengthWithTransferEncoding)
{
    /* Two guards: llhttp, which comes first, and read_framing behind it. */
    EXPECT(!lg_is_ok(WITH("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n")));
    EXPECT_EQ(h.refuse_status, 400);
    EXPECT(!lg_is_ok(WITH("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n")));
    EXPECT_EQ(h.refuse_status, 400);
}

TEST(HttpHead, RefusesRepeatedContentLength)
{
    EXPECT(!lg_is_ok(WITH("Content-Length: 5\r\nContent-Length: 6\r\n")));
    EXPECT_EQ(h.refuse_status, 400);
    EXPECT(!lg_is_ok(WITH("Content-Length: 5\r\nContent-Length: 5\r\n")));
    EXPECT_EQ(h.refuse_status, 400);
}

TEST(HttpHead, RefusesContentLengthThatIsNoNumber)
{
    EXPECT(!lg_is_ok(WITH("Content-Length: 5, 5\r\n")));
    EXPECT(!lg_is_ok(WITH("Content-Length: +5\r\n")));
    EXPECT(!lg_is_ok(WITH("Content-Length: -5\r\n")));
    EXPECT(!lg_is_ok(WITH("Content-Length: 0x5\r\n")));
    EXPECT(!lg_is_ok(WITH("Content-Length: 5 5\r\n")));
    EXPECT(!lg_is_ok(WITH("Content-Length:\r\n")));
    EXPECT(!lg_is_ok(WITH("Content-Length: 9223372036854775808\r\n")));
    EXPECT(!lg_is_ok(WITH("Content-Length: 99999999999999999999999\r\n")));
    EXPECT_EQ(h.refuse_status, 400);
    EXPECT_OK(WITH("Content-Length: 9223372036854775807\r\n"));
}

TEST(HttpHead, RefusesTransferEncodingOtherThanChunked)
{
    static const char *const values[] = {"gzip, chunked", "chunked, chunked", "identity",
                                         "xchunked",      "chunked;q=1",      "chunked,",
                                         ", chunked",     "\"chunked\"",      ""};
    for (size_t i = 0; i < LG_ARRAY_CNT(values); i++) {
        char text[128];
        int n = snprintf(text, sizeof text,
                         "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n", values[i]);
        EXPECT(!lg_is_ok(parse_sized(text, (size_t)n, true)));
        EXPECT(h.refuse_status == 400 || h.refuse_status == 501);
    }
    EXPECT_OK(WITH("Transfer-Encoding: ChunKed\r\n"));
    EXPECT_EQ(h.framing, LG_HTTP_CHUNKED);
}

TEST(HttpHead, RefusesRepeatedTransferEncoding)
{
    EXPECT(!lg_is_ok(WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")));
    EXPECT(!lg_is_ok(WITH("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n")));
}

TEST(HttpHead, RefusesTransferEncodingInHttp10)
{
    expect_refused(REQ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400,
                   "Transfer-Encoding in HTTP/1.0");
}

TEST(HttpHead, RefusesBlankBeforeTheColon)
{
    expect_refused(WITH("Content-Length : 5\r\n"), 400, "malformed header name");
    expect_refused(WITH("Transfer-Encoding\t: chunked\r\n"), 400, "malformed header name");
}

TEST(HttpHead, RefusesFoldedLines)
{
    expect_refused(WITH("X-A: b\r\n c\r\n"), 400, "folded header line");
    expect_refused(WITH("Transfer-Encoding:\r\n\tchunked\r\n"), 400, "folded header line");
    expect_refused(REQ("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400, "folded header line");
}

TEST(HttpHead, RefusesBareLf)
{
    expect_refused(REQ("GET / HTTP/1.1\nHost: a\r\n\r\n"), 400, "line not ended by CR LF");
    expect_refused(WITH("X-A: b\nContent-Length: 5\r\n"), 400, "line not ended by CR LF");
    expect_refused(REQ("GET / HTTP/1.1\r\nHost: a\r\n\n"), 400, "line not ended by CR LF");
}

TEST(HttpHead, RefusesBareCr)
{
    expect_refused(WITH("X-A: b\rContent-Length: 5\r\n"), 400, "control byte in a header");
    expect_refused(WITH("X-A: b\r\r\n"), 400, "control byte in a header");
    expect_refused(REQ("GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "control byte in the head");
}

TEST(HttpHead, RefusesNulAndControlBytes)
{
    expect_refused(WITH("X-A: b\0c\r\n"), 400, "control byte in a header");
    expect_refused(WITH("X-A: b\x01\r\n"), 400, "control byte in a header");
    expect_refused(WITH("X-A: b\x7f\r\n"), 400, "control byte in a header");
    EXPECT_OK(WITH("X-A: b\tc\r\n"));
    EXPECT_OK(WITH("X-A: caf\xc3\xa9\r\n"));
}

TEST(HttpHead, RefusesNamesThatAreNoTokens)
{
    expect_refused(WITH(": x\r\n"), 400, "malformed header name");
    expect_refused(WITH("X(A): x\r\n"), 400, "malformed header name");
    expect_refused(WITH("no colon here\r\n"), 400, "malformed header name");
    expect_refused(WITH("X\xc3\xa9: x\r\n"), 400, "malformed header name");
}

TEST(HttpHead, RefusesBytesAfterTheHead)
{
    expect_refused(REQ("GET / HTTP/1.1\r\nHost: a\r\n\r\nx\r\n"), 400, "bytes after the head");
    expect_refused(REQ("GET / HTTP/1.1\r\nHost: a\r\n"), 400, "head without end");
    expect_refused(REQ(""), 400, "head without end");
    expect_refused(REQ("\r\n\r\n"), 400, "malformed request line");
}

TEST(HttpHead, RefusesConnectionThatNamesTheFraming)
{
    static const char *const why = "Connection names a header that is not hop-by-hop";
    expect_refused(WITH("Connection: Content-Length\r\nContent-Length: 5\r\n"), 400, why);
    expect_refused(WITH("Connection: close, transfer-encoding\r\n"), 400, why);
    expect_refused(WITH("Connection: host\r\n"), 400, why);
    expect_refused(WITH("Connection: a b\r\n"), 400, "malformed Connection header");
    expect_refused(WITH("Connection: a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q\r\n"), 400,
                   "malformed Connection header");
}

/* -- the request line -- */

TEST(HttpHead, RefusesRequestLinesThatAreNotThreeParts)
{
    expect_refused(REQ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "malformed request line");
    EXPECT(!lg_is_ok(REQ("GET /  HTTP/1.1\r\nHost: a\r\n\r\n")));
    EXPECT(!lg_is_ok(REQ("GET / x HTTP/1.1\r\nHost: a\r\n\r\n")));
    expect_refused(REQ("GET /\r\nHost: a\r\n\r\n"), 400, "malformed request line");
    expect_refused(REQ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "malformed request line");
    expect_refused(REQ(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "malformed request line");
}

TEST(HttpHead, RefusesOtherVersions)
{
    expect_refused(REQ("GET / HTTP/2.0\r\nHost: a\r\n\r\n"), 505, "HTTP version not supported");
    expect_refused(REQ("GET / HTTP/0.9\r\nHost: a\r\n\r\n"), 505, "HTTP version not supported");
    expect_refused(REQ("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505, "HTTP version not supported");
    expect_refused(REQ("GET / http/1.1\r\nHost: a\r\n\r\n"), 400, "malformed start line");
    expect_refused(REQ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n"), 400, "malformed start line");
    expect_refused(REQ("PRI * HTTP/2.0\r\n\r\n"), 505, "HTTP version not supported");
}

TEST(HttpHead, RefusesMethodsItDoesNotServe)
{
    expect_refused(REQ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n"), 501,
                   "method not supported");
    expect_refused(REQ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n"), 501, "method not supported");
    expect_refused(REQ("FOOBAR / HTTP/1.1\r\nHost: a\r\n\r\n"), 501, "unknown method");
    expect_refused(REQ("G\"T / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, "malformed request line");
}

TEST(HttpHead, RefusesBytesNoTargetHas)
{
    static const char *const why = "byte in the request target that no URI has";
    expect_refused(REQ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"), 400, why);
    expect_refused(REQ("GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n"), 400, why);
    expect_refused(REQ("GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\n\r\n"), 400, why);
    expect_refused(REQ("GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"), 400, why);
}

TEST(HttpHead, BoundsTheTarget)
{
    static char text[LG_HTTP_URI_MAX + 64];
    for (uint32_t over = 0; over < 2; over++) {
        size_t n = (size_t)sprintf(text, "GET /");
        memset(text + n, 'a', LG_HTTP_URI_MAX - 1 + over);
        n += LG_HTTP_URI_MAX - 1 + over;
        n += (size_t)sprintf(text + n, " HTTP/1.1\r\nHost: a\r\n\r\n");
        lg_err_t e = parse_sized(text, n, true);
        EXPECT_EQ(e.v, over ? LG_E(HTTP_TOO_LARGE).v : 0);
    }
    EXPECT_EQ(h.refuse_status, 414);
}

TEST(HttpHead, BoundsTheNumberOfFields)
{
    static char text[8192];
    for (uint32_t cnt = LG_HTTP_FIELDS_MAX; cnt <= LG_HTTP_FIELDS_MAX + 1; cnt++) {
        size_t n = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\n");
        for (uint32_t i = 1; i < cnt; i++)
            n += (size_t)sprintf(text + n, "X-%u: y\r\n", i);
        n += (size_t)sprintf(text + n, "\r\n");
        lg_err_t e = parse_sized(text, n, true);
        EXPECT_EQ(e.v, cnt > LG_HTTP_FIELDS_MAX ? LG_E(HTTP_TOO_LARGE).v : 0);
    }
    EXPECT_EQ(h.refuse_status, 431);
}

/* -- host -- */

TEST(HttpHead, RefusesMissingAndSeveralHosts)
{
    expect_refused(REQ("GET / HTTP/1.1\r\n\r\n"), 400, "no Host header");
    expect_refused(REQ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400,
                   "several Host headers");
    expect_refused(REQ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), 400,
                   "several Host headers");
    EXPECT_OK(REQ("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_EQ(h.host_len, 0);
}

TEST(HttpHead, RefusesHostsThatAreNone)
{
    static const char *const bad[] = {"",        "a b",    "a/b",       "a@b",  "a,b", "a:x",
                                      "a:99999", "[::1",   "[1.2.3.4]", "[zz]", ".",   "a:1:2",
                                      "a%20b",   "[::1]x", ":80",       "a:"};
    for (size_t i = 0; i < LG_ARRAY_CNT(bad); i++) {
        char text[128];
        int n = snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        EXPECT(!lg_is_ok(parse_sized(text, (size_t)n, true)));
        if (h.refuse_status != 400 || strcmp(h.refuse_why, "Host is not a host") != 0)
            t_fail(__FILE__, __LINE__, "Host \"%s\": %s", bad[i], h.refuse_why);
    }
}

TEST(HttpHead, ReadsTheHostWithoutCasePortAndTrailingDot)
{
    EXPECT_OK(REQ("GET / HTTP/1.1\r\nHost: WWW.Example.COM.:8443\r\n\r\n"));
    EXPECT_STR(h.host, "www.example.com");
    EXPECT_OK(REQ("GET / HTTP/1.1\r\nHost: [2001:DB8::1]:443\r\n\r\n"));
    EXPECT_STR(h.host, "[2001:db8::1]");
}

TEST(HttpHead, ReadsAbsoluteFormAndChecksHostAgainstIt)
{
    EXPECT_OK(REQ("GET https://A.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n"));
    EXPECT_STR(h.host, "a.example");
    EXPECT_EQ(h.path.len, 4);
    EXPECT_MEM(h.path.p, "/x?y", 4);
    EXPECT_OK(REQ("GET https://a?y HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_MEM(h.path.p, "?y", 2);
    expect_refused(REQ("GET https://a/ HTTP/1.1\r\nHost: b\r\n\r\n"), 400,
                   "Host differs from the request target");
    expect_refused(REQ("GET https:///x HTTP/1.1\r\nHost: b\r\n\r\n"), 400,
                   "request target without a host");
    expect_refused(REQ("GET https://u@a/ HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400,
                   "Host is not a host");
    EXPECT(!lg_is_ok(REQ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n")));
    EXPECT(!lg_is_ok(REQ("GET x HTTP/1.1\r\nHost: a\r\n\r\n")));
    EXPECT(!lg_is_ok(REQ("GET * HTTP/1.1\r\nHost: a\r\n\r\n")));
    EXPECT_OK(REQ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"));
}

TEST(HttpHead, RefusesOtherExpectations)
{
    expect_refused(WITH("Expect: 200-ok\r\n"), 417, "expectation other than 100-continue");
    EXPECT_OK(WITH("Expect: 100-Continue\r\n"));
    EXPECT(h.expects_continue);
}

TEST(HttpHead, ReadsPersistence)
{
    EXPECT_OK(WITH(""));
    EXPECT(h.keep_alive);
    EXPECT_OK(WITH("Connection: foo, Close\r\n"));
    EXPECT(!h.keep_alive);
    EXPECT_OK(REQ("GET / HTTP/1.0\r\nHost: a\r\n\r\n"));
    EXPECT(!h.keep_alive);
    EXPECT_OK(REQ("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"));
    EXPECT(h.keep_alive);
    EXPECT_OK(REQ("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n"));
    EXPECT(!h.keep_alive);
}

/* -- responses -- */

TEST(HttpHead, ReadsResponseFraming)
{
    EXPECT_OK(RESP("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"));
    EXPECT_EQ(h.status, 200);
    EXPECT_EQ(lg_http_response_framing(&h, false), LG_HTTP_LENGTH);
    EXPECT_EQ(lg_http_response_framing(&h, true), LG_HTTP_NONE);
    EXPECT_OK(RESP("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n"));
    EXPECT_EQ(h.framing, LG_HTTP_CHUNKED);
    EXPECT_OK(RESP("HTTP/1.0 200 \r\n\r\n"));
    EXPECT_EQ(h.framing, LG_HTTP_CLOSE);
    EXPECT(!h.keep_alive);
    EXPECT_OK(RESP("HTTP/1.1 204 No Content\r\n\r\n"));
    EXPECT_EQ(h.framing, LG_HTTP_NONE);
    EXPECT_OK(RESP("HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n"));
    EXPECT_EQ(h.framing, LG_HTTP_NONE);
    EXPECT_OK(RESP("HTTP/1.1 100 Continue\r\n\r\n"));
    EXPECT_EQ(h.framing, LG_HTTP_NONE);
}

TEST(HttpHead, RefusesResponsesThatSplit)
{
    EXPECT(!lg_is_ok(RESP("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nContent-Length: 8\r\n\r\n")));
    EXPECT(!lg_is_ok(
        RESP("HTTP/1.1 200 OK\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n")));
    EXPECT(!lg_is_ok(RESP("HTTP/1.1 200 OK\nContent-Length: 7\r\n\r\n")));
    EXPECT(!lg_is_ok(RESP("HTTP/1.1 20 OK\r\n\r\n")));
    EXPECT(!lg_is_ok(RESP("HTTP/1.1 2000 OK\r\n\r\n")));
    EXPECT(!lg_is_ok(RESP("HTTP/1.1 099 OK\r\n\r\n")));
    EXPECT(!lg_is_ok(RESP("HTTP/1.1 600 OK\r\n\r\n")));
    EXPECT(!lg_is_ok(RESP("ICY 200 OK\r\n\r\n")));
    EXPECT(!lg_is_ok(RESP("HTTP/1.1 200 O\x01K\r\n\r\n")));
    EXPECT(!lg_is_ok(RESP("HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n")));
}

/* -- writing -- */

static lg_span_t chain; /* likewise, of those above it */
static lg_span_t cert;  /* what is passed on of the client's */
static const char *via; /* our name in Via */
static const struct lg_http_changes no_changes;

static const char *write_request(bool is_mutual, bool has_cert)
{
    static char buf[4096];
    struct lg_http_text t = {.p = buf, .cap = sizeof buf - 1};
    const struct lg_http_client c = {.ip = "192.0.2.9",
                                     .proto = "https",
                                     .default_host = "fallback",
                                     .port = 443,
                                     .fwd_keeps = true,
                                     .via = via,
                                     .is_mutual = is_mutual,
                                     .has_cert = has_cert,
                                     .subject = "CN=Good\r\nEvil: 1",
                                     .issuer = "CN=Root",
                                     .serial = "0A",
                                     .fingerprint = "ff00",
                                     .cert = cert,
                                     .chain = chain};
    lg_http_write_request(&h, &c, &no_changes, &t);
    EXPECT(!t.over);
    buf[t.len] = '\0';
    return buf;
}

TEST(HttpWrite, PassesARequestOnWithItsForwardedHeaders)
{
    EXPECT_OK(REQ("GET /x?y HTTP/1.1\r\nAccept:  text/*  \r\nHost: A.example\r\n\r\n"));
    EXPECT_STR(write_request(false, false),
               "GET /x?y HTTP/1.1\r\nHost: A.example\r\nAccept: text/*\r\n"
               "X-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\n"
               "X-Forwarded-Port: 443\r\n\r\n");
}

TEST(HttpWrite, AppendsToForwardedForAndReplacesProto)
{
    EXPECT_OK(WITH("X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-Proto: http\r\n"
                   "x-forwarded-for: 2.2.2.2, 3.3.3.3\r\nX_Forwarded_For: 4.4.4.4\r\n"));
    EXPECT_STR(write_request(false, false),
               "POST / HTTP/1.1\r\nHost: a\r\n"
               "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 192.0.2.9\r\n"
               "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n\r\n");
}

TEST(HttpWrite, AddsItselfToViaWhereAskedTo)
{
    via = "gate-1";
    EXPECT_OK(WITH("Via: 1.0 fred, 1.1 other\r\n"));
    const char *out = write_request(false, false);
    EXPECT_HAS(out, "\r\nVia: 1.0 fred, 1.1 other\r\n");
    EXPECT_HAS(out, "\r\nVia: 1.1 gate-1\r\n");
    EXPECT(strstr(out, "other") < strstr(out, "gate-1"));
    EXPECT_OK(REQ("GET / HTTP/1.0\r\n\r\n"));
    EXPECT_HAS(write_request(false, false), "\r\nVia: 1.0 gate-1\r\n");
    via = NULL;
    EXPECT(strstr(write_request(false, false), "Via") == NULL);
}
TEST(HttpWrite, DropsHopByHopHeadersAndThoseThatConnectionNames)
{
    EXPECT_OK(WITH("Connection: keep-alive, X-Secret, upgrade\r\nKeep-Alive: 5\r\nX-Secret: 1\r\n"
                   "TE: trailers\r\nTrailer: x\r\nUpgrade: websocket\r\nProxy-Connection: x\r\n"
                   "HTTP2-Settings: x\r\nProxy-Authorization: x\r\nX-Kept: 2\r\n"));
    const char *out = write_request(false, false);
    EXPECT_STR(out, "POST / HTTP/1.1\r\nHost: a\r\nX-Kept: 2\r\nX-Forwarded-For: 192.0.2.9\r\n"
                    "X-Forwarded-Proto: https\r\nX-Forwarded-Port: 443\r\n\r\n");
}

TEST(HttpWrite, R42_StripsIdentityHeadersInAnySpelling)
{
    EXPECT_OK(WITH("X-SSL-Client-Verify: SUCCESS\r\nx_ssl_client_subject: CN=root\r\n"
                   "X-Ssl-Client-Anything: 1\r\nX-SSL_CLIENT-Serial: 1\r\nClient-Cert: :x:\r\n"
                   "CLIENT_CERT_CHAIN: y\r\nclient-cert-chain: y\r\nClient_Cert: x\r\n"
                   "X.SSL.Client.Verify: SUCCESS\r\nX-SSL~Client!Serial: 1\r\nClient.Cert: x\r\n"));
    const char *out = write_request(false, false);
    EXPECT(strcasestr(out, "client") == NULL);
    EXPECT(strcasestr(out, "ssl") == NULL);
}

TEST(HttpWrite, R43_SaysTheIdentityOnMutualListenersWithoutControlBytes)
{
    EXPECT_OK(WITH(""));
    const char *out = write_request(true, true);
    EXPECT_HAS(out, "\r\nX-SSL-Client-Verify: SUCCESS\r\n");
    EXPECT_HAS(out, "\r\nX-SSL-Client-Subject: CN=Good??Evil: 1\r\n");
    EXPECT_HAS(out, "\r\nX-SSL-Client-Issuer: CN=Root\r\n");
    EXPECT_HAS(out, "\r\nX-SSL-Client-Serial: 0A\r\n");
    EXPECT_HAS(out, "\r\nX-SSL-Client-Fingerprint: ff00\r\n");
    out = write_request(true, false);
    EXPECT_HAS(out, "\r\nX-SSL-Client-Verify: NONE\r\n");
    EXPECT(strstr(out, "Subject") == NULL);
}

TEST(HttpWrite, R43_WritesTheCertificateAsAByteSequence)
{
    static const struct {
        const char *der, *want;
    } cases[] = {{"f", ":Zg==:"},
                 {"fo", ":Zm8=:"},
                 {"foo", ":Zm9v:"},
                 {"foob", ":Zm9vYg==:"},
                 {"\xff\xff\xfe", ":///+:"}};
    for (size_t i = 0; i < LG_ARRAY_CNT(cases); i++) {
        char line[64];
        cert = lg_span_cstr(cases[i].der);
        EXPECT_OK(WITH("Client-Cert: :AAAA:\r\n"));
        snprintf(line, sizeof line, "\r\nClient-Cert: %s\r\n", cases[i].want);
        const char *out = write_request(true, true);
        EXPECT_HAS(out, line);
        EXPECT(strstr(out, "AAAA") == NULL);
        EXPECT(strstr(write_request(true, false), "Client-Cert:") == NULL);
    }
    cert = lg_span(NULL, 0);
    EXPECT(strstr(write_request(true, true), "Client-Cert:") == NULL);
}

TEST(HttpWrite, R43_WritesTheChainAsAListOfByteSequences)
{
    cert = LG_SPAN_STR("leaf");
    chain = LG_SPAN_STR("\0\3foo\0\4foob");
    EXPECT_OK(WITH("Client-Cert-Chain: :AAAA:\r\n"));
    EXPECT_HAS(write_request(true, true), "\r\nClient-Cert-Chain: :Zm9v:, :Zm9vYg==:\r\n");
    EXPECT(strstr(write_request(true, false), "Client-Cert") == NULL);
    chain = cert = lg_span(NULL, 0);
    EXPECT(strstr(write_request(true, true), "Client-Cert") == NULL);
}

TEST(HttpWrite, FramesTheBodyOnce)
{
    EXPECT_OK(WITH("Content-Length: 007\r\nContent_Length: 9\r\nTransfer_Encoding: chunked\r\n"));
    const char *out = write_request(false, false);
    EXPECT_HAS(out, "\r\nContent-Length: 7\r\n");
    EXPECT(strstr(out, "Content_Length") == NULL);
    EXPECT(strcasestr(out, "transfer") == NULL);
    EXPECT_OK(WITH("transfer-encoding: CHUNKED\r\n"));
    EXPECT_HAS(write_request(false, false), "\r\nTransfer-Encoding: chunked\r\n");
}

TEST(HttpWrite, GivesHttp10RequestsAHostAndNoExpectation)
{
    EXPECT_OK(REQ("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"));
    const char *out = write_request(false, false);
    EXPECT_HAS(out, "GET / HTTP/1.1\r\nHost: fallback\r\n");
    EXPECT(strstr(out, "Expect") == NULL);
}

TEST(HttpWrite, TurnsAbsoluteFormIntoOriginForm)
{
    EXPECT_OK(REQ("GET https://a?q HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_HAS(write_request(false, false), "GET /?q HTTP/1.1\r\nHost: a\r\n");
}

static const char *write_response(enum lg_http_framing framing, enum lg_http_conn conn)
{
    static char buf[4096];
    struct lg_http_text t = {.p = buf, .cap = sizeof buf - 1};
    lg_http_write_response(&h, framing, conn, &no_changes, &t);
    buf[t.len] = '\0';
    return buf;
}

TEST(HttpWrite, PassesAResponseOn)
{
    EXPECT_OK(RESP("HTTP/1.0 200 Fine by me\r\nConnection: x-b, close\r\nX-A: 1\r\nX-B: 2\r\n"
                   "Content-Length: 3\r\nTrailer: z\r\n\r\n"));
    EXPECT_STR(write_response(LG_HTTP_LENGTH, LG_HC_NONE),
               "HTTP/1.1 200 Fine by me\r\nX-A: 1\r\nContent-Length: 3\r\n\r\n");
    EXPECT_STR(write_response(LG_HTTP_LENGTH, LG_HC_CLOSE),
               "HTTP/1.1 200 Fine by me\r\nX-A: 1\r\nContent-Length: 3\r\n"
               "Connection: close\r\n\r\n");
    EXPECT_OK(RESP("HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\n"));
    EXPECT_STR(write_response(LG_HTTP_NONE, LG_HC_KEEP),
               "HTTP/1.1 204 No Content\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_OK(RESP("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"));
    EXPECT_STR(write_response(LG_HTTP_CHUNKED, LG_HC_NONE),
               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
}

TEST(HttpWrite, SaysWhenTheTextDoesNotFit)
{
    char small[16];
    struct lg_http_text t = {.p = small, .cap = sizeof small};
    EXPECT_OK(RESP("HTTP/1.1 200 OK\r\n\r\n"));
    lg_http_write_response(&h, LG_HTTP_CLOSE, LG_HC_CLOSE, &no_changes, &t);
    EXPECT(t.over);
    EXPECT(t.len <= sizeof small);
}
