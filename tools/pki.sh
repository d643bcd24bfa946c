#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Makes a small PKI with the openssl command line, for the demo, the tests and the benchmarks. Its
# keys are thrown away with the folder; nothing here is fit for production.
#
#   tools/pki.sh DIR          what the demo needs
#   tools/pki.sh DIR --tests  and the odd and the broken ones that the tests present
#
# Server side:  server-root > server-inter > server-ecdsa, server-rsa (shop.example)
# Client side:  client-root > client-inter > alice (good), bob (revoked), carol (expired)
#               other-root > mallory
# NAME.pem is the leaf and its intermediate, NAME.crt the leaf alone, NAME.key its key; client-ca.pem
# is what a listener trusts; client-root.crl and client-inter.crl go with it.
set -euo pipefail

[ $# -ge 1 ] || {
    echo "usage: tools/pki.sh DIR [--tests]" >&2
    exit 2
}
mkdir -p "$1"
dir=$(cd "$1" && pwd)
kind=${2:-}
umask 077
cd "$dir"

# Everything an extension or a CA section needs comes in through the environment.
export CA_DIR=. SAN="DNS:unset" PATHLEN=0 MD=sha256
cat >ca.cnf <<'CNF'
[ca]
default_ca = this
[this]
database = $ENV::CA_DIR/index
serial = $ENV::CA_DIR/serial
crlnumber = $ENV::CA_DIR/crlnumber
certificate = $ENV::CA_DIR/cert.pem
private_key = $ENV::CA_DIR/key.pem
new_certs_dir = $ENV::CA_DIR
default_md = $ENV::MD
default_days = 30
default_crl_days = 30
policy = any
unique_subject = no
rand_serial = yes
email_in_dn = no
[any]
organizationName = optional
commonName = supplied
[req]
distinguished_name = dn
prompt = no
[dn]
CN = unset
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[inter]
basicConstraints = critical, CA:TRUE, pathlen:$ENV::PATHLEN
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[no_ca]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature, keyEncipherment
extendedKeyUsage = serverAuth
subjectAltName = $ENV::SAN
authorityKeyIdentifier = keyid
[must_staple]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = $ENV::SAN
authorityKeyIdentifier = keyid
authorityInfoAccess = OCSP;URI:http://127.0.0.1:2560/
tlsfeature = status_request
[responder]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, OCSPSigning
authorityKeyIdentifier = keyid
noCheck = ignored
[client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
[client_no_sign]
basicConstraints = critical, CA:FALSE
keyUsage = critical, keyEncipherment
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
CNF

quiet() { # runs a command and shows its output only when it fails
    "$@" >log 2>&1 || {
        cat log >&2
        echo "pki.sh: failed: $*" >&2
        exit 1
    }
}

make_key() { # FILE TYPE: ec, ec384, ed25519, rsa, rsa1024
    case $2 in
    ec) quiet openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" ;;
    ec384) quiet openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$1" ;;
    ed25519) quiet openssl genpkey -algorithm ED25519 -out "$1" ;;
    rsa) quiet openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1" ;;
    rsa1024) quiet openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$1" ;;
    esac
}

# sign CA CSR OUT EXTENSIONS [openssl ca's arguments]
sign() {
    local ca=$1 csr=$2 out=$3 ext=$4
    shift 4
    CA_DIR=ca/$ca quiet openssl ca -config ca.cnf -batch -notext -in "$csr" -out "$out" \
        -extensions "$ext" "$@"
}

# make_ca NAME COMMON_NAME [PARENT [EXTENSIONS]]; without PARENT it signs itself.
make_ca() {
    local name=$1 cn=$2 parent=${3:-} ext=${4:-inter} d=ca/$1
    mkdir -p "$d"
    : >"$d/index"
    echo 01 >"$d/crlnumber"
    make_key "$d/key.pem" ec
    quiet openssl req -new -config ca.cnf -key "$d/key.pem" -subj "/O=Lockgate/CN=$cn" -out "$d/csr"
    if [ -z "$parent" ]; then
        CA_DIR=$d quiet openssl ca -config ca.cnf -batch -notext -selfsign -in "$d/csr" \
            -keyfile "$d/key.pem" -out "$d/cert.pem" -extensions root
        cp "$d/cert.pem" "$d/chain.pem"
        : >"$d/below.pem"
    else
        sign "$parent" "$d/csr" "$d/cert.pem" "$ext"
        # What a leaf of this CA presents after itself: all CAs but the root.
        cat "$d/cert.pem" "ca/$parent/below.pem" >"$d/below.pem"
        cat "$d/cert.pem" "ca/$parent/chain.pem" >"$d/chain.pem"
    fi
    cp "$d/cert.pem" "$name.pem"
}

