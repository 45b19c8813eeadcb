#!/usr/bin/env bash
# Writes the generated files that are checked in: completions, man pages and the
# description of the REST interface.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --locked --bin dkv
dkv=${CARGO_TARGET_DIR:-target}/debug/dkv
# Pages and scripts of commands that are gone go too.
rm -rf completions man
"$dkv" completions all completions
"$dkv" man man
"$dkv" openapi >docs/openapi.json
