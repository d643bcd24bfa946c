#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Lockgate and HAProxy side by side, one thread each, on the same veth pairs, certificates, client
# and origin, in turn and in one run. Prints a Markdown report.
#
#   bench/compare.sh [RUNS [SECONDS]]      5 runs each, 4 s a handshake run
#
# What is measured
#   bulk        100 MB by curl over TLS 1.3, mode tcp, from nginx
#   handshakes  full TLS 1.3 handshakes a second (ECDSA P-256, X25519) by bench-handshakes, against
#               an HTTP listener: no request follows, so no backend takes part
# The proxy has the last CPU to itself, curl, the handshake client and nginx share the others.
#
# Two wire modes. "wire": no offload anywhere, frames of 1,514 bytes for both. "native": HAProxy with
# every offload the kernel has, so that packets of 64 KB without checksums pass; Lockgate cannot have
# these on a veth, because attaching XDP takes software segmentation from the peer. Read both.
#
# Each rate stands with how busy the CPUs were (/proc/stat: user, system, interrupts): where the
# client's CPU was over 90 % and the proxy's was not, the client was the limit, and the rate is a
# lower bound. A veth's receive work would run on the CPU of whoever sent, so each side would pay for
# the other. It is brought to where it belongs, for both contenders: the client's and origin's to the
# other CPUs and HAProxy's to its own by receive packet steering (RPS), the XDP program before
# Lockgate to Lockgate's CPU by threaded NAPI.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/lib.sh
. "$root/tools/lib.sh"
# shellcheck source=tools/netrig.sh
. "$root/tools/netrig.sh"

runs=${1:-5}
seconds=${2:-4}
bin=${LOCKGATE_BIN_DIR:-$root/build/release}
id=b$$
dir=
proxy_pid=
origin_pid=
proxy_cpu=$(($(nproc) - 1))
others=0
[ "$proxy_cpu" -lt 2 ] || others=0-$((proxy_cpu - 1))

[ "$(id -u)" = 0 ] || die "the comparison makes network namespaces, which needs root" "sudo $0"
[ "$(nproc)" -ge 2 ] || die "one CPU for the proxy and one for the rest are needed" ""
for tool in haproxy nginx curl ethtool jq taskset; do
    command -v "$tool" >/dev/null || die "$tool is missing" "./dev setup"
done
{ [ -x "$bin/control/lockgate" ] && [ -x "$bin/bench/bench-handshakes" ]; } ||
    die "$bin is not built" "./dev build"

# shellcheck disable=SC2317 # called by trap
clean_up() {
    trap - EXIT
    trap '' INT TERM
    stop_proxy
    [ -z "$origin_pid" ] || kill -TERM "$origin_pid" 2>/dev/null
    wait 2>/dev/null
    net_down "$id"
    [ -z "$dir" ] || rm -rf "$dir"
}
is_gone() { ! kill -0 "$1" 2>/dev/null; }
stop_proxy() {
    [ -n "$proxy_pid" ] || return 0
    kill -TERM "$proxy_pid" 2>/dev/null
    wait_until 10 is_gone "$proxy_pid" || kill -KILL "$proxy_pid" 2>/dev/null
    wait "$proxy_pid" 2>/dev/null
    proxy_pid=
}
trap clean_up EXIT
trap 'exit 130' INT TERM
dir=$(mktemp -d /tmp/lockgate-bench.XXXXXX) || exit 1

# ---------------------------------------------------------------- the two proxies

offloads() { # on | off
    local end
    for end in "$NS_CLIENT front" "$NS_GATE lg-front" "$NS_GATE lg-back" "$NS_ORIGIN back"; do
        # shellcheck disable=SC2086 # two words
        in_ns ${end% *} ethtool -K "${end#* }" tx "$1" rx "$1" tso "$1" gso "$1" gro "$1" \
            >/dev/null 2>&1
    done
}

rps() { # NAMESPACE DEVICE MASK
    local queue
    for queue in $(in_ns "$1" sh -c "ls -d /sys/class/net/$2/queues/rx-*"); do
        in_ns "$1" sh -c "echo $3 >$queue/rps_cpus"
    done
}

steer() {
    local proxy_mask others_mask
    proxy_mask=$(printf %x $((1 << proxy_cpu)))
    others_mask=$(printf %x $(((1 << proxy_cpu) - 1)))
    rps "$NS_CLIENT" front "$others_mask"
    rps "$NS_ORIGIN" back "$others_mask"
    rps "$NS_GATE" lg-front "$proxy_mask"
    rps "$NS_GATE" lg-back "$proxy_mask"
}

# pin_xdp: the threads that run lg-front's and lg-back's receive work go to the proxy's CPU.
pin_xdp() {
    local dev pid
    for dev in lg-front lg-back; do
        in_ns "$NS_GATE" sh -c "echo 1 >/sys/class/net/$dev/threaded" || return 1
    done
    for pid in $(pgrep '^napi/lg-'); do
        taskset -pc "$proxy_cpu" "$pid" >/dev/null || return 1
    done
}

