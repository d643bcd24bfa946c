/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_listeners.c: R1 and R2, and that each client program gets through. */
#include "rig.h"

E2E(Listeners, R1_TcpSslOneWayServesCurl)
{
    RIG(rig_standard);
    int64_t done = rig_stat("tls_hs_done"), in = rig_stat("proxy_opened");
    EXPECT_RUN(0, "get 8443 /hello");
    EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
    EXPECT_STAT("tls_hs_done", done + 1);
    EXPECT_STAT("proxy_opened", in + 1);
    EXPECT(rig_settles());
}

E2E(Listeners, R1_TcpSslMutualServesCurl)
{
    RIG(rig_standard);
    int64_t mutual = rig_stat("tls_hs_mutual");
    EXPECT_RUN(0, "get 8444 /hello $(as alice)");
    EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
    EXPECT_STAT("tls_hs_mutual", mutual + 1);
}

E2E(Listeners, R1_HttpsOneWayServesCurl)
{
    RIG(rig_standard);
    int64_t requests = rig_stat("http_requests"), good = rig_stat("http_2xx");
    EXPECT_RUN(0, "get 443 /hello");
    EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
    EXPECT_STAT("http_requests", requests + 1);
    EXPECT_STAT("http_2xx", good + 1);
    EXPECT(rig_settles());
}

E2E(Listeners, R1_HttpsMutualServesCurl)
{
    RIG(rig_standard);
    int64_t mutual = rig_stat("tls_hs_mutual");
    EXPECT_RUN(0, "get 444 /hello $(as alice)");
    EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
    EXPECT_STAT("tls_hs_mutual", mutual + 1);
}

E2E(Listeners, R1_Ipv6WorksLikeIpv4)
{
    static const char *const ports[] = {"8443", "443", "8444 /hello $(as alice) -o -",
                                        "444 /hello $(as alice) -o -"};
    RIG(rig_standard);
    for (int i = 0; i < 2; i++) {
        EXPECT_RUN(0, "ADDR=$GATE6 get %s /hello", ports[i]);
        EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
    }
    for (int i = 2; i < 4; i++) {
        EXPECT_RUN(0, "ADDR=$GATE6 get %s", ports[i]);
        EXPECT_STR(rig_out, "hello from 10.91.2.10\n");
    }
    EXPECT_RUN(0, "ADDR=$GATE6 get 9011 /hello");
    EXPECT_STR(rig_out, "hello from fd91:2::10\n");
    EXPECT_RUN(0, "get 443 /api -H 'Host: any.example' -o /dev/null -w '%%{http_code}'");
    EXPECT_STR(rig_out, "404"); /* nginx's, over IPv6: it has no /api */
    EXPECT_RUN(0, "ADDR=$GATE6 get 8443 /1m | md5sum | cut -d ' ' -f 1 >\"$DIR/a\";"
                  "sum \"$DIR/www/1m\" | cmp - \"$DIR/a\"");
}

E2E(Listeners, R1_OpensslAndGnutlsGetThrough)
{
    RIG(rig_standard);
    EXPECT_RUN(0, "hello 8443");
    EXPECT_HAS(rig_out, "hello from 10.91.2.10");
    EXPECT_HAS(rig_out, "Verify return code: 0 (ok)");
    EXPECT_RUN(0, "hello 8444 -cert $PKI/alice.pem -key $PKI/alice.key");
    EXPECT_HAS(rig_out, "hello from 10.91.2.10");
    EXPECT_RUN(0, "gnutls 8443");
    EXPECT_HAS(rig_out, "hello from 10.91.2.10");
    EXPECT_RUN(0, "gnutls 8444 --x509certfile=$PKI/alice.pem --x509keyfile=$PKI/alice.key");
    EXPECT_HAS(rig_out, "hello from 10.91.2.10");
}

E2E(Listeners, R2_OneWayDoesNotAskForACertificate)
{
    RIG(rig_standard);
    int64_t mutual = rig_stat("tls_hs_mutual");
    static const char *const versions[] = {"-tls1_3", "-tls1_2"};
    for (int i = 0; i < 2; i++) {
        EXPECT_RUN(0, "hello 8443 %s -msg -cert $PKI/alice.pem -key $PKI/alice.key", versions[i]);
        EXPECT_HAS(rig_out, "hello from");
        EXPECT(!strstr(rig_out, "CertificateRequest"));
        EXPECT_RUN(0, "hello 8444 %s -msg -cert $PKI/alice.pem -key $PKI/alice.key", versions[i]);
        EXPECT_HAS(rig_out, "CertificateRequest"); /* the words are there when it is asked */
    }
    EXPECT_STAT("tls_hs_mutual", mutual + 2);
}
