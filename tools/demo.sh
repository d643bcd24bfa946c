#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demo: a client, Lockgate and an nginx, each in a network namespace of its own, joined by veth
# pairs; curl goes through four listeners, is refused where it must be, and moves 100 MB each way.
# Prints a report; the exit status is 0 only when everything was as expected.
#
#   ./dev demo            runs it and clears everything away
#   ./dev demo --keep     leaves it running until Ctrl-C or ./dev demo --stop
#   ./dev demo --stop     ends one that was kept
#
# LOCKGATE_DEMO_TAP=1 takes TAP devices even where AF_XDP works.
#
# shellcheck disable=SC2317 # what traps and wait_until call is reached
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/lib.sh
. "$root/tools/lib.sh"
# shellcheck source=tools/netrig.sh
. "$root/tools/netrig.sh"

bin=${LOCKGATE_BIN_DIR:-$root/build/release}
gate_bin=$bin/control/lockgate
ctl_bin=$bin/control/lockgatectl
kept=/run/lockgate-demo.pid
id=$$
dir=
gate_pid=
origin_pid=
failures=0

# ---------------------------------------------------------------- start and end

clean_up() {
    trap - EXIT
    trap '' INT TERM HUP
    local pid
    for pid in $gate_pid $origin_pid; do kill -TERM "$pid" 2>/dev/null; done
    if [ -n "$gate_pid" ]; then
        wait_until 8 is_gone "$gate_pid" || kill -KILL "$gate_pid" 2>/dev/null
    fi
    wait 2>/dev/null
    net_down "$id"
    [ -z "$dir" ] || rm -rf "$dir"
    [ "$(cat "$kept" 2>/dev/null)" != "$$" ] || rm -f "$kept"
}
is_gone() { ! kill -0 "$1" 2>/dev/null; }

stop_kept() {
    local pid
    pid=$(cat "$kept" 2>/dev/null) || die "no demo is running" ""
    # The id could have gone to another process since.
    if ! tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q 'demo\.sh'; then
        rm -f "$kept"
        die "no demo is running" ""
    fi
    kill -TERM "$pid"
    wait_until 15 is_gone "$pid" || die "the demo (process $pid) does not end" "kill -KILL $pid"
    say "the demo has ended"
}

give_up() { # WHAT: cannot even begin
    echo "lockgate: error: $1" >&2
    [ ! -s "${dir:-/nowhere}/lockgate.log" ] || tail -n 20 "$dir/lockgate.log" >&2
    exit 1
}

keep=0
case ${1:-} in
"") ;;
--keep) keep=1 ;;
--stop)
    stop_kept
    exit 0
    ;;
*)
    echo "usage: ./dev demo [--keep | --stop]" >&2
    exit 2
    ;;
esac
[ "$(id -u)" = 0 ] || die "the demo makes network namespaces, which needs root" "sudo ./dev demo"
[ -x "$gate_bin" ] || die "$gate_bin is not built" "./dev build"
for tool in ip ethtool curl openssl nginx python3 sha256sum; do
    command -v "$tool" >/dev/null || die "$tool is missing" "./dev setup"
done

# Started in the background a shell ignores SIGINT, and its children with it: --stop sends TERM.
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
dir=$(mktemp -d "${TMPDIR:-/tmp}/lockgate-demo.XXXXXX") || exit 1
chmod 755 "$dir"

# ---------------------------------------------------------------- the parts

device=af_xdp
device_note="AF_XDP"
tap_reason=
if [ -n "${LOCKGATE_DEMO_TAP:-}" ]; then
    tap_reason="asked for"
elif ! have_af_xdp; then
    tap_reason="this kernel gives no AF_XDP sockets"
fi

use_tap() { # REASON
    device=tap
    device_note="TAP devices, not AF_XDP: $1"
    warn "running on TAP devices, which are slower: $1"
}

free_huge_mib() {
    local n
    n=$(cat /sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages 2>/dev/null) || n=0
    echo $((n * 2))
}

