#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# How fast a file comes down over a lossy, slow wire: from Lockgate, and from Linux with CUBIC (nginx
# in the place of Lockgate), in turn, through the same wire with the same dice.
#
#   bench/tcp_loss.sh [RUNS [WIRE]]    default 3, "loss=1 delay=25": 50 ms round trip
#
# Each run takes SIZE (default 2000000) bytes over each of FLOWS (default 8) connections. Prints the
# seconds of each run and the ratio of the medians (Linux's time by ours: above 1, we are faster).
# Needs root and a build (LOCKGATE_BUILD, default build).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tools/netrig.sh
. tools/netrig.sh

runs=${1:-3}
how=${2:-loss=1 delay=25}
flows=${FLOWS:-8}
size=${SIZE:-2000000}
build=${LOCKGATE_BUILD:-build}/release
id=loss$$
dir=$(mktemp -d)
pids=()

finish() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    net_down "$id"
    net_down "${id}l"
    rm -rf "$dir"
}
trap finish EXIT

# unplug: no bridge on the front of the network named last; a wire takes its place.
unplug() {
    in_ns "$NS_WIRE" ip link set front-1 nomaster
    in_ns "$NS_WIRE" ip link set front-2 nomaster
    in_ns "$NS_CLIENT" sysctl -qw net.ipv4.tcp_no_metrics_save=1
}

# A network of its own for Linux: AF_XDP lets go of a device only a while after its user's end.
net_up "${id}l" wire
unplug
in_ns "$NS_GATE" sysctl -qw net.ipv4.tcp_no_metrics_save=1
ip -n "$NS_GATE" addr add 10.91.1.2/24 dev lg-front
ip -n "$NS_GATE" route replace 10.91.1.0/24 dev lg-front congctl cubic
peer_ns=$NS_GATE
net_up "$id" wire
unplug

tools/pki.sh "$dir/pki" --tests >/dev/null
mkdir -p "$dir/www"
head -c "$size" /dev/urandom >"$dir/www/file"
certs="$dir/pki/server-ecdsa.pem"

nginx_conf() { # LISTEN… : its addresses with options
    cat <<CONF
user root; worker_processes 1; daemon off; pid $dir/nginx-$1.pid; error_log $dir/nginx.log;
events { worker_connections 1024; }
http { access_log off; sendfile on; server { listen $2;
  ssl_certificate $certs; ssl_certificate_key ${certs%.pem}.key; root $dir/www; } }
CONF
}
nginx_conf origin 10.91.2.10:80 >"$dir/origin.conf"
nginx_conf peer "10.91.1.2:8443 ssl" >"$dir/peer.conf"
in_ns "$NS_ORIGIN" nginx -c "$dir/origin.conf" 2>/dev/null &
pids+=($!)
in_ns "$peer_ns" nginx -c "$dir/peer.conf" 2>/dev/null &
pids+=($!)
cat >"$dir/gate.yaml" <<CONF
global: {workers: [1], memory: 256MiB, hugepages: false, max_connections: 1000,
         congestion_control: ${CC:-cubic}, control_socket: $dir/gate.sock, log_level: warn, file_prefix: lg$id}
ports:
  - {name: front, device: "af_xdp:lg-front", mtu: 1500, addresses: [10.91.1.2/24]}
  - {name: back, device: "af_xdp:lg-back", mtu: 1500, addresses: [10.91.2.2/24]}
pools: [{name: web, backends: [{name: a, address: "10.91.2.10:80"}]}]
listeners:
  - {name: raw, type: tcp_ssl, bind: ["10.91.1.2:8443"], pool: web,
     tls: {certificates: [{cert: $certs, key: ${certs%.pem}.key}]}}
CONF

get() { # NUMBER
    in_ns "$NS_CLIENT" curl -sS --max-time 300 --cacert "$dir/pki/server-root.pem" \
        --resolve shop.example:8443:10.91.1.2 https://shop.example:8443/file -o "$dir/got.$1"
}

# fetch ID SEED: all flows over a fresh wire of that network; prints the milliseconds.
fetch() {
    local i t0 t1 wire
    local -a jobs=()
    net_names "$1"
    : >"$dir/wire"
    # shellcheck disable=SC2086 # several words
    ip netns exec "$NS_WIRE" "$build/tests/e2e/e2e_wire" front-1 front-2 $how "seed=$2" >"$dir/wire" &
    wire=$!
    wait_until 5 grep -q ready "$dir/wire"
    t0=$(date +%s%N)
    for i in $(seq "$flows"); do
        get "$i" &
        jobs+=($!)
    done
    for i in "${jobs[@]}"; do wait "$i"; done
    t1=$(date +%s%N)
    for i in $(seq "$flows"); do cmp "$dir/got.$i" "$dir/www/file"; done
    kill "$wire"
    wait "$wire" || true
    echo $(((t1 - t0) / 1000000))
}

median() { sort -n | awk '{v[NR]=$1} END {print v[int((NR+1)/2)]}'; }

in_ns "$NS_GATE" "$build/control/lockgate" -c "$dir/gate.yaml" >"$dir/gate.log" 2>&1 &
pids+=($!)
wait_until 30 "$build/control/lockgatectl" -s "$dir/gate.sock" version
for run in $(seq "$runs"); do
    ours=$(fetch "$id" "$run")
    linux=$(fetch "${id}l" "$run")
    echo "run $run: lockgate $ours ms, linux $linux ms"
    echo "$ours" >>"$dir/ours"
    echo "$linux" >>"$dir/linux"
done
"$build/control/lockgatectl" -s "$dir/gate.sock" stats tcp_rto tcp_retrans tcp_fast_retrans \
    tcp_lost_again tcp_tlp tcp_undone tcp_dsack_rx | paste -sd' '
a=$(median <"$dir/ours") b=$(median <"$dir/linux")
echo "median: lockgate $a ms, linux $b ms; throughput of Linux's: $((100 * b / a)) %"
