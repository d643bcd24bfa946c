/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_scan.c: what those see who look us over: sslscan (no finding of weight), and GnuTLS as a
 * client that is refused, alert by alert (R15 to R28). */
#include "rig.h"

#include <stdio.h>

/* count: lines of the scan in which a text stands. */
static int count(const char *text)
{
    int n = 0;
    for (const char *at = rig_out; (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

E2E(Scan, SslscanFindsNothingOfWeight)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "sslscan --no-colour --sni-name=shop.example $GATE4:8443");
    static const char *const wanted[] = {
        "SSLv2     disabled",
        "SSLv3     disabled",
        "TLSv1.0   disabled",
        "TLSv1.1   disabled",
        "TLSv1.2   enabled",
        "TLSv1.3   enabled",
        "Server supports TLS Fallback SCSV",
        "Session renegotiation not supported",
        "TLSv1.3 not vulnerable to heartbleed",
        "TLSv1.2 not vulnerable to heartbleed",
        "Preferred TLSv1.3  256 bits  TLS_AES_256_GCM_SHA384",
        "Preferred TLSv1.2  256 bits  ECDHE-ECDSA-AES256-GCM-SHA384",
    };
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        EXPECT_HAS(rig_out, wanted[i]);
    /* Three suites of 1.3, six of 1.2: each with forward secrecy and an AEAD. */
    EXPECT_EQ(count("Accepted  TLSv1.3") + count("Preferred TLSv1.3"), 3);
    EXPECT_EQ(count("Accepted  TLSv1.2") + count("Preferred TLSv1.2"), 6);
    static const char *const unwanted[] = {"CBC",         "RC4",  "3DES",      "DES-",
                                           "NULL",        "EXP-", "ADH",       "DHE-RSA-AES256-SHA",
                                           "AES128-SHA ", "sha1", "anonymous", "Connection failed"};
    for (size_t i = 0; i < sizeof unwanted / sizeof unwanted[0]; i++)
        if (strstr(rig_out, unwanted[i]))
            t_fail(__FILE__, __LINE__, "sslscan found %s:\n%.6000s", unwanted[i], rig_out);
}

static const struct {
    const char *port, *who; /* who NULL: shows nothing */
    int alert13, alert12;   /* 0: GnuTLS does not try */
} refused[] = {
    {"8444", NULL, 116, 40},       /* R15 certificate_required, handshake_failure */
    {"8444", "carol", 45, 45},     /* R18 certificate_expired */
    {"8444", "dave", 45, 45},      /* R18 not yet valid */
    {"8444", "bob", 44, 44},       /* R19 certificate_revoked */
    {"8444", "mallory", 48, 48},   /* R20 unknown_ca */
    {"8444", "insider", 48, 48},   /* R20 by the server's own CA */
    {"8444", "selfmade", 48, 48},  /* R20 */
    {"8444", "partner", 48, 48},   /* R21 */
    {"8444", "wrong-use", 43, 43}, /* R23 unsupported_certificate */
    {"8444", "no-sign", 43, 0},    /* R23 */
    {"8461", "orphan", 42, 42},    /* R23 bad_certificate: below no CA */
    {"8462", "deep", 42, 42},      /* R23 too deep */
    {"8444", "sha1", 42, 42},      /* R24 */
    {"8444", "flipped", 42, 42},   /* R26 */
    {"8456", "alice", 46, 46},     /* R28 certificate_unknown: no list */
    {"8458", "alice", 46, 46},     /* R28 a stale one */
};

E2E(Scan, R15ToR28_GnutlsIsToldTheExactAlert)
{
    RIG(rig_standard);
    int64_t backend = rig_stat("tcp_connected");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        for (int v = 0; v < 2; v++) {
            if (v && !refused[i].alert12)
                continue;
            char want[64], cert[256] = "";
            if (refused[i].who)
                snprintf(cert, sizeof cert, "--x509certfile=$PKI/%s.pem --x509keyfile=$PKI/%s.key",
                         refused[i].who, refused[i].who);
            snprintf(want, sizeof want, "alert [%d]", v ? refused[i].alert12 : refused[i].alert13);
            if (rig_client("gnutls %s %s --priority=NORMAL:%%VERIFY_ALLOW_SIGN_WITH_SHA1:-VERS-ALL:"
                           "+VERS-TLS1.%d",
                           refused[i].port, cert, v ? 2 : 3) == 0 ||
                !strstr(rig_out, want) || strstr(rig_out, "hello from"))
                t_fail(__FILE__, __LINE__, "%s at %s, 1.%d: no %s in %.1500s",
                       refused[i].who ? refused[i].who : "nobody", refused[i].port, v ? 2 : 3, want,
                       rig_out);
        }
    EXPECT_EQ(rig_stat("tcp_connected"), backend);
}