write_config() {
    local memory=256 huge=true front=lg-front back=lg-back
    if [ "$(free_huge_mib)" -lt "$memory" ] || [ -n "${LOCKGATE_NO_HUGE:-}" ]; then
        huge=false
    fi
    if [ "$device" = tap ]; then
        front=lg-tap0
        back=lg-tap1
    fi
    cat >"$dir/lockgate.yaml" <<CONF
global:
  workers: [$(($(nproc) - 1))]
  idle: adaptive
  memory: ${memory}MiB
  hugepages: $huge
  max_connections: 2000
  control_socket: $dir/lockgate.sock
  log_level: info
  drain_timeout: 3s
  file_prefix: lgdemo$id
ports:
  - {name: front, device: "$device:$front", mtu: 1500, addresses: [10.91.1.2/24, "fd91:1::2/64"]}
  - {name: back, device: "$device:$back", mtu: 1500, addresses: [10.91.2.2/24, "fd91:2::2/64"]}
pools:
  - {name: web, backends: [{name: a, address: "10.91.2.10:80"}, {name: b, address: "10.91.2.11:80"}]}
listeners:
$(listener tcp-one-way tcp_ssl 8443 "")
$(listener tcp-mutual tcp_ssl 8444 required)
$(listener https-one-way https 443 "")
$(listener https-mutual https 444 required)
CONF
}

listener() { # NAME TYPE PORT CLIENT_AUTH
    cat <<CONF
  - name: $1
    type: $2
    bind: ["10.91.1.2:$3", "[fd91:1::2]:$3"]
    tls:
      certificates:
        - {cert: $dir/pki/server-ecdsa.pem, key: $dir/pki/server-ecdsa.key}
        - {cert: $dir/pki/server-rsa.pem, key: $dir/pki/server-rsa.key}
CONF
    [ -z "$4" ] || cat <<CONF
      client_auth: $4
      client_ca: $dir/pki/client-ca.pem
      crl: [$dir/pki/client-root.crl, $dir/pki/client-inter.crl]
CONF
    if [ "$2" = https ]; then
        echo '    routes: [{host: "*", path: /, pool: web}]'
    else
        echo '    pool: web'
    fi
}

# The kernel's end of a TAP device appears when Lockgate starts; a bridge joins it to the veth.
join_taps() {
    local n
    for n in 0 1; do
        wait_until 5 ip -n "$NS_GATE" link show "lg-tap$n" || return 1
        ip -n "$NS_GATE" link add "br$n" type bridge mcast_snooping 0 &&
            ip -n "$NS_GATE" link set "lg-tap$n" master "br$n" up &&
            ip -n "$NS_GATE" link set "$([ $n = 0 ] && echo lg-front || echo lg-back)" master "br$n" &&
            ip -n "$NS_GATE" link set "br$n" up || return 1
    done
}

gate_answers() { "$ctl_bin" -s "$dir/lockgate.sock" version; }
gate_up_or_dead() { is_gone "$gate_pid" || gate_answers; }

start_gate() {
    write_config
    ip netns exec "$NS_GATE" "$gate_bin" -c "$dir/lockgate.yaml" >"$dir/lockgate.log" 2>&1 &
    gate_pid=$!
    wait_until 20 gate_up_or_dead && ! is_gone "$gate_pid" || return 1
    [ "$device" != tap ] || join_taps
}

stop_gate() {
    kill -TERM "$gate_pid" 2>/dev/null
    wait_until 8 is_gone "$gate_pid" || kill -KILL "$gate_pid" 2>/dev/null
    wait "$gate_pid" 2>/dev/null
    gate_pid=
}

start_all() {
    say "making certificates, namespaces and files"
    "$root/tools/pki.sh" "$dir/pki" || give_up "the certificates could not be made"
    net_up "$id" || give_up "the network namespaces could not be made"
    origin_files "$dir" || give_up "no room for the files in $dir"
    origin_conf "$dir" 80 >"$dir/nginx.conf"
    ip netns exec "$NS_ORIGIN" nginx -c "$dir/nginx.conf" >"$dir/nginx.log" 2>&1 &
    origin_pid=$!
    wait_until 10 in_ns "$NS_ORIGIN" curl -sf http://10.91.2.10/hello ||
        give_up "nginx does not answer: $(tail -n 3 "$dir/nginx.log" "$dir/nginx-error.log" 2>&1)"
    say "starting lockgate"
    [ -z "$tap_reason" ] || use_tap "$tap_reason"
    if ! start_gate; then
        # Only a failed device is a reason for another device.
        if [ "$device" != af_xdp ] || ! grep -qi 'af_xdp\|xdp\|xsk' "$dir/lockgate.log"; then
            give_up "lockgate did not start"
        fi
        cat "$dir/lockgate.log" >&2
        stop_gate
        use_tap "AF_XDP did not start on a veth here"
        start_gate || give_up "lockgate did not start on TAP devices either"
    fi
    wait_until 10 in_ns "$NS_CLIENT" ping -c 1 -W 1 10.91.1.2 ||
        give_up "lockgate does not answer pings on 10.91.1.2"
}

