-- SPDX-License-Identifier: GPL-2.0-or-later
-- A SYN flood from random addresses and ports, at rising rates. Nobody answers the SYN-ACKs. What it
-- does to established connections is seen on their side: run lockgate-blast or the comparison beside it.

package.path = package.path .. ";bench/pktgen/?.lua;?.lua"
require("Pktgen")
local lg = require("common")

lg.one("syn", 64)
pktgen.rnd_s_ip(lg.port, "on")
pktgen.rnd_s_pt(lg.port, "on")
for _, rate in ipairs({ 1, 5, 10, 25, 50, 100 }) do
    local sent, answered = lg.trial(rate, lg.seconds)
    printf("RESULT syn_flood rate %d sent_per_second %d answered_per_second %d\n", rate,
        sent / lg.seconds, answered / lg.seconds)
end
pktgen.rnd_s_ip(lg.port, "off")
pktgen.rnd_s_pt(lg.port, "off")
