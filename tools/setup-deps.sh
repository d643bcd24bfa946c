#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Builds the libraries that Debian 12 does not carry in the form we need, from the source packages of
# Debian 13: wolfSSL (our flags, tools/wolfssl.flags) and llhttp (bundled in nghttp2's source).
# Each goes to its own prefix, named by version and by a hash of flags and recipe:
#     $LOCKGATE_DEPS/wolfssl-5.7.2-0.1+deb13u2-1a2b3c4d      and a symlink  $LOCKGATE_DEPS/wolfssl
# so that a prefix never changes once it is there. It does not install Debian packages (setup.sh).
#
#   tools/setup-deps.sh             builds what is missing; takes milliseconds when nothing is
#   tools/setup-deps.sh --refresh   asks the archive for newer (security) versions first
set -euo pipefail
shopt -s inherit_errexit
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/lib.sh
. "$root/tools/lib.sh"

deps=$(deps_dir)
refresh=0
[ "${1:-}" != --refresh ] || refresh=1
mirror=${LOCKGATE_DEBIAN_MIRROR:-http://deb.debian.org}
suite=trixie
wolfssl_min=5.7.2-0.1+deb13u2
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
tmp=

cleanup() { [ -z "$tmp" ] || rm -rf "$tmp"; }
trap cleanup EXIT

# apt with an own source list, index and cache: nothing of the machine's apt is read or changed, and
# as only deb-src lines exist, no binary package of the other release can ever be installed.
private_apt() {
    apt-get -q -o Dir::Etc::SourceList="$tmp/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$tmp/apt/lists" -o Dir::Cache="$tmp/apt/cache" \
        -o Acquire::Languages=none -o Acquire::Retries=3 "$@"
}

# fetch_source PACKAGE [apt-get source's options] leaves the source package's files in
# $deps/src/PACKAGE, checked by apt against the signed index. They stay there, so that a change of
# flags needs no network.
fetch_source() {
    local pkg=$1 dir=$deps/src/$1
    shift
    if [ "$refresh" = 0 ] && compgen -G "$dir/*.orig.tar.*" >/dev/null; then return 0; fi
    read_index
    say "fetching the source package $pkg"
    mkdir -p "$tmp/fetch/$pkg" "$deps/src"
    (cd "$tmp/fetch/$pkg" && private_apt source --download-only "$@" "$pkg") >>"$tmp/log" 2>&1 ||
        die_log "could not fetch the source package $pkg" \
            "./dev setup (again, when the network is back), or LOCKGATE_DEBIAN_MIRROR=http://… ./dev setup"
    rm -rf "$dir"
    mv "$tmp/fetch/$pkg" "$dir"
}

read_index() {
    [ ! -e "$tmp/apt/ready" ] || return 0
    [ -e "$keyring" ] || die "$keyring is missing" "apt-get install debian-archive-keyring"
    mkdir -p "$tmp/apt/lists/partial" "$tmp/apt/cache/archives/partial"
    cat >"$tmp/apt/sources.list" <<EOF
deb-src [signed-by=$keyring] $mirror/debian $suite main
deb-src [signed-by=$keyring] $mirror/debian-security $suite-security main
EOF
    say "reading the $suite source index"
    # Without Error-Mode an index that could not be fetched is only a warning.
    private_apt -o APT::Update::Error-Mode=any update >>"$tmp/log" 2>&1 ||
        die_log "could not read Debian $suite's source index from $mirror" \
            "check the network or proxy, or name a mirror: LOCKGATE_DEBIAN_MIRROR=http://… ./dev setup"
    touch "$tmp/apt/ready"
}

# get_NAME fetches and unpacks into $tmp/NAME and prints the version.
get_wolfssl() {
    local dsc version
    fetch_source wolfssl
    dsc=$(compgen -G "$deps/src/wolfssl/*.dsc")
    version=$(sed -n 's/^Version: *//p' "$dsc" | head -n1)
    case $version in 5.7.2-*) ;; *) die "expected wolfSSL 5.7.2-*, found $version" "see $0" ;; esac
    dpkg --compare-versions "$version" ge "$wolfssl_min" ||
        die "wolfSSL $version lacks the security patches of $wolfssl_min" "./dev setup --refresh"
    # apt has checked the .dsc against the signed index; this applies Debian's patches.
    (cd "$tmp" && dpkg-source --no-check -x "$dsc" wolfssl) >>"$tmp/log" 2>&1 ||
        die_log "could not unpack $dsc" "rm -r $deps/src/wolfssl && ./dev setup"
    echo "$version"
}

