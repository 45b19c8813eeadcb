#!/usr/bin/env bash
# Checks every shell script of the project.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v shellcheck >/dev/null; then
    echo "shellcheck is missing: install it (apt-get install shellcheck, brew install shellcheck)" >&2
    exit 1
fi
shellcheck --severity=style install.sh .ci/run bench/*.sh ci/*.sh examples/cluster/*.sh scripts/*
