-- SPDX-License-Identifier: GPL-2.0-or-later
-- Many flows, to see how evenly the card spreads them over Lockgate's workers: source ports and
-- addresses run through ranges. Each worker's share is in Lockgate's counters, before and after:
--     lockgatectl stats | jq '.workers[] | {worker, rx_pkts, handover_out}'

package.path = package.path .. ";bench/pktgen/?.lua;?.lua"
require("Pktgen")
local lg = require("common")

local first = lg.source:match("^[^/]+")
local net = first:match("^(.*)%.%d+$")
lg.one("ack", 64)
pktgen.range.dst_mac(lg.port, "start", lg.mac)
pktgen.range.ip_proto(lg.port, "tcp")
for _, w in ipairs({ "start", "min", "max" }) do
    pktgen.range.dst_ip(lg.port, w, lg.ip)
    pktgen.range.dst_port(lg.port, w, lg.dport)
    pktgen.range.pkt_size(lg.port, w, 64)
end
pktgen.range.dst_ip(lg.port, "inc", "0.0.0.0")
pktgen.range.dst_port(lg.port, "inc", 0)
pktgen.range.pkt_size(lg.port, "inc", 0)
pktgen.range.src_ip(lg.port, "start", net .. ".10")
pktgen.range.src_ip(lg.port, "min", net .. ".10")
pktgen.range.src_ip(lg.port, "max", net .. ".250")
pktgen.range.src_ip(lg.port, "inc", "0.0.0.1")
pktgen.range.src_port(lg.port, "start", 1024)
pktgen.range.src_port(lg.port, "min", 1024)
pktgen.range.src_port(lg.port, "max", 65000)
pktgen.range.src_port(lg.port, "inc", 1)
pktgen.set_range(lg.port, "on")
local sent, answered = lg.trial(10, lg.seconds)
pktgen.set_range(lg.port, "off")
printf("RESULT rss_spread sent %d answered %d\n", sent, answered)