# llhttp takes nghttp2's upstream tarball only, so Debian's patches to nghttp2 are NOT applied (for
# wolfSSL they are). The reason: on 1.64.0-1.1+deb13u2 the mirror lacked the .dsc and the patches, so
# what they touch could not be read either. apt still checks the tarball against the signed index.
get_llhttp() {
    local tar
    fetch_source nghttp2 --tar-only
    tar=$(compgen -G "$deps/src/nghttp2/*.orig.tar.*" | grep -v '\.asc$')
    mkdir -p "$tmp/llhttp"
    tar -xf "$tar" -C "$tmp/llhttp" --strip-components=3 --wildcards '*/third-party/llhttp' \
        >>"$tmp/log" 2>&1 || die_log "could not unpack $tar" "rm -r $deps/src/nghttp2 && ./dev setup"
    awk '/define LLHTTP_VERSION_(MAJOR|MINOR|PATCH)/ { v = v s $3; s = "." } END { print v }' \
        "$tmp/llhttp/include/llhttp.h"
}

# flags KIND prints the flags of one kind (configure, define, cc) from tools/wolfssl.flags.
flags() {
    local re
    case $1 in configure) re='--' ;; define) re='-D' ;; *) re='-[^-D]' ;; esac
    sed 's/#.*//; s/[[:space:]]*$//' "$root/tools/wolfssl.flags" | grep -E -e "^$re" || true
}

build_wolfssl() { # PREFIX STAGE
    local src=$tmp/wolfssl prefix=$1 stage=$2 opt
    local -a conf def cc
    mapfile -t conf < <(flags configure)
    mapfile -t def < <(flags define)
    mapfile -t cc < <(flags cc)
    cp "$root/tls/wolf_rand.h" "$src/lg_wolf_rand.h"
    (
        cd "$src" && ./autogen.sh &&
            ./configure --prefix="$prefix" --disable-dependency-tracking "${conf[@]}" \
                CFLAGS="${cc[*]} -ffile-prefix-map=$src=wolfssl" \
                CPPFLAGS="${def[*]} -include $src/lg_wolf_rand.h" &&
            make -j"$(nproc)" &&
            make install DESTDIR="$stage"
    ) </dev/null >>"$tmp/log" 2>&1 || die_log "wolfSSL did not build" "see tools/wolfssl.flags"
    # configure drops what it cannot do without a word: hold it to what we rely on.
    for opt in WOLFSSL_AESNI USE_INTEL_SPEEDUP WOLFSSL_SP_X86_64_ASM WOLFSSL_HAVE_SP_ECC \
        WOLFSSL_HAVE_SP_RSA WOLFSSL_SP_384 ATOMIC_USER HAVE_SECRET_CALLBACK WOLFSSL_TLS13 \
        HAVE_SESSION_TICKET NO_OLD_TLS CUSTOM_RAND_GENERATE_BLOCK WC_NO_HASHDRBG; do
        grep -q "define $opt\b" "$stage$prefix/include/wolfssl/options.h" ||
            die "wolfSSL was configured without $opt" "see tools/wolfssl.flags"
    done
    [ "$(nm "$stage$prefix/lib/libwolfssl.a" 2>/dev/null | grep -c 'U lg_wolf_rand')" -gt 0 ] ||
        die "this wolfSSL does not call lg_wolf_rand" "see tools/wolfssl.flags"
    rm -rf "${stage:?}$prefix/bin" "${stage:?}$prefix/share" "${stage:?}$prefix/lib/libwolfssl.la"
    cp "$src/COPYING" "$root/tools/wolfssl.flags" "$stage$prefix/"
}

