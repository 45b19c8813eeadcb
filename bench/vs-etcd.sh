#!/usr/bin/env bash
# dkv and etcd, one node each, both with every write on disk before its answer: set and
# linearizable get of 64-byte values, and a lock that is acquired and released, in turns; of each
# row the medians of all rounds, the least and the most, and dkv divided by etcd.
#
#   cargo build --release --locked && bench/vs-etcd.sh [ROUNDS] [SECONDS] [CLIENTS...]
#
# PROFILE=debug tries the script with a debug build; KEYS (100000) are used, on ENGINE (memory);
# ETCD_PORT (12379) is the first of two. ETCD names the binary; else the package etcd-server is
# installed if it is missing, which needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5} seconds=${2:-5}
shift $(($# > 2 ? 2 : $#))
counts=("$@")
if [ ${#counts[@]} -eq 0 ]; then counts=(1 50 256); fi
dkv=$PWD/target/${PROFILE:-release}/dkv keys=${KEYS:-100000} port=${ETCD_PORT:-12379}
folder=$(mktemp -d)
pids=()
# shellcheck disable=SC1091 # It is checked as a script of its own.
source bench/peers.sh
trap 'end_all; rm -rf "$folder"' EXIT
etcd=$(program etcd etcd-server "${ETCD:-}") || skip etcd etcd-server ETCD

start_dkv
client=http://127.0.0.1:$port peer=http://127.0.0.1:$((port + 1))
"$etcd" --name one --data-dir "$folder/etcd" --quota-backend-bytes 8589934592 \
    --listen-client-urls "$client" --advertise-client-urls "$client" \
    --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" \
    --initial-cluster "one=$peer" --initial-cluster-state new >"$folder/etcd.log" 2>&1 &
pids+=($!)
wait_until etcd curl -sf "$client/health"

echo "$("$dkv" version | head -n 1); $("$etcd" --version | head -n 1); $rounds rounds of $seconds s"
head_of_table dkv etcd
for clients in "${counts[@]}"; do
    compare "$dkv_url" "etcd://127.0.0.1:$port" "one node" "$clients" set,get,lock
done
echo
cat "$folder/promises"