# make_leaf CA NAME COMMON_NAME EXTENSIONS KEYTYPE [openssl ca's arguments]
make_leaf() {
    local ca=$1 name=$2 cn=$3 ext=$4 type=$5
    shift 5
    make_key "$name.key" "$type"
    quiet openssl req -new -config ca.cnf -key "$name.key" -subj "/O=Lockgate/CN=$cn" -out "$name.csr"
    sign "$ca" "$name.csr" "$name.crt" "$ext" "$@"
    cat "$name.crt" "ca/$ca/below.pem" >"$name.pem"
}

revoke() { CA_DIR=ca/$1 quiet openssl ca -config ca.cnf -revoke "$2"; }
make_crl() { # CA FILE [openssl ca's arguments]
    local ca=$1 out=$2
    shift 2
    CA_DIR=ca/$ca quiet openssl ca -config ca.cnf -gencrl -out "$out" "$@"
}

demo_pki() {
    make_ca server-root "Lockgate Test Server Root"
    make_ca server-inter "Lockgate Test Server Intermediate" server-root
    make_ca client-root "Lockgate Test Client Root"
    make_ca client-inter "Lockgate Test Client Intermediate" client-root
    make_ca other-root "Some Other Root"

    SAN="DNS:shop.example,DNS:www.shop.example,IP:10.91.1.2,IP:fd91:1::2"
    make_leaf server-inter server-ecdsa shop.example server ec
    make_leaf server-inter server-rsa shop.example server rsa

    make_leaf client-inter alice alice client ec
    make_leaf client-inter bob bob client ec
    make_leaf client-inter carol carol client ec -startdate 20200101000000Z -enddate 20210101000000Z
    make_leaf other-root mallory mallory client ec
    revoke client-inter bob.crt
    make_crl client-root client-root.crl
    make_crl client-inter client-inter.crl
    cat client-root.pem client-inter.pem >client-ca.pem
}

# flip_last_bit IN OUT: the last byte of a certificate is the end of its signature.
flip_last_bit() {
    openssl x509 -in "$1" -outform DER -out flip.der
    local size
    size=$(stat -c %s flip.der)
    head -c $((size - 1)) flip.der >flip2.der
    # shellcheck disable=SC2059 # the byte is the format
    printf "\\x$(printf %02x $((0x$(tail -c 1 flip.der | od -An -tx1 | tr -d ' \n') ^ 1)))" >>flip2.der
    openssl x509 -inform DER -in flip2.der -out "$2"
}

