-- SPDX-License-Identifier: GPL-2.0-or-later
-- The highest rate without loss (in the manner of RFC 2544) by frame size, 64 to 1518 bytes with FCS.
-- Sends ACKs that belong to no connection: Lockgate answers each with a RST, so what is lost on the way
-- in, inside, or on the way out shows as a missing answer.

package.path = package.path .. ";bench/pktgen/?.lua;?.lua"
require("Pktgen")
local lg = require("common")

local SIZES = { 64, 128, 256, 512, 1024, 1280, 1518 }
local LOSS = 0.0001 -- frames lost of those sent that still count as none
local STEPS = 7 -- of halving: to within 1 % of the line's rate

for _, size in ipairs(SIZES) do
    local low, high, best = 0, 100, 0
    lg.one("ack", size)
    for step = 1, STEPS do
        local rate = step == 1 and 100 or (low + high) / 2
        local sent, answered = lg.trial(rate, lg.seconds)
        local lost = sent > 0 and (sent - answered) / sent or 1
        printf("size %4d  rate %5.1f %%  %10d /s sent  %8.4f %% lost\n", size, rate, sent / lg.seconds,
            100 * lost)
        if lost <= LOSS then
            low, best = rate, sent / lg.seconds
        else
            high = rate
        end
        if low == 100 then
            break
        end
    end
    printf("RESULT rate size %d frames_per_second %d\n", size, best)
end
