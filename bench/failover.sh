#!/usr/bin/env bash
# Kills the leader of three nodes under load, again and again (kill -9): how long it takes until
# a write that began afterwards is confirmed, to the first client and to the last; and whether
# everything that was confirmed is there in the end. ROUNDS of 20 take about two minutes.
#
#   cargo build --release --locked --bins --examples && bench/failover.sh [ROUNDS] [CLIENTS]
#
# PROFILE=debug tries the script with a debug build; FIRST_PORT (18181) is the first of six.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-20} clients=${2:-64}
built=$PWD/target/${PROFILE:-release} first=${FIRST_PORT:-18181}
export DKV=$built/dkv
folder=$(mktemp -d)
cp examples/cluster/*.toml examples/cluster/*.sh "$folder"
for n in 1 2 3; do
    sed -i "s/1808$n/$((first + n - 1))/; s/1908$n/$((first + n + 2))/" "$folder"/node-*.toml
done
trap '"$folder/stop.sh"; rm -rf "$folder"' EXIT
eval "$("$folder/start.sh")"
export DKV_ENDPOINTS

echo "round killed first_ms all_ms"
"$built/examples/failover-load" "$folder" "$rounds" "$clients" | tee "$folder/rows"
for column in 3 4; do
    awk -v column=$column '$2 ~ /^node-/ { print $column }' "$folder/rows" | sort -n >"$folder/sorted"
    count=$(wc -l <"$folder/sorted")
    what=$([ $column = 3 ] && echo "the first write" || echo "a write of every client")
    echo "$what: median $(sed -n "$(((count + 1) / 2))p" "$folder/sorted") ms, worst $(tail -n 1 "$folder/sorted") ms, of $count"
done