# swap_key PUBLIC_OF PRIVATE_OF OUT: an EC key file with one key's public point and another's private
# number. openssl compares only the points with the certificate, so it signs with the wrong key.
swap_key() {
    local d x
    d=$(openssl pkey -in "$2" -noout -text | awk '/^priv:/ {on = 1; next} /^pub:/ {on = 0} on' |
        tr -d ' :\n')
    x=$(openssl pkey -in "$1" -noout -text | awk '/^pub:/ {on = 1; next} /^ASN1/ {on = 0} on' |
        tr -d ' :\n')
    while [ "${#d}" -gt 64 ]; do d=${d#00}; done
    {
        echo "asn1=SEQUENCE:ec"
        echo "[ec]"
        echo "version=INTEGER:1"
        echo "priv=FORMAT:HEX,OCTETSTRING:$d"
        echo "curve=EXPLICIT:0,OID:prime256v1"
        echo "pub=EXPLICIT:1,FORMAT:HEX,BITSTRING:$x"
    } >swap.cnf
    quiet openssl asn1parse -genconf swap.cnf -noout -out swap.der
    # asn1parse leaves the key as it is written; ec and pkey would mend it.
    {
        echo "-----BEGIN EC PRIVATE KEY-----"
        base64 -w 64 swap.der
        echo "-----END EC PRIVATE KEY-----"
    } >"$3"
}

server_extras() {
    SAN="DNS:other.example"
    make_leaf server-inter other other.example server ec
    SAN="DNS:*.wild.example"
    make_leaf server-inter wild "*.wild.example" server ec
    SAN="DNS:rsa-only.example"
    make_leaf server-inter rsa-only rsa-only.example server rsa
    SAN="DNS:p384.example"
    make_leaf server-inter p384 p384.example server ec384
    SAN="DNS:ed25519.example"
    make_leaf server-inter ed25519 ed25519.example server ed25519
    SAN="DNS:old.example"
    make_leaf server-inter server-expired old.example server ec \
        -startdate 20200101000000Z -enddate 20210101000000Z
    SAN="DNS:shop.example"
    make_leaf server-inter server-next shop.example server ec
    echo "open sesame" >pass.txt
    quiet openssl pkcs8 -topk8 -v2 aes-256-cbc -in other.key -passout file:pass.txt -out other-enc.key
    cat server-inter.pem server-ecdsa.crt >server-disorder.pem
    sed 's/^[A-Za-z0-9+/]\{60\}/&!!!!/' server-ecdsa.crt >server-broken.pem
}

# What test_staple.c staples, and who answers for it: `openssl ocsp` with the CA's index.
ocsp_extras() {
    SAN="DNS:must.example"
    make_leaf server-inter must must.example must_staple ec
    make_leaf server-inter must-not must-not.example must_staple ec
    make_leaf server-inter ocsp-server "Lockgate Test OCSP" responder ec
    revoke server-inter must-not.crt
    answer() { # OUT CERT [openssl ocsp's arguments]
        local out=$1 cert=$2
        shift 2
        quiet openssl ocsp -index ca/server-inter/index -CA server-inter.pem -rsigner ocsp-server.crt \
            -rkey ocsp-server.key -issuer server-inter.pem -cert "$cert" -respout "$out" -noverify "$@"
    }
    answer good.ocsp must.crt -ndays 7
    answer revoked.ocsp must-not.crt -ndays 7
}

client_extras() {
    make_leaf client-inter dave dave client ec -startdate 20900101000000Z -enddate 20910101000000Z
    make_leaf client-inter rsa-client rsa-client client rsa
    make_leaf client-inter weak weak client rsa1024
    make_leaf client-inter wrong-use wrong-use server ec
    make_leaf client-inter no-sign no-sign client_no_sign ec
    MD=sha1 make_leaf client-inter sha1 sha1 client ec
    # Signed by the server's own CA, and by itself.
    make_leaf server-inter insider insider client ec
    make_key selfmade.key ec
    quiet openssl req -x509 -config ca.cnf -new -key selfmade.key -subj /O=Lockgate/CN=selfmade \
        -days 30 -out selfmade.pem
    # Below an intermediate that is no CA.
    make_ca no-ca "Lockgate Test No CA" client-root no_ca
    make_leaf no-ca orphan orphan client ec
    # Another listener's CA.
    make_ca partner-root "Lockgate Test Partner Root"
    make_leaf partner-root partner partner client ec
    # Deep chain: root > d1 > d2 > d3 > leaf.
    PATHLEN=5 make_ca d1 "Lockgate Test Deep 1" client-root
    PATHLEN=4 make_ca d2 "Lockgate Test Deep 2" d1
    PATHLEN=3 make_ca d3 "Lockgate Test Deep 3" d2
    make_leaf d3 deep deep client ec

    flip_last_bit alice.crt flipped.crt
    cat flipped.crt client-inter.pem >flipped.pem
    cp alice.key flipped.key
    swap_key alice.key bob.key thief.key
    cp alice.pem thief.pem
    { cat alice.crt && for _ in $(seq 99); do cat client-inter.pem; done; } >hundred.pem
    cp alice.key hundred.key
}

crl_extras() {
    make_crl client-inter client-inter-stale.crl \
        -crl_lastupdate 20200101000000Z -crl_nextupdate 20200201000000Z
    # Says it is client-inter's, signed by another key.
    mkdir -p ca/forged
    cp ca/client-inter/{index,crlnumber,cert.pem} ca/forged/
    make_key ca/forged/key.pem ec
    CA_DIR=ca/forged openssl ca -config ca.cnf -gencrl -out client-inter-forged.crl \
        -cert ca/client-inter/cert.pem -keyfile ca/forged/key.pem >log 2>&1 || true
    if [ ! -s client-inter-forged.crl ]; then # openssl refuses: change a bit of a good one
        openssl crl -in client-inter.crl -outform DER -out crl.der
        python3 - <<'PY'
d = bytearray(open("crl.der", "rb").read())
d[-1] ^= 1
open("crl-forged.der", "wb").write(d)
PY
        openssl crl -inform DER -in crl-forged.der -out client-inter-forged.crl
    fi
    # A second list in which alice is revoked too.
    cp -r ca/client-inter ca/client-inter-2
    CA_DIR=ca/client-inter-2 quiet openssl ca -config ca.cnf -revoke alice.crt
    make_crl client-inter-2 client-inter-2.crl
}

demo_pki
if [ "$kind" = --tests ]; then
    server_extras
    ocsp_extras
    client_extras
    crl_extras
fi
rm -f log ./*.der swap.cnf
