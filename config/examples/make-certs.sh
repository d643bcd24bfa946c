#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Makes the keys and certificates that the example configurations name, to try them out: good for
# thirty days and for nothing else.
#
#   make-certs.sh DIR     DIR/tls/…; put the examples beside it, or point their paths there
set -euo pipefail
[ $# -eq 1 ] || {
    echo "usage: make-certs.sh DIR" >&2
    exit 2
}
mkdir -p "$1/tls"
cd "$1/tls"
umask 077
export RANDFILE=/dev/null

openssl_quiet() { openssl "$@" 2>openssl.log || { cat openssl.log >&2; exit 1; }; }

# root NAME COMMON_NAME: a CA of its own.
root() {
    openssl_quiet req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -keyout "$1.key" -out "$1.pem" -subj "/O=Example/CN=$2" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

# leaf CA NAME COMMON_NAME USAGE [NAMES]: a certificate signed by it.
leaf() {
    {
        echo "basicConstraints=critical,CA:FALSE"
        echo "keyUsage=critical,digitalSignature"
        echo "extendedKeyUsage=$4"
        [ -z "${5:-}" ] || echo "subjectAltName=$5"
    } >ext
    openssl_quiet req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$2.key" \
        -out "$2.csr" -subj "/O=Example/CN=$3"
    openssl_quiet x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days 30 \
        -extfile ext -out "$2.pem"
    rm -f "$2.csr" ext
}

# crl CA: a revocation list that revokes nobody yet.
crl() {
    : >index
    echo 01 >number
    printf '%s\n' "[ca]" "default_ca=this" "[this]" "database=index" "crlnumber=number" \
        "default_md=sha256" "default_crl_days=30" >ca.cnf
    openssl_quiet ca -config ca.cnf -gencrl -keyfile "$1.key" -cert "$1.pem" -out "$1.crl"
    rm -f ca.cnf index* number*
}

root site-ca "Example Site CA"
leaf site-ca www "www.example.com" serverAuth "DNS:www.example.com,DNS:example.com"
leaf site-ca api "api.example.com" serverAuth "DNS:api.example.com"
leaf site-ca wild "tenants.example.net" serverAuth "DNS:*.tenants.example.net"
leaf site-ca bank "partners.bank.example" serverAuth "DNS:partners.bank.example"

root partners-ca "Partners CA"
crl partners-ca
leaf partners-ca partner "Partner One" clientAuth

root acme-ca "Tenant ACME's Clients"
leaf acme-ca acme-user "acme user" clientAuth

root inner-ca "Inner CA"
crl inner-ca
leaf inner-ca core "core.bank.internal" serverAuth "DNS:core.bank.internal"
leaf inner-ca lockgate "lockgate" clientAuth
rm -f openssl.log ./*.srl
