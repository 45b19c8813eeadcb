#!/usr/bin/env bash
# Checks the systemd unit, where systemd's own checker is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v systemd-analyze >/dev/null; then
    echo "unit: not checked, systemd-analyze is not installed"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# The checker wants the program to exist; dkv need not be installed here.
sed 's|^ExecStart=/usr/local/bin/dkv |ExecStart=/bin/true |' packaging/dkv.service >"$folder/dkv.service"
complaints=$(systemd-analyze verify --man=no "$folder/dkv.service" 2>&1) || true
if [ -n "$complaints" ]; then
    printf '%s\n' "$complaints" >&2
    exit 1
fi