# ---------------------------------------------------------------- asking

fail() {
    echo "  UNEXPECTED: $*"
    failures=$((failures + 1))
}

# ask PORT URL_PATH [curl's arguments]: verbose text in $dir/said, body in $dir/body. Its status is
# curl's. Lockgate's certificate is always checked, for shop.example. curl runs in the background so
# that a signal need not wait for it.
ask() {
    local port=$1 path=$2
    shift 2
    in_ns "$NS_CLIENT" curl -sSv --max-time 60 --noproxy '*' --cacert "$dir/pki/server-root.pem" \
        --resolve "shop.example:$port:${address:-10.91.1.2}" -o "$dir/body" \
        -w '%{http_code} %{speed_download} %{speed_upload}' "$@" \
        "https://shop.example:$port$path" >"$dir/numbers" 2>"$dir/said" &
    wait $!
}

as() { echo "--cert $dir/pki/$1.pem --key $dir/pki/$1.key"; }
negotiated() { sed -n 's/^\* SSL connection using \([^ ]*\) \/ \([^ ]*\).*/\1 \2/p' "$dir/said" | head -n 1; }
# The alert as OpenSSL, and so curl, names it: "tlsv13 alert certificate required".
alert() {
    sed -n -E 's/.*(sslv3|tlsv1|tlsv13) (alert )?([a-z ]+)(, errno.*)?$/\3/p' "$dir/said" |
        head -n 1 | tr ' ' '_'
}
counter() { "$ctl_bin" -s "$dir/lockgate.sock" stats "$1" 2>/dev/null || echo 0; }
counter_is() { [ "$(counter "$1")" = "$2" ]; }
rate() { awk -v b="$1" 'BEGIN { printf "%.0f MB/s", b / 1e6 }'; }
number() { cut -d ' ' -f "$1" "$dir/numbers"; }

# served NAME PORT WANTED_VERSION [curl's arguments]
served() {
    local name=$1 port=$2 want=$3 version suite
    shift 3
    if ! ask "$port" /hello "$@" || ! grep -q '^hello from 10\.91\.2\.' "$dir/body"; then
        fail "$name: $(tail -n 1 "$dir/said")"
        return
    fi
    read -r version suite < <(negotiated) || true
    [ "$version" = "$want" ] || fail "$name: negotiated ${version:-nothing}, wanted $want"
    printf '  %-22s %-8s %-30s %s\n' "$name" "$version" "$suite" "$(cat "$dir/body")"
}

# refused WHO WHAT ALERT COUNTER PORT [curl's arguments]: the client must see just this alert, the
# backend nothing, and the counter of this reason must rise by one.
refused() {
    local name=$1 want=$2 stat=$3 port=$4 before backend got
    shift 4
    before=$(counter "$stat")
    backend=$(counter proxy_backend_ok)
    if ask "$port" /hello "$@"; then
        fail "$name: was served"
        return
    fi
    got=$(alert)
    [ "$got" = "$want" ] || fail "$name: saw alert ${got:-none} ($(tail -n 1 "$dir/said")), wanted $want"
    wait_until 2 counter_is "$stat" $((before + 1)) ||
        fail "$name: counter $stat went from $before to $(counter "$stat")"
    [ "$(counter proxy_backend_ok)" = "$backend" ] || fail "$name: the backend was asked"
    printf '  %-36s %-24s %s\n' "$name" "${got:-none}" "$stat"
}

same() { [ "$(sha256sum <"$1")" = "$(sha256sum <"$2")" ]; }

# moved NAME PORT [curl's arguments]: 100 MB down and up, with equal checksums.
moved() {
    local name=$1 port=$2 down=failed up=failed
    shift 2
    if ask "$port" /100m "$@" && same "$dir/body" "$dir/www/100m"; then
        down=$(rate "$(number 2)")
    else
        fail "$name: download: $(tail -n 1 "$dir/said")"
    fi
    rm -f "$dir/www/up/$name"
    if ask "$port" "/up/$name" -T "$dir/www/100m" "$@" && same "$dir/www/up/$name" "$dir/www/100m"; then
        up=$(rate "$(number 3)")
    else
        fail "$name: upload: $(tail -n 1 "$dir/said")"
    fi
    rm -f "$dir/www/up/$name" "$dir/body"
    printf '  %-22s %-16s %-16s %s\n' "$name" "$down" "$up" "SHA-256 as sent"
}

