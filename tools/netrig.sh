# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The little network that the demo, the end-to-end tests and the benchmarks run in. Sourced, or run
# by bash -c '. tools/netrig.sh; net_up …'. Needs root.
#
#   client namespace          Lockgate's              origin namespace
#   front 10.91.1.1     <==>  lg-front    lg-back <==>  back 10.91.2.10, .11
#         fd91:1::1                                          fd91:2::10, ::11
#
# Lockgate's own addresses (10.91.1.2, 10.91.2.2, fd91:1::2, fd91:2::2) are not given to the kernel:
# its frames never see the kernel's stack. A veth peer that leaves checksums to a "hardware" that is
# not there sends frames without valid ones: net_up switches that off (ethtool -K tx off), and with
# it segmentation, so that frames have the size they would have on a wire.
#
# With "wire" a fourth namespace stands between, with a bridge on each side that a test can replace
# by a program that loses, doubles and reorders frames:
#   client front == front-c [br-front] front-g == lg-front …  lg-back == back-g [br-back] back-o == back
#
# Names carry an id, so several can exist at once. net_down also ends what still runs inside.

# net_names ID sets NS_CLIENT, NS_GATE, NS_ORIGIN, NS_WIRE.
net_names() {
    NS_CLIENT=lg-client-$1
    NS_GATE=lg-gate-$1
    NS_ORIGIN=lg-origin-$1
    NS_WIRE=lg-wire-$1
}

in_ns() { # NAMESPACE COMMAND…
    local ns=$1
    shift
    ip netns exec "$ns" "$@"
}

# plain NAMESPACE DEVICE: frames as they would be on a wire.
plain() {
    in_ns "$1" ethtool -K "$2" tx off rx off tso off gso off gro off >/dev/null 2>&1 || true
}

# An address is answered for on its own device only: a second one on the same link must not draw to
# itself what is for the first.
net_ns() { # NAMESPACE
    ip netns add "$1" && ip -n "$1" link set lo up &&
        in_ns "$1" sysctl -qw net.ipv4.conf.all.arp_ignore=1 \
            net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
            net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0
}

# net_pair NS DEVICE NS DEVICE: two ends of a veth, one queue in use of two, so that ethtool -L can
# give the second.
net_pair() {
    ip -n "$1" link add "$2" numtxqueues 2 numrxqueues 2 type veth \
        peer name "$4" netns "$3" numtxqueues 2 numrxqueues 2 || return 1
    local i
    for i in "$1 $2" "$3 $4"; do
        # shellcheck disable=SC2086 # two words
        set -- $i
        in_ns "$1" ethtool -L "$2" tx 1 rx 1 >/dev/null 2>&1 || true
        plain "$1" "$2"
        ip -n "$1" link set "$2" up || return 1
    done
}

# net_link FROM_NS DEVICE TO_NS DEVICE BRIDGE: joined through the wire namespace.
net_link() {
    local side=$5
    net_pair "$1" "$2" "$NS_WIRE" "$side-1" && net_pair "$NS_WIRE" "$side-2" "$3" "$4" || return 1
    ip -n "$NS_WIRE" link add "br-$side" type bridge mcast_snooping 0 &&
        ip -n "$NS_WIRE" link set "$side-1" master "br-$side" &&
        ip -n "$NS_WIRE" link set "$side-2" master "br-$side" &&
        ip -n "$NS_WIRE" link set "br-$side" up
}

net_up() { # ID [wire]
    net_names "$1"
    net_ns "$NS_CLIENT" && net_ns "$NS_GATE" && net_ns "$NS_ORIGIN" || return 1
    # The kernel shall say nothing of its own on Lockgate's devices.
    in_ns "$NS_GATE" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    if [ "${2:-}" = wire ]; then
        net_ns "$NS_WIRE" || return 1
        in_ns "$NS_WIRE" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
            net.ipv6.conf.default.disable_ipv6=1
        # Else the bridge drops malformed IP packets before we see them.
        in_ns "$NS_WIRE" sysctl -qw net.bridge.bridge-nf-call-iptables=0 \
            net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null || true
        net_link "$NS_CLIENT" front "$NS_GATE" lg-front front &&
            net_link "$NS_ORIGIN" back "$NS_GATE" lg-back back || return 1
    else
        net_pair "$NS_CLIENT" front "$NS_GATE" lg-front &&
            net_pair "$NS_ORIGIN" back "$NS_GATE" lg-back || return 1
    fi
    ip -n "$NS_CLIENT" addr add 10.91.1.1/24 dev front &&
        ip -n "$NS_CLIENT" addr add fd91:1::1/64 dev front nodad &&
        ip -n "$NS_ORIGIN" addr add 10.91.2.10/24 dev back &&
        ip -n "$NS_ORIGIN" addr add 10.91.2.11/24 dev back &&
        ip -n "$NS_ORIGIN" addr add fd91:2::10/64 dev back nodad &&
        ip -n "$NS_ORIGIN" addr add fd91:2::11/64 dev back nodad
}

