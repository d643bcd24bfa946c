#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The rules that a compiler does not check. Looks at the files git knows or would add. Prints
# `file:line: what` for each offence; exits non-zero when there was one.
#
# Words are looked for in code only: comments and strings are blanked out first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bad=0
offence() {
    echo "$1"
    bad=1
}

mapfile -t all < <(git ls-files --cached --others --exclude-standard | while read -r f; do
    [ ! -f "$f" ] || echo "$f"
done)
pick() { printf '%s\n' "${all[@]}" | grep -E "$1" || true; }
mapfile -t sources < <(pick '\.(c|h|cc|def)$')
mapfile -t hot < <(pick '^(dataplane|tls)/.*\.[ch]$')

blank() { # prints FILE without comments and string contents, line numbers kept
    perl -0777 -pe 's{/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'\''(?:\\.|[^'\''\\\n])*'\''}{
        my $m = $&; my $n = ($m =~ tr/\n//); ($m =~ /^["'\'']/ ? q("") : " ") . "\n" x $n }gsex' "$1"
}

# forbid REGEX WHAT FILE…: REGEX must not occur in the code of the files.
forbid() {
    local re=$1 what=$2 f line
    shift 2
    for f in "$@"; do
        while IFS=: read -r line _; do
            offence "$f:$line: $what"
        done < <(blank "$f" | grep -nP "$re" || true)
    done
}

# only_in REGEX ALLOWED WHAT: only files whose path matches ALLOWED may include a matching header.
only_in() {
    local f line
    for f in "${sources[@]}"; do
        [[ $f =~ $2 ]] && continue
        while IFS=: read -r line _; do
            offence "$f:$line: $3"
        done < <(grep -nE "^ *# *include *[<\"]$1" "$f" || true)
    done
}

check_format() {
    local f
    mapfile -t list < <(pick '\.[ch]$')
    for f in "${list[@]}"; do
        clang-format --dry-run --Werror "$f" >/dev/null 2>&1 || offence "$f:1: format (./dev fmt)"
    done
}

check_spelling() {
    mapfile -t list < <(pick '\.(c|h|cc|def|md|sh|py|yaml|build|flags)$|^dev$')
    [ "${#list[@]}" -eq 0 ] || codespell -q 3 -L "hist,te,fo,nd,ue,ot,ans,inout,ect" "${list[@]}" || bad=1
}

check_spdx() {
    local f
    while read -r f; do
        head -n 5 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' ||
            offence "$f:1: no SPDX-License-Identifier: GPL-2.0-or-later in the first lines"
    done < <(pick '\.(c|h|cc|def|sh|py|build|md|flags|lua)$|^(dev|\.ci/run|meson_options\.txt)$')
}

check_includes() {
    only_in 'wolfssl/' '^tls/(.*_)?wolf[a-z0-9_]*\.[ch]$|^(tests|bench)/' "wolfssl/ outside tls/*wolf*"
    only_in 'intel-ipsec-mb' '^tls/rec_mb\.c$|^(tests|bench)/' "intel-ipsec-mb.h outside tls/rec_mb.c"
    only_in 'pcre2' '^dataplane/http/regex\.c$' "pcre2.h outside dataplane/http/regex.c"
    only_in 'rte_' '^dataplane/(net|core)/|^control/boot\.c$|^(tests|bench)/' \
        "rte_*.h outside dataplane/net, dataplane/core, control/boot.c"
}

check_hot_code() {
    local f
    local -a no_heap=()
    for f in "${hot[@]}"; do # control-side files say so in their head
        head -n 15 "$f" | grep -qF '/* lint: control-side' || no_heap+=("$f")
    done
    forbid '(?<![\w.>])(malloc|calloc|realloc|free)\s*\(' "heap on the packet path" "${no_heap[@]}"
    forbid '(?<!\w)(v?f?printf|puts|putchar)\s*\(' "printf: use log.h" "${hot[@]}"
    forbid '(?<!\w)(strcpy|stpcpy|strcat|strncat|v?sprintf)\s*\(' "unbounded string call" "${hot[@]}"
    forbid '(?<!__ )(?<!asm )\bvolatile\b' "volatile: use an atomic" "${hot[@]}"
}

check_sizes() {
    local f n
    mapfile -t list < <(pick '\.[ch]$')
    for f in "${list[@]}"; do
        n=$(wc -l <"$f")
        [ "$n" -le 800 ] || offence "$f:800: $n lines; a file has at most 800"
        while read -r n; do
            offence "$f:$n lines; a function has at most 100"
        done < <(awk '/^\{/ || /^[A-Za-z_].*\) *\{$/ { s = NR }
            /^\}/ && s { if (NR - s > 101) print s ": " NR - s - 1; s = 0 }' "$f")
    done
}

check_shell() {
    mapfile -t list < <(pick '\.sh$|^(dev|\.ci/run)$')
    shellcheck -x "${list[@]}" || bad=1
}

check_lua() {
    local f
    while read -r f; do
        [ -z "$f" ] || luac5.4 -p "$f" || bad=1
    done < <(pick '\.lua$')
}

check_format
check_spelling
check_spdx
check_includes
check_hot_code
check_sizes
check_shell
check_lua
if [ "$bad" != 0 ]; then
    echo "lint: see above; ./dev fmt settles the format"
    exit 1
fi
echo "lint: ${#all[@]} files, no offence"
