# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What `dev` and the scripts beside this file share. Sourced, never run.

say() { echo "lockgate: $*" >&2; }
warn() { echo "lockgate: warning: $*" >&2; }

# die WHAT COMMAND says what could not be had and the command that mends it.
die() {
    echo "lockgate: error: $1" >&2
    [ -z "${2:-}" ] || echo "lockgate:   to mend it: $2" >&2
    exit 1
}

# die_log is die for a step whose output went to $tmp/log.
die_log() {
    # shellcheck disable=SC2154 # tmp is the caller's
    tail -n 25 "$tmp/log" >&2
    die "$@"
}

# deps_dir prints the folder that holds the libraries we build ourselves.
deps_dir() {
    if [ -n "${LOCKGATE_DEPS:-}" ]; then
        echo "$LOCKGATE_DEPS"
    elif [ -w /opt/lockgate ] || { [ ! -e /opt/lockgate ] && [ -w /opt ]; }; then
        echo /opt/lockgate
    elif [ -e /opt/lockgate/wolfssl ] && [ -e /opt/lockgate/llhttp ]; then
        echo /opt/lockgate
    else
        echo "${XDG_CACHE_HOME:-$HOME/.cache}/lockgate"
    fi
}

# as_root runs a command as root, without ever asking for a password.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}
can_root() { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }
