#!/usr/bin/env bash
# Writes the generated files that are checked in: completions and man pages.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo build --locked --bin dkv
dkv=${CARGO_TARGET_DIR:-target}/debug/dkv
mkdir -p completions man
declare -A file_of=([bash]=dkv.bash [zsh]=_dkv [fish]=dkv.fish [powershell]=_dkv.ps1 [elvish]=dkv.elv)
for shell in "${!file_of[@]}"; do
    "$dkv" completions "$shell" >"completions/${file_of[$shell]}"
done
"$dkv" man man
