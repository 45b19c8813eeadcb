#!/usr/bin/env bash
# Everything a commit must pass; changes nothing. Each step can be run alone.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
    printf '\n== %s\n' "$*"
    local started=$SECONDS
    "$@"
    printf -- '-- %s: %s s\n' "$1" "$((SECONDS - started))"
}

lint() { cargo clippy --locked --all-targets -- -D warnings; }
docs() { RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps; }
format() { cargo fmt --all -- --check; }

step format
step ./ci/shell.sh
step ./ci/packaging.sh
step lint
step ./scripts/test
step docs
step ./ci/deny.sh
printf '\nverify: all passed in %s s\n' "$SECONDS"