# ---------------------------------------------------------------- the report

# shellcheck disable=SC2046 # as prints several words
report() {
    local hs cycles
    echo
    echo "Served: curl > lockgate ($device_note) > nginx"
    printf '  %-22s %-8s %-30s %s\n' listener version suite answer
    served "tcp_ssl one-way" 8443 TLSv1.3
    served "tcp_ssl mutual" 8444 TLSv1.3 $(as alice)
    served "https one-way" 443 TLSv1.3
    served "https mutual" 444 TLSv1.3 $(as alice)
    served "tcp_ssl, TLS 1.2, RSA" 8443 TLSv1.2 --tls-max 1.2 --ciphers ECDHE-RSA-AES128-GCM-SHA256
    address='[fd91:1::2]' served "https, IPv6" 443 TLSv1.3
    echo
    echo "Refused: what the client presents, the alert it sees, the counter that rose"
    local listener port
    for listener in "tcp_ssl mutual:8444" "https mutual:444"; do
        port=${listener#*:}
        listener=${listener%:*}
        refused "$listener: no certificate" certificate_required tls_fail_no_cert "$port"
        refused "$listener: wrong CA" unknown_ca tls_fail_unknown_ca "$port" $(as mallory)
        refused "$listener: expired" certificate_expired tls_fail_expired "$port" $(as carol)
        refused "$listener: revoked" certificate_revoked tls_fail_revoked "$port" $(as bob)
    done
    refused "https mutual, TLS 1.2: none" handshake_failure tls_fail_no_cert 444 --tls-max 1.2
    echo
    echo "Moved: 100 MB each way"
    printf '  %-22s %-16s %-16s %s\n' listener download upload checksum
    moved "tcp_ssl" 8443
    moved "https" 443
    hs=$(counter tls_hs_done)
    cycles=$(counter tls_hs_cycles)
    echo
    if [ "${hs:-0}" -gt 0 ] && [ "${cycles:-0}" -gt 0 ]; then
        echo "Handshakes: $hs completed, $((cycles / hs)) TSC cycles each ($(counter tls_hs_mutual) mutual)"
    else
        fail "the counters tls_hs_done ($hs) and tls_hs_cycles ($cycles) say nothing"
    fi
    is_gone "$gate_pid" && fail "lockgate ended by itself: $(tail -n 3 "$dir/lockgate.log")"
    echo
}

drained() {
    local status
    kill -TERM "$gate_pid"
    if ! wait_until 10 is_gone "$gate_pid"; then
        fail "lockgate did not end after SIGTERM"
        return
    fi
    wait "$gate_pid"
    status=$?
    gate_pid=
    [ "$status" = 0 ] || fail "lockgate ended with status $status after SIGTERM"
}

invite() {
    local in_client="ip netns exec $NS_CLIENT" pki=$dir/pki
    local curl="curl -v --cacert $pki/server-root.pem --connect-to ::10.91.1.2:"
    cat <<TEXT
Lockgate runs on. To try, from another terminal:

  $in_client $curl https://shop.example/hello
  $in_client $curl https://shop.example:444/hello --cert $pki/alice.pem --key $pki/alice.key
  $in_client openssl s_client -connect 10.91.1.2:8444 -servername shop.example \\
      -CAfile $pki/server-root.pem -cert $pki/bob.pem -key $pki/bob.key
  $ctl_bin -s $dir/lockgate.sock stats
  $ctl_bin -s $dir/lockgate.sock reload      # after a change in $dir/lockgate.yaml
  tail -f $dir/lockgate.log

Ctrl-C, or ./dev demo --stop, ends it and clears everything away.
TEXT
}

start_all
report
if [ "$failures" != 0 ]; then
    echo "The end of lockgate's log:"
    tail -n 15 "$dir/lockgate.log" | sed 's/^/  /'
fi
if [ "$keep" = 1 ]; then
    echo $$ >"$kept"
    invite
    trap 'exit $((failures != 0))' INT TERM HUP # asked for: no failure by itself
    # A wait that a signal can interrupt.
    wait "$gate_pid"
    gate_pid=
    fail "lockgate ended by itself"
else
    [ -z "$gate_pid" ] || drained
fi
if [ "$failures" = 0 ]; then
    echo "The demo went as expected."
    exit 0
fi
echo "The demo did NOT go as expected: $failures findings above."
exit 1
