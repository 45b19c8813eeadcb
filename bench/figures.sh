#!/usr/bin/env bash
# The figures of docs/performance.md: set and get over sessions at 1, 50 and 256 clients, five
# rounds, and of each row the median with the least and the most. Takes about three minutes.
#
#   cargo build --release --locked && bench/figures.sh [ROUNDS] [SECONDS]
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5} seconds=${2:-5}
dkv=$PWD/target/release/dkv
folder=$(mktemp -d)
export DKV_ENDPOINTS

"$dkv" serve --listen 127.0.0.1:0 --data-dir "$folder/data" 2>"$folder/log" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$folder"' EXIT
until grep -q 'dkv ready' "$folder/log"; do kill -0 $server; sleep 0.1; done
DKV_ENDPOINTS=$(sed -n 's/.*listening on \([^ ]*\).*/\1/p' "$folder/log")

for ((round = 1; round <= rounds; round++)); do
    for clients in 1 50 256; do
        "$dkv" perf --threads "$clients" --only set,get --value-size 64 --keys 100000 \
            --duration "${seconds}s" --no-progress --csv "$folder/$round-$clients.csv" >/dev/null
    done
done

# Columns: test 1, threads 3, errors 8, ops_per_s 10, p50 11, p99 13.
echo "test clients errors ops/s(median least most) p50_us p99_us"
for clients in 1 50 256; do
    for test in set get; do
        cat "$folder"/*-"$clients".csv | awk -F, -v test=$test '$1 == test' >"$folder/rows"
        median() { cut -d, -f"$1" "$folder/rows" | sort -n | sed -n "$(((rounds + 1) / 2))p"; }
        least=$(cut -d, -f10 "$folder/rows" | sort -n | head -n 1)
        most=$(cut -d, -f10 "$folder/rows" | sort -n | tail -n 1)
        errors=$(cut -d, -f8 "$folder/rows" | awk '{ sum += $1 } END { print sum }')
        echo "$test $clients $errors $(median 10) $least $most $(median 11) $(median 13)"
    done
done
