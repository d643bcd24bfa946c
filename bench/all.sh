#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every benchmark there is, the long form, into one folder: results.md to read, and JSON and plots
# beside it. Takes over an hour on two CPUs; wants the machine to itself.
#
#   bench/all.sh DIR [--quick]      --quick: all of it, a few runs each
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=tools/lib.sh
. "$root/tools/lib.sh"
cd "$root" || exit 1

out=${1:-}
[ -n "$out" ] || die "where to?" "./dev bench all DIR"
mkdir -p "$out" || exit 1
form=(--full)
runs=5
micro=()
crowd=64,10000,100000,1000000
if [ "${2:-}" = --quick ]; then
    form=()
    runs=1
    micro=(--quick)
    crowd=64,10000
fi
failed=0
step() { # NAME COMMAND…: its output becomes NAME.md
    say "$1"
    "${@:2}" >"$out/$1.md" || {
        warn "$1 failed"
        failed=1
    }
}
step compare python3 bench/compare "${form[@]}" --out "$out" --json "$out/compare.json"
step userspace python3 bench/compare/userspace.py --runs "$runs" --profile --json "$out/userspace.json"
step crowd python3 bench/compare/crowd.py --runs "$runs" --json "$out/crowd.json" "$crowd"
step crowd-mutual python3 bench/compare/crowd.py --mutual --runs "$runs" --json "$out/crowd-mutual.json" "$crowd"
step growth python3 bench/compare/growth.py --rounds "$runs" --json "$out/growth.json"
step micro bench/micro/micro.py "${micro[@]}" --memif --json "$out/micro.json"
{
    cat "$out/compare.md"
    printf '\n### Without the kernel\n\n'
    cat "$out/userspace.md"
    printf '\n### Requests beside idle connections, over memif\n\n'
    cat "$out/crowd.md"
    printf "\n"
    cat "$out/crowd-mutual.md"
    printf '\n### How cost grows\n\n'
    cat "$out/growth.md"
    printf '\n### By stage\n\n'
    cat "$out/micro.md"
} >"$out/results.md"
say "done: $out/results.md"
exit "$failed"