kernel_address() { # add | del: the addresses are the kernel's only while HAProxy runs
    ip -n "$NS_GATE" addr "$1" 10.91.1.2/24 dev lg-front
    ip -n "$NS_GATE" addr "$1" 10.91.2.2/24 dev lg-back
}

write_configs() {
    local huge=false
    [ "$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null || echo 0)" -lt 256 ] ||
        huge=true
    cat "$dir/pki/server-ecdsa.pem" "$dir/pki/server-ecdsa.key" >"$dir/haproxy.pem"
    cat >"$dir/haproxy.cfg" <<CONF
global
    nbthread 1
    maxconn 4000
    tune.ssl.default-dh-param 2048
    ssl-default-bind-ciphersuites TLS_AES_256_GCM_SHA384
    ssl-default-bind-curves X25519
    tune.ssl.cachesize 0
defaults
    mode tcp
    timeout client 30s
    timeout server 30s
    timeout connect 5s
listen raw
    bind 10.91.1.2:8443 ssl crt $dir/haproxy.pem ssl-min-ver TLSv1.3 no-tls-tickets
    server a 10.91.2.10:80
listen site
    mode http
    bind 10.91.1.2:443 ssl crt $dir/haproxy.pem ssl-min-ver TLSv1.3 no-tls-tickets
    server a 10.91.2.10:80
CONF
    cat >"$dir/lockgate.yaml" <<CONF
global:
  workers: [$proxy_cpu]
  idle: adaptive
  memory: 512MiB
  hugepages: $huge
  max_connections: 4000
  drain_timeout: 3s
  control_socket: $dir/lockgate.sock
  file_prefix: lgbench$$
ports:
  - {name: front, device: "af_xdp:lg-front", addresses: [10.91.1.2/24]}
  - {name: back, device: "af_xdp:lg-back", addresses: [10.91.2.2/24]}
pools:
  - {name: web, backends: [{name: a, address: "10.91.2.10:80"}]}
listeners:
  - name: raw
    type: tcp_ssl
    bind: ["10.91.1.2:8443"]
    pool: web
    tls: {min_version: "1.3", certificates: [{cert: $dir/pki/server-ecdsa.pem, key: $dir/pki/server-ecdsa.key}]}
  - name: site
    type: https
    bind: ["10.91.1.2:443"]
    pool: web
    tls: {min_version: "1.3", certificates: [{cert: $dir/pki/server-ecdsa.pem, key: $dir/pki/server-ecdsa.key}]}
CONF
}

start_proxy() { # lockgate | haproxy-wire | haproxy-native
    case $1 in
    lockgate)
        offloads off
        ip netns exec "$NS_GATE" "$bin/control/lockgate" -c "$dir/lockgate.yaml" >"$dir/proxy.log" 2>&1 &
        ;;
    haproxy-*)
        kernel_address add
        offloads "$([ "$1" = haproxy-native ] && echo on || echo off)"
        # ip-netns has no way to pin; taskset execs, so the process id stays.
        ip netns exec "$NS_GATE" taskset -c "$proxy_cpu" haproxy -db -f "$dir/haproxy.cfg" \
            >"$dir/proxy.log" 2>&1 &
        ;;
    esac
    proxy_pid=$!
    wait_until 20 in_ns "$NS_CLIENT" curl -skf --max-time 2 -o /dev/null https://10.91.1.2:8443/1k || {
        cat "$dir/proxy.log" >&2
        die "$1 does not serve" ""
    }
    [ "$1" != lockgate ] || pin_xdp || die "the XDP program's work could not be pinned" ""
}

end_proxy() { # the same
    stop_proxy
    [ "$1" = lockgate ] || kernel_address del
}

# ---------------------------------------------------------------- measuring

# cpu_times prints "PROXY_BUSY PROXY_ALL OTHERS_BUSY OTHERS_ALL" in ticks.
cpu_times() {
    awk -v p="cpu$proxy_cpu" '/^cpu[0-9]/ {
        all = 0
        for (i = 2; i <= 9; i++) all += $i
        busy = all - $5 - $6 - $9 # idle, iowait; stolen time is nobody'"'"'s
        if ($1 == p) { pb = busy; pa = all } else { ob += busy; oa += all }
    } END { print pb, pa, ob, oa }' /proc/stat
}

busy() { # BEFORE AFTER prints "PROXY% OTHERS%"
    awk -v a="$1" -v b="$2" 'BEGIN {
        split(a, x, " "); split(b, y, " ")
        printf "%.0f %.0f", 100 * (y[1] - x[1]) / (y[2] - x[2] + 0.001),
            100 * (y[3] - x[3]) / (y[4] - x[4] + 0.001)
    }'
}

