#!/usr/bin/env bash
# Repairs what tools can repair: format, clippy's suggestions, generated files.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo clippy --locked --all-targets --fix --allow-dirty --allow-staged
cargo fmt --all
./ci/generate.sh