# net_down ID: also after a net_up that failed half way, and twice.
net_down() {
    net_names "$1"
    local ns pid
    for ns in "$NS_CLIENT" "$NS_GATE" "$NS_ORIGIN" "$NS_WIRE"; do
        [ -e "/run/netns/$ns" ] || continue
        # These namespaces are ours alone, and so is what runs in them.
        for pid in $(ip netns pids "$ns" 2>/dev/null); do
            kill -KILL "$pid" 2>/dev/null || true
        done
        ip netns del "$ns" 2>/dev/null || true
    done
}

# have_af_xdp: whether this kernel gives AF_XDP sockets (family 44) to us.
have_af_xdp() { python3 -c 'import socket; socket.socket(44, socket.SOCK_RAW, 0)' 2>/dev/null; }

# wait_until SECONDS COMMAND…: until it succeeds; fails when the time is over.
wait_until() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# origin_conf DIR PORT… prints the configuration of an nginx that serves DIR/www, takes uploads at
# /up/, and says on which of its addresses it was asked (X-Origin).
origin_conf() {
    local dir=$1 port
    shift
    cat <<CONF
user root;
worker_processes 1;
daemon off;
pid $dir/nginx.pid;
error_log $dir/nginx-error.log warn;
events { worker_connections 16384; }
worker_rlimit_nofile 40000;
http {
    access_log off;
    default_type application/octet-stream;
    sendfile on;
    keepalive_requests 100000;
    client_max_body_size 0;
    client_body_temp_path $dir/tmp-body;
    proxy_temp_path $dir/tmp-proxy;
    fastcgi_temp_path $dir/tmp-fcgi;
    uwsgi_temp_path $dir/tmp-uwsgi;
    scgi_temp_path $dir/tmp-scgi;
    server {
$(for port in "$@"; do printf '        listen %s;\n        listen [::]:%s;\n' "$port" "$port"; done)
        root $dir/www;
        add_header X-Origin \$server_addr always;
        location / { }
        location = /hello { return 200 "hello from \$server_addr\n"; }
        location /up/ { dav_methods PUT; create_full_put_path on; }
    }
$([ ! -e "$dir/pki/server-expired.pem" ] || origin_conf_tests "$dir")
}
CONF
}

# origin_conf_tests DIR prints the servers that only tests want: TLS with a good certificate and with
# an expired one, and one behind the PROXY protocol.
origin_conf_tests() {
    cat <<CONF
    server {
        listen 8444 ssl;
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_certificate $1/pki/server-ecdsa.pem;
        ssl_certificate_key $1/pki/server-ecdsa.key;
        location = /hello { return 200 "hello by \$ssl_protocol for \$ssl_server_name\n"; }
    }
    server {
        listen 8445 ssl;
        ssl_certificate $1/pki/server-expired.pem;
        ssl_certificate_key $1/pki/server-expired.key;
        location = /hello { return 200 "hello from the past\n"; }
    }
    server {
        listen 81 proxy_protocol;
        location = /hello { return 200 "hello \$proxy_protocol_addr at \$proxy_protocol_server_port\n"; }
    }
CONF
}

# origin_files DIR: files of 1 KiB, 1 MiB and 100 MB of noise under DIR/www.
origin_files() {
    mkdir -p "$1/www/up"
    head -c 1024 /dev/urandom >"$1/www/1k"
    head -c 1048576 /dev/urandom >"$1/www/1m"
    head -c 100000000 /dev/urandom >"$1/www/100m"
}