build_llhttp() { # PREFIX STAGE VERSION
    local src=$tmp/llhttp out=$2$1 f
    mkdir -p "$out/include" "$out/lib/pkgconfig"
    for f in api http llhttp; do
        cc -std=c11 -O3 -fPIC -fstack-protector-strong -g1 "-ffile-prefix-map=$src=llhttp" \
            -I"$src/include" -c "$src/src/$f.c" -o "$tmp/llhttp-$f.o" >>"$tmp/log" 2>&1 ||
            die_log "llhttp did not build" "./dev setup"
    done
    ar rcs "$out/lib/libllhttp.a" "$tmp"/llhttp-*.o
    cp "$src/include/llhttp.h" "$out/include/"
    cp "$src/LICENSE-MIT" "$out/"
    cat >"$out/lib/pkgconfig/libllhttp.pc" <<EOF
Name: llhttp
Description: HTTP/1 parser
Version: $3
Libs: -L$1/lib -lllhttp
Cflags: -I$1/include
EOF
}

# newest NAME HASH prints the newest finished prefix; a prefix appears by rename, so one that is
# there is whole.
newest() { compgen -G "$deps/$1-*-$2" | sort -V | tail -n1; }

# point NAME PREFIX swings the symlink in one step.
point() {
    [ "$(readlink "$deps/$1" 2>/dev/null)" != "${2##*/}" ] || return 0
    ln -sfn "${2##*/}" "$deps/.$1.$$"
    mv -T "$deps/.$1.$$" "$deps/$1"
}

# provide NAME HASH
provide() {
    local name=$1 hash=$2 prefix version stage
    prefix=$(newest "$name" "$hash") || true
    if [ -z "$prefix" ] || [ "$refresh" = 1 ]; then
        version=$("get_$name")
        prefix=$deps/$name-$version-$hash
        if [ ! -d "$prefix" ]; then
            say "building $name $version"
            stage=$tmp/stage-$name
            mkdir -p "$stage"
            "build_$name" "$prefix" "$stage" "$version"
            mv -T "$stage$prefix" "$prefix"
        fi
    fi
    point "$name" "$prefix"
}

hash8() { sha256sum | cut -c1-8; }
wolfssl_hash=$({
    flags configure && flags define && flags cc
    cat "$root/tls/wolf_rand.h"
    declare -f build_wolfssl flags
} | hash8)
llhttp_hash=$(declare -f build_llhttp | hash8)

mkdir -p "$deps" 2>/dev/null || die "cannot write to $deps" "LOCKGATE_DEPS=DIR ./dev setup"
if [ "$refresh" = 0 ]; then # the quick way out, without the lock
    w=$(newest wolfssl "$wolfssl_hash") || true
    l=$(newest llhttp "$llhttp_hash") || true
    if [ -n "$w" ] && [ -n "$l" ] && [ "$deps/wolfssl" -ef "$w" ] && [ "$deps/llhttp" -ef "$l" ]; then
        exit 0
    fi
fi
[ -w "$deps" ] || die "$deps is out of date and not ours to write" "sudo ./dev setup, or LOCKGATE_DEPS=DIR ./dev setup"
exec 9>"$deps/.lock"
flock -n 9 || { say "waiting for another set-up to finish"; flock 9; }
rm -rf "$deps"/.build.* # left by a set-up that was killed; we hold the lock
tmp=$(mktemp -d "$deps/.build.XXXXXX")
chmod 755 "$tmp" # apt's own user reads here
provide wolfssl "$wolfssl_hash"
provide llhttp "$llhttp_hash"