declare -A bulk hs bulk_busy hs_busy cycles
measure() { # NAME
    local name=$1 before after rate
    start_proxy "$name"
    # Once to look at what comes, then without a disk in the way.
    {
        in_ns "$NS_CLIENT" curl -sk --max-time 60 -o "$dir/down" https://10.91.1.2:8443/100m &&
            cmp -s "$dir/down" "$dir/www/100m"
    } || die "$name: the download is not what was sent" ""
    before=$(cpu_times)
    rate=$(in_ns "$NS_CLIENT" taskset -c "$others" curl -sk --max-time 60 -o /dev/null \
        -w '%{speed_download}' https://10.91.1.2:8443/100m) || die "$name: the download failed" ""
    after=$(cpu_times)
    bulk[$name]+="$(awk -v r="$rate" 'BEGIN { printf "%.1f", r / 1e6 }') "
    bulk_busy[$name]=$(busy "$before" "$after")
    before=$(cpu_times)
    in_ns "$NS_CLIENT" taskset -c "$others" "$bin/bench/bench-handshakes" -c 32 -d "$seconds" -v 1.3 \
        10.91.1.2 443 >"$dir/hs.json" 2>"$dir/hs.err" || die "$name: $(cat "$dir/hs.err" "$dir/hs.json")" ""
    after=$(cpu_times)
    [ "$(jq .errors "$dir/hs.json")" = 0 ] || warn "$name: $(jq -c . "$dir/hs.json")"
    hs[$name]+="$(jq '.per_second | round' "$dir/hs.json") "
    hs_busy[$name]=$(busy "$before" "$after")
    if [ "$name" = lockgate ]; then
        local n c
        n=$("$bin/control/lockgatectl" -s "$dir/lockgate.sock" stats tls_hs_done)
        c=$("$bin/control/lockgatectl" -s "$dir/lockgate.sock" stats tls_hs_cycles)
        cycles[$name]=$((c / n))
    fi
    end_proxy "$name"
}

# stats NUMBER… prints "MEDIAN MIN MAX".
stats() {
    printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END {
        m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
        print m, v[1], v[NR]
    }'
}

# shellcheck disable=SC2086 # lists of numbers
row() { # TITLE UNIT VALUES BUSY REFERENCE_VALUES
    local med lo hi ref
    read -r med lo hi < <(stats $3)
    read -r ref _ < <(stats $5)
    printf '| %s | %s %s | %s – %s | %s | %s %% / %s %% |\n' "$1" "$med" "$2" "$lo" "$hi" \
        "$(awk -v a="$med" -v b="$ref" 'BEGIN { printf "%.2f", a / b }')" ${4% *} ${4#* }
}

report() {
    local name ref=haproxy-wire
    echo
    echo "## Lockgate and HAProxy, one thread each"
    echo
    echo "$(date -u +%Y-%m-%d), $(git -C "$root" describe --always --dirty 2>/dev/null || echo unknown);" \
        "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) CPUs, Linux $(uname -r);" \
        "$(haproxy -v | sed -n 's/^HAProxy version \([^ ]*\).*/HAProxy \1/p'), $(openssl version | cut -d ' ' -f 1,2);" \
        "$runs runs each, in turn; median, range; ratio to HAProxy on the same wire."
    echo
    echo "| 100 MB, TLS 1.3, tcp | median | range | ratio | proxy's CPU / the others' |"
    echo "|---|---|---|---|---|"
    for name in haproxy-wire haproxy-native lockgate; do
        row "$name" MB/s "${bulk[$name]}" "${bulk_busy[$name]}" "${bulk[$ref]}"
    done
    echo
    echo "| full handshakes, TLS 1.3, ECDSA P-256, X25519 | median | range | ratio | proxy's CPU / the others' |"
    echo "|---|---|---|---|---|"
    for name in haproxy-wire haproxy-native lockgate; do
        row "$name" /s "${hs[$name]}" "${hs_busy[$name]}" "${hs[$ref]}"
        if [ "${hs_busy[$name]#* }" -gt 90 ] && [ "${hs_busy[$name]% *}" -lt 90 ]; then
            limited+="$name "
        fi
    done
    echo
    [ -z "$limited" ] || echo "The client was the limit for: $limited(a lower bound)."
    [ -z "$noisy" ] || echo "$noisy"
    echo "Lockgate naps when it finds no work (idle: adaptive, the default); its own count is ${cycles[lockgate]} TSC" \
        "cycles inside TLS for a handshake."
}

# Somebody else's work on these CPUs makes every number worthless: look before.
look_around() {
    local before after
    before=$(cpu_times)
    sleep 1
    after=$(cpu_times)
    read -r before after < <(busy "$before" "$after")
    [ "$before" -le 10 ] && [ "$after" -le 10 ] && return
    noisy="CPUs were busy before the run ($before % and $after %): do not trust these numbers."
    warn "$noisy"
}

limited=
noisy=
look_around
"$root/tools/pki.sh" "$dir/pki" || exit 1
net_up "$id" || die "the network namespaces could not be made" ""
steer
origin_files "$dir"
origin_conf "$dir" 80 >"$dir/nginx.conf"
write_configs
ip netns exec "$NS_ORIGIN" taskset -c "$others" nginx -c "$dir/nginx.conf" >"$dir/nginx.log" 2>&1 &
origin_pid=$!
wait_until 10 in_ns "$NS_ORIGIN" curl -sf -o /dev/null http://10.91.2.10/1k || die "nginx does not answer" ""
for ((run = 1; run <= runs; run++)); do
    say "run $run of $runs"
    for name in haproxy-wire lockgate haproxy-native; do measure "$name"; done
done
report
