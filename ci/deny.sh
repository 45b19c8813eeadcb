#!/usr/bin/env bash
# Checks licences, sources, banned and duplicate crates, and known vulnerabilities.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! cargo deny --version >/dev/null 2>&1; then
    echo "cargo-deny is missing: cargo install --locked cargo-deny" >&2
    exit 1
fi
# Warnings (duplicate versions) are for review, not a wall of text in every run.
cargo deny --log-level error --locked check bans licenses sources

# The advisories are a repository of their own; without a way to it the rest still counts.
advisories="https://github.com/rustsec/advisory-db"
if timeout 30 git ls-remote --exit-code "$advisories" HEAD >/dev/null 2>&1; then
    cargo deny --log-level error --locked check advisories
else
    echo "advisories: not checked, $advisories cannot be reached from here"
fi
