-- SPDX-License-Identifier: GPL-2.0-or-later
-- What the scripts of this folder share. Settings come from the environment, so that no script has to
-- be edited; see README.md.

local M = {}

local function setting(name, default)
    local value = os.getenv(name) or default
    if not value then
        error("set " .. name .. " in Pktgen's environment; see bench/pktgen/README.md", 0)
    end
    return value
end

M.port = setting("LG_PORT", "0") -- Pktgen's port towards Lockgate
M.mac = setting("LG_MAC") -- Lockgate's Ethernet address on it
M.ip = setting("LG_IP") -- Lockgate's address, without prefix
M.dport = tonumber(setting("LG_DPORT", "443"))
M.source = setting("LG_SOURCE") -- ours, with prefix: 192.0.2.1/24
M.seconds = tonumber(setting("LG_SECONDS", "10"))

-- one sets up a stream of one kind of TCP segment to Lockgate: flags are "syn", "ack", ...
function M.one(flags, size)
    pktgen.screen("off")
    pktgen.reset(M.port)
    pktgen.set_mac(M.port, "dst", M.mac)
    pktgen.set_ipaddr(M.port, "dst", M.ip)
    pktgen.set_ipaddr(M.port, "src", M.source)
    pktgen.set_type(M.port, "ipv4")
    pktgen.set_proto(M.port, "tcp")
    pktgen.set_tcp_flags(M.port, "clr," .. flags)
    pktgen.set(M.port, "dport", M.dport)
    pktgen.set(M.port, "sport", 1024)
    pktgen.set(M.port, "size", size)
    pktgen.set(M.port, "count", 0) -- until stopped
end

-- counts returns a port's counters: ipackets, opackets, imissed, ... Since Pktgen 25 they are a table
-- within, and portStats takes one argument; before, it took two.
function M.counts()
    local id = tonumber(M.port)
    local ok, stats = pcall(pktgen.portStats, M.port)
    if not ok then
        stats = pktgen.portStats(M.port, "port")
    end
    return stats[id].curr or stats[id]
end

-- trial sends at a percentage of the line's rate for some seconds and returns frames sent and received.
function M.trial(rate, seconds)
    pktgen.set(M.port, "rate", rate)
    pktgen.clr()
    pktgen.delay(500)
    local before = M.counts()
    pktgen.start(M.port)
    pktgen.delay(seconds * 1000)
    pktgen.stop(M.port)
    pktgen.delay(1000) -- what is under way arrives
    local after = M.counts()
    return after.opackets - before.opackets, after.ipackets - before.ipackets
end

return M
