# shellcheck shell=bash disable=SC2034 # the names are for the scripts that source this
# Sourced by the scripts beside it: what Debian 12 gives for building on one system for the others.
#
# Debian ships a recent rustc, cargo and the sources of the standard library, but no compiled library for other
# systems: cargo builds it on the way (-Zbuild-std), for which RUSTC_BOOTSTRAP stands in for a nightly compiler.
# Needs root only where a package is missing.

set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Away from target/, so that none of this waits for, or is rebuilt by, another cargo. Absolute, as cargo runs tests
# in the directory of their package.
built=$(realpath -m "${CARGO_TARGET_DIR:-target}")/platforms

# need PACKAGE...: installs what is missing; says nothing unless it fails.
need() {
    local missing=() package log
    for package; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    log=$(mktemp)
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } \
        >"$log" 2>&1 </dev/null; then
        cat "$log" >&2
        echo "cannot install: ${missing[*]}" >&2
        return 1
    fi
    rm -f "$log"
}

# cross_cargo ARG...: Debian's cargo and rustc, whatever else is in PATH. RUSTFLAGS would also reach the standard
# library, whose warnings are not ours. "test" is for cargo test; left out elsewhere, all would be built twice.
cross_cargo() {
    need cargo-web rustc-web rust-web-src
    env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u RUSTUP_TOOLCHAIN \
        RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$built" \
        /usr/bin/cargo -Zbuild-std=std,panic_abort,test "$@"
}
