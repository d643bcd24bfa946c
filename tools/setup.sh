#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Makes this machine able to do what the verbs of `dev` need: Debian packages by group, the libraries
# of setup-deps.sh, hugepages. Safe to run again; with nothing missing it takes well under a second
# and no network.
#
#   tools/setup.sh [--refresh] GROUP…      groups: build test bench fuzz lint
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/lib.sh
. "$root/tools/lib.sh"

# The one list of packages.
declare -A packages=(
    [build]="build-essential meson ninja-build pkg-config python3 libdpdk-dev libyaml-dev libjansson-dev
        libcap-ng-dev libpcre2-dev libc-ares-dev
        libmicrohttpd-dev libgnutls28-dev libcurl4-gnutls-dev libgtest-dev libssl-dev libbpf-dev libxdp-dev clang-14 libipsec-mb-dev dpkg-dev debian-archive-keyring ca-certificates
        autoconf automake libtool"
    [test]="haproxy openssl curl gnutls-bin sslscan nghttp2-client nginx-light iproute2 iputils-ping ethtool procps
        tcpdump tshark socat netcat-openbsd jq prometheus logrotate python3-jsonschema python3-yaml mandoc util-linux"
    [bench]="wrk haproxy hitch nginx-light nghttp2-client openssl curl jq iproute2 ethtool procps python3"
    [fuzz]="clang-14 libclang-rt-14-dev"
    [lint]="clang-format codespell shellcheck git lua5.4"
)
hugepages=512 # of 2 MiB

missing_packages() { # prints those of its arguments that are not installed
    local have
    have=$(dpkg-query -W -f='${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null |
        sed -n 's/^ii *//p') || true
    comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$have")
}

apt_root() {
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get -q -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 "$@" </dev/null
}

# nginx, haproxy, hitch and prometheus are started by our tests, never by the system: nothing starts while they
# are installed (policy-rc.d), and those that were not here before are switched off for later boots.
no_daemons_on() {
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee /usr/sbin/policy-rc.d >/dev/null
        as_root chmod 755 /usr/sbin/policy-rc.d
        trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    fi
}

install_packages() {
    local -a need
    local unit
    mapfile -t need < <(missing_packages "$@")
    [ "${#need[@]}" -gt 0 ] || return 0
    local by_hand="apt-get update && apt-get install --no-install-recommends ${need[*]}"
    command -v apt-get >/dev/null || die "this is not a Debian system; wanted: ${need[*]}" ""
    can_root || die "cannot install packages without root: ${need[*]}" "sudo sh -c '$by_hand'"
    say "installing ${need[*]}"
    # A source of the machine's own that does not answer must not stop us: the install decides.
    apt_root update >/dev/null 2>&1 || warn "apt-get update had errors; going on with what it has"
    no_daemons_on
    apt_root install -y --no-install-recommends "${need[@]}" >&2 ||
        die "could not install ${need[*]}" "$by_hand"
    if command -v systemctl >/dev/null; then
        for unit in nginx haproxy hitch prometheus; do
            case " ${need[*]} " in
            *" $unit"*) as_root systemctl disable "$unit" >/dev/null 2>&1 || true ;;
            esac
        done
    fi
    # "||" above does not see a package that apt silently held back.
    mapfile -t need < <(missing_packages "$@")
    [ "${#need[@]}" -eq 0 ] || die "still not installed: ${need[*]}" "$by_hand"
}

# Hugepages do not outlive a reboot, so this runs each time. Without them everything still works with
# `--no-huge`, slower; tests that need them are skipped.
reserve_hugepages() {
    local f=/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages have want=$hugepages free_mib
    local by_hand="echo $want | sudo tee $f"
    local fallback="running with --no-huge, without hugepages"
    [ -z "${LOCKGATE_NO_HUGE:-}" ] || return 0
    if [ ! -e "$f" ]; then
        warn "this kernel has no 2 MiB hugepages: $fallback"
        return 0
    fi
    have=$(cat "$f")
    if [ "$have" -lt "$want" ]; then
        free_mib=$(awk '/^MemAvailable/ { print int($2 / 1024) }' /proc/meminfo)
        if [ "$free_mib" -lt $((2 * want + 2048)) ]; then
            warn "only $free_mib MiB of memory are free, $want hugepages not reserved: $fallback"
            warn "  to mend it: free some memory, then $by_hand"
            return 0
        fi
        { echo "$want" | as_root tee "$f"; } >/dev/null 2>&1 || true
        have=$(cat "$f")
    fi
    if [ "$have" -lt "$want" ]; then
        warn "$have of $want hugepages could be had: $fallback"
        warn "  to mend it: $by_hand   (after a reboot, when memory is not fragmented yet)"
        return 0
    fi
    if ! grep -q ' hugetlbfs ' /proc/mounts; then
        { as_root mkdir -p /dev/hugepages && as_root mount -t hugetlbfs none /dev/hugepages; } \
            2>/dev/null || warn "no hugetlbfs is mounted: $fallback
lockgate: warning:   to mend it: sudo mount -t hugetlbfs none /dev/hugepages"
    fi
}

refresh=()
groups=()
for arg in "$@"; do
    case $arg in
    --refresh) refresh=(--refresh) ;;
    *)
        [ -n "${packages[$arg]:-}" ] || die "no such group: $arg" "./dev help"
        groups+=("$arg")
        ;;
    esac
done
wanted=()
for g in "${groups[@]}"; do
    read -r -d '' -a list <<<"${packages[$g]}" || true
    wanted+=("${list[@]}")
done
[ "${#wanted[@]}" -eq 0 ] || install_packages "${wanted[@]}"
case " ${groups[*]} " in *" build "*) "$root/tools/setup-deps.sh" "${refresh[@]}" ;; esac
case " ${groups[*]} " in *" test "* | *" bench "*) reserve_hugepages ;; esac
