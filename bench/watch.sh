#!/usr/bin/env bash
# What watches and history cost, part by part: the memory of 10,000 idle watches; sets beside
# none, beside those, and beside watches of everything that nobody looks at; events to 1, 10, 100
# and 1,000 watches of one prefix; sets in buckets with and without history; batches and
# transactions. All parts take about five minutes.
#
#   cargo build --release --locked --bins --examples && bench/watch.sh [PART...]
#
# The parts are idle, sets, fan-out, history and many. Each has a node of its own, on ENGINE
# (memory). ROUNDS (5) runs of DURATION (3s) each, in turns; medians with the least and the most.
# BIN is where the binaries are.
set -euo pipefail
cd "$(dirname "$0")/.."
built=${BIN:-$PWD/target/release} dkv=${BIN:-$PWD/target/release}/dkv
duration=${DURATION:-3s} rounds=${ROUNDS:-5} folder=$(mktemp -d)
pids=()
# shellcheck disable=SC1091 # It is checked as a script of its own.
source bench/peers.sh
trap 'end_all; rm -rf "$folder"' EXIT

fresh() {
    end_all
    rm -rf "$folder/dkv"
    start_dkv
    export DKV_ENDPOINTS=${dkv_url#dkv://}
}

# run LABEL WORDS: one run of dkv perf; its row goes to $folder/LABEL.
run() {
    local label=$1
    shift
    timeout 300 "$dkv" perf --target "$dkv_url" --duration "$duration" --value-size 64 --keys 100000 \
        --no-progress -o jsonl "$@" >>"$folder/$label" 2>"$folder/remarks" || cat "$folder/remarks" >&2
}

# spread FIELD FILE: median [least, most] of a field over the rows of a file.
spread() {
    while read -r row; do field "$1" "$row"; done <"$2" | sort -n |
        awk '{ at[NR] = $1 } END { printf "%.0f [%.0f, %.0f]", at[int((NR + 1) / 2)], at[1], at[NR] }'
}

row() { echo "| $1 | $(spread ops_per_s "$folder/$2") | $(spread p50_us "$folder/$2") | $(spread p99_us "$folder/$2") | $(spread errors "$folder/$2") |"; }

head_of() {
    echo
    echo "| $1 | ops/s | p50 us | p99 us | errors |"
    echo "| --- | --- | --- | --- | --- |"
}

# watchers KIND COUNT: opens them; end_watchers ends them.
watchers() {
    rm -f "$folder/hold" "$folder/open"
    mkfifo "$folder/hold"
    "$built/examples/watchers" "$1" "$2" <"$folder/hold" >"$folder/open" 2>"$folder/watchers.log" &
    watching=$!
    pids+=("$watching")
    exec 9>"$folder/hold"
    wait_until watchers grep -q open "$folder/open"
}

end_watchers() {
    exec 9>&-
    wait "$watching"
}

part_idle() {
    fresh
    "$dkv" kv set k v >"$folder/said"
    local before after
    before=$(memory_mib VmRSS "$dkv_pid")
    watchers idle 10000
    after=$(memory_mib VmRSS "$dkv_pid")
    echo
    echo "10,000 idle watches: the node has $before MiB before and $after MiB with them"
    end_watchers
}

part_sets() {
    local round
    fresh
    rm -f "$folder"/sets-*
    for ((round = 0; round < rounds; round++)); do
        run sets-none --only set --threads 50
        watchers idle 10000
        run sets-idle --only set --threads 50
        end_watchers
        watchers stalled 1
        run sets-stalled --only set --threads 50
        end_watchers
    done
    head_of "50 clients set beside"
    row "no watch" sets-none
    row "10,000 idle watches" sets-idle
    row "a watch of everything that nobody looks at" sets-stalled
    echo
    echo "the node had $(memory_mib VmHWM "$dkv_pid") MiB at most"
}

part_fan_out() {
    local count round
    echo
    echo "| watches of one prefix | writers | sets/s | events/s | p50 us | p99 us |"
    echo "| --- | --- | --- | --- | --- | --- |"
    for count in 1 10 100 1000; do
        fresh
        rm -f "$folder/fan"
        for ((round = 0; round < rounds; round++)); do
            "$built/examples/watchers" fan-out "$count" 3 8 >>"$folder/fan"
        done
        echo "| $count | 8 | $(middle sets_per_s) | $(middle events_per_s) | $(middle p50_us) | $(middle p99_us) |"
    done
}

# middle NAME: median [least, most] of NAME=NUMBER over the lines of $folder/fan.
middle() {
    grep -o "$1=[0-9]*" "$folder/fan" | cut -d= -f2 | sort -n |
        awk '{ at[NR] = $1 } END { printf "%d [%d, %d]", at[int((NR + 1) / 2)], at[1], at[NR] }'
}

part_history() {
    local round
    fresh
    rm -f "$folder"/history-*
    "$dkv" bucket create with >"$folder/said"
    "$dkv" bucket create without --no-history >"$folder/said"
    for ((round = 0; round < rounds; round++)); do
        run history-default --only set --threads 256
        run history-with --only set --threads 256 --bucket with
        run history-without --only set --threads 256 --bucket without
    done
    head_of "256 clients set in"
    row "the default bucket" history-default
    row "a bucket" history-with
    row "a bucket without history" history-without
}

part_many() {
    local round
    fresh
    rm -f "$folder"/many-*
    for ((round = 0; round < rounds; round++)); do
        run many-batch --only batch --threads 50
        run many-txn --only txn --threads 50
        run many-batch-256 --only batch --threads 256
        run many-txn-256 --only txn --threads 256
    done
    head_of "operations"
    row "keys in batches of 10, 50 clients" many-batch
    row "keys in batches of 10, 256 clients" many-batch-256
    row "transactions of 5 sets, 50 clients" many-txn
    row "transactions of 5 sets, 256 clients" many-txn-256
}

parts=("$@")
[ "${#parts[@]}" -gt 0 ] || parts=(idle sets fan-out history many)
for part in "${parts[@]}"; do "part_${part//-/_}"; done
