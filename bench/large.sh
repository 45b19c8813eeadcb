#!/usr/bin/env bash
# More data than one would type: makes a file of RECORDS records, imports it, exports it, compares
# the two byte for byte, kills the server, and tells how long it takes to be ready again. With
# MEMORY (like 1G; needs root and a memory cgroup, v1 or v2) the server may use no more than that.
#
#   cargo build --release --locked && bench/large.sh [RECORDS] [MEMORY]
set -euo pipefail
cd "$(dirname "$0")/.."
records=${1:-1000000} memory=${2:-}
dkv=$PWD/target/release/dkv
folder=$(mktemp -d)
limit=
export DKV_ENDPOINTS=unix:$folder/dkv.sock

stop() {
    kill -9 "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
}
trap 'stop; rm -rf "$folder"; if [ -n "$limit" ]; then rmdir "$limit" || true; fi' EXIT

if [ -n "$memory" ]; then
    if [ -d /sys/fs/cgroup/memory ]; then
        limit=/sys/fs/cgroup/memory/dkv-large-$$
        mkdir "$limit" && echo "$memory" >"$limit/memory.limit_in_bytes"
    else
        limit=/sys/fs/cgroup/dkv-large-$$
        mkdir "$limit" && echo "$memory" >"$limit/memory.max"
    fi
fi

# Starts the server and tells how long it takes to be ready, ms.
start() {
    local begun
    begun=$(date +%s%N)
    (
        if [ -n "$limit" ]; then echo "$BASHPID" >"$limit/cgroup.procs"; fi
        exec "$dkv" serve --listen "unix:$folder/dkv.sock" --data-dir "$folder/data"
    ) 2>"$folder/log" &
    server=$!
    until grep -q 'dkv ready' "$folder/log"; do
        kill -0 "$server"
        sleep 0.01
    done
    echo "ready after $((($(date +%s%N) - begun) / 1000000)) ms"
}

sizes() {
    awk '/VmHWM|VmRSS/ { printf "%s %d MiB  ", $1, $2 / 1024 }' "/proc/$server/status"
    du -sm "$folder/data/shards" "$folder/data/wal" | awk '{ printf "%s MiB  ", $1 } END { print "(rows and history, log)" }'
}

awk -v records="$records" 'BEGIN { for (i = 0; i < records; i++)
    printf "{\"key\":\"item:%010d\",\"value\":\"the value of item %d, shelf %d, box %d, and some text\"}\n", i, i, i % 977, i % 31
}' >"$folder/in.jsonl"
echo "$records records, $(stat -c %s "$folder/in.jsonl") bytes"
start
"$dkv" kv import "$folder/in.jsonl" --no-progress
sizes
"$dkv" kv export "$folder/out.jsonl" --no-progress
cmp "$folder/in.jsonl" "$folder/out.jsonl" && echo "the same, byte for byte"
stop
start
sizes
"$dkv" kv get "item:$(printf %010d $((records / 2)))"
"$dkv" kv export "$folder/out.jsonl" --no-progress
cmp "$folder/in.jsonl" "$folder/out.jsonl" && echo "the same, byte for byte, after kill -9"
sizes
