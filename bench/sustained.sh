#!/usr/bin/env bash
# Random sets for a while on one engine: throughput, the longest stall (max_us), and whether files
# and memory stay bounded; then everything is deleted, and the room must come back.
#
#   cargo build --release --locked && bench/sustained.sh [ENGINE] [CLIENTS] [KEYS] [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
engine=${1:-redb} clients=${2:-256} keys=${3:-1000000} seconds=${4:-60}
dkv=$PWD/target/release/dkv
folder=$(mktemp -d)
export DKV_ENDPOINTS=unix:$folder/dkv.sock

"$dkv" serve --engine "$engine" --listen "$DKV_ENDPOINTS" --data-dir "$folder/data" 2>"$folder/log" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$folder"' EXIT
until grep -q 'dkv ready' "$folder/log"; do kill -0 $server; sleep 0.1; done

sizes() {
    local waiting
    waiting=$(curl -s --unix-socket "$folder/dkv.sock" http://dkv/metrics |
        awk '/^dkv_shard_engine_unflushed_bytes.*"100"/ { print int($2 / 1048576) }')
    echo "$1 file $(du -cm "$folder"/data/shards/100/* | tail -n 1 | cut -f 1) MiB," \
        "log $(du -sm "$folder/data/wal" | cut -f 1) MiB, not in the file yet $waiting MiB," \
        "memory $(awk '/VmRSS/ { print int($2 / 1024) }' "/proc/$server/status") MiB"
}

"$dkv" perf --only set --keys "$keys" --threads "$clients" --duration "${seconds}s" --value-size 64 \
    --no-progress --timeout 120s &
load=$!
for ((second = 10; second <= seconds; second += 10)); do
    sleep 10
    sizes "after $second s:"
done
wait $load
sizes "everything deleted:"
# The quiet shard gets a checkpoint, and its file is written anew behind it.
sleep 15
sizes "and a little later:"
