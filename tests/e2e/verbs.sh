# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Words for the commands of the end-to-end tests. Read in before each of them; DIR, SRC, GATE4,
# GATE6, LOCKGATE and LOCKGATECTL are set by rig.c.

PKI=$DIR/pki

# get PORT PATH [curl's arguments]: as shop.example; prints the body.
get() {
    local port=$1 path=$2
    shift 2
    curl -sS --max-time 100 --noproxy '*' --cacert "$PKI/server-root.pem" \
        --resolve "shop.example:$port:${ADDR:-$GATE4}" "$@" "https://shop.example:$port$path"
}

# code PORT PATH [curl's arguments] prints the status only.
code() { get "$@" -o /dev/null -w '%{http_code}\n'; }

# as NAME: the arguments of curl or s_client that present this client certificate.
as() { echo "--cert $PKI/$1.pem --key $PKI/$1.key"; }

# s_client PORT [arguments]: sends standard input, prints everything openssl says and gets until the
# other side has ended.
s_client() {
    local port=$1
    shift
    timeout 20 openssl s_client -connect "${ADDR:-$GATE4}:$port" -servername "${NAME:-shop.example}" \
        -CAfile "$PKI/server-root.pem" -ign_eof "$@" 2>&1
}

# hello PORT [arguments]: a whole request by s_client. Under TLS 1.3 a client learns only by reading
# after its handshake that it was refused.
hello() { printf 'GET /hello HTTP/1.0\r\nHost: shop.example\r\n\r\n' | s_client "$@"; }

# gnutls PORT [arguments]: the same by gnutls-cli.
gnutls() {
    local port=$1
    shift
    printf 'GET /hello HTTP/1.0\r\nHost: shop.example\r\n\r\n' | timeout 20 gnutls-cli \
        --x509cafile="$PKI/server-root.pem" --sni-hostname=shop.example \
        --verify-hostname=shop.example -p "$port" "$@" "${ADDR:-$GATE4}" 2>&1
}

# py VERB …: client.py, for what no ordinary client does.
py() { timeout "${PATIENCE:-40}" python3 "$SRC/client.py" "$PKI" "${ADDR:-$GATE4}" "$@"; }

sum() { md5sum <"$1" | cut -d ' ' -f 1; }
