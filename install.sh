#!/usr/bin/env bash
# Installs dkv. Until releases are published it builds from a checkout.
set -euo pipefail

usage() {
    cat <<'USAGE'
Usage: ./install.sh --source [--path DIR]

Builds dkv from the checkout this script stands in and installs the binary.
Released binaries are not published yet: --source is the only way for now.

  --source      build from source (needs a Rust toolchain and a C compiler)
  --path DIR    install into DIR/bin (default: cargo's own folder, ~/.cargo)
  --help        show this

USAGE
}

fail() {
    printf 'install.sh: %s\n' "$1" >&2
    exit "${2:-1}"
}

from_source=false
root=
while [ $# -gt 0 ]; do
    case $1 in
        --source) from_source=true ;;
        --path)
            [ $# -ge 2 ] || fail "--path needs a folder, e.g. --path /usr/local" 2
            root=$2
            shift
            ;;
        --path=*) root=${1#--path=} ;;
        --help | -h)
            usage
            exit 0
            ;;
        *) fail "unknown argument \`$1\`; see ./install.sh --help" 2 ;;
    esac
    shift
done

if [ "$from_source" = false ]; then
    fail "releases are not published yet; run ./install.sh --source inside a checkout of dkv"
fi

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -f "$checkout/Cargo.toml" ] ||
    fail "--source works inside a checkout of dkv, and $checkout has no Cargo.toml"
command -v cargo >/dev/null ||
    fail "cargo is missing: install Rust from https://rustup.rs, then run this again"

arguments=(install --path "$checkout" --locked --bin dkv)
if [ -n "$root" ]; then arguments+=(--root "$root"); fi
cargo "${arguments[@]}"
printf 'dkv is installed; start a node with: dkv serve\n'
