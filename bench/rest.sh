#!/usr/bin/env bash
# REST, single calls of gRPC and sessions beside each other, against one node: sets and gets from
# 1, 50 and 256 clients; and values of 16 MiB that stream in and out over REST, 1 and 8 at once,
# with what the node has in memory before, at most and after. Both parts take about ten minutes.
#
#   cargo build --release --locked && bench/rest.sh [PART...]
#
# The parts are ways and large; each has a node of its own, on ENGINE (memory). ROUNDS (5) runs of
# DURATION (3s) each, in turns; medians with the least and the most. CLIENTS ("1 50 256") is how
# many ask, KEYS (100000) of how many keys, TRANSFERS (32) how many values go each way in a run of large. BIN is where dkv is.
# Needs curl for large.
set -euo pipefail
# What fails within $(...) ends the run, too.
shopt -s inherit_errexit
cd "$(dirname "$0")/.."
dkv=${BIN:-$PWD/target/release}/dkv
duration=${DURATION:-3s} rounds=${ROUNDS:-5} clients=${CLIENTS:-1 50 256} keys=${KEYS:-100000}
transfers=${TRANSFERS:-32}
folder=$(mktemp -d)
pids=()
# shellcheck disable=SC1091 # It is checked as a script of its own.
source bench/peers.sh
trap 'end_all; rm -rf "$folder"' EXIT

# What failed ends the run: a row with an empty cell would look like a figure.
stop() {
    echo "bench/rest.sh: $*" >&2
    exit 1
}

fresh() {
    end_all
    rm -rf "$folder/dkv"
    start_dkv
    address=${dkv_url#dkv://}
}

# run LABEL SCHEME CLIENTS: one run of dkv perf; its rows go to $folder/LABEL.set and LABEL.get.
run() {
    timeout 300 "$dkv" perf --target "$2://$address" --threads "$3" --duration "$duration" \
        --value-size 128 --keys "$keys" --only set,get --no-progress -o jsonl \
        >"$folder/rows" 2>"$folder/remarks" || cat "$folder/remarks" >&2
    local row
    while read -r row; do echo "$row" >>"$folder/$1.$(field test "$row")"; done <"$folder/rows"
}

# spread FIELD FILE: median [least, most] of a field over the rows of a file.
spread() {
    [ -s "$2" ] || stop "there are no figures of ${2##*/}: none of its runs ended well"
    while read -r row; do field "$1" "$row"; done <"$2" | sort -n |
        awk '{ at[NR] = $1 } END { printf "%.0f [%.0f, %.0f]", at[int((NR + 1) / 2)], at[1], at[NR] }'
}

part_ways() {
    fresh
    local round count scheme test way figure cell cells
    for ((round = 0; round < rounds; round++)); do
        for count in $clients; do
            for scheme in http grpc dkv; do run "$scheme-$count" "$scheme" "$count"; done
        done
    done
    echo
    echo "| test | clients | way | requests/s | p50 us | p99 us | errors |"
    echo "| --- | --- | --- | --- | --- | --- | --- |"
    for test in set get; do
        for count in $clients; do
            for scheme in http grpc dkv; do
                case $scheme in
                    http) way="REST" ;;
                    grpc) way="unary gRPC" ;;
                    dkv) way="sessions" ;;
                esac
                # Of what fails within the words of a command nothing is heard.
                cells=''
                for figure in ops_per_s p50_us p99_us errors; do
                    cell=$(spread "$figure" "$folder/$scheme-$count.$test")
                    cells+=" $cell |"
                done
                echo "| $test | $count | $way |$cells"
            done
        done
    done
    echo
    cell=$(memory_mib VmHWM "$dkv_pid")
    echo "the node had $cell MiB at most"
}

# many WAY AT_ONCE: streams all the values in or out, so many at once. Of more than 64 MiB of writes
# at once a node refuses some with 429, and curl asks again when Retry-After says.
many() {
    # shellcheck disable=SC2016 # The inner shell expands it.
    seq "$transfers" | xargs -P "$2" -I{} bash -c 'set -euo pipefail
        url=$1/v1/keys/large:$(({} % 8))
        if [ "$2" = in ]; then
            curl -sSf --retry 60 -T "$3" "$url" >/dev/null
        else
            curl -sSf --retry 60 -H "Accept: application/octet-stream" "$url" | cmp - "$3"
        fi' bash "http://$address" "$1" "$folder/value" 2>>"$folder/said" || {
        tail -n 3 "$folder/said" >&2
        stop "a transfer $1 failed ($2 at once): what curl said last is above"
    }
}

# MiB a second of WAY with so many at once.
rate() {
    local begun ended
    begun=$(date +%s%N)
    many "$1" "$2"
    ended=$(date +%s%N)
    awk -v mib="$((transfers * 16))" -v ns="$((ended - begun))" 'BEGIN { printf "%.0f", mib * 1e9 / ns }'
}

part_large() {
    # The history would grow beside the transfers, to 256 MiB.
    dkv_words=(--history-size 1M)
    fresh
    head -c $((16 << 20)) /dev/urandom >"$folder/value"
    local before most now count run into out again
    before=$(memory_mib VmRSS "$dkv_pid")
    most=$(memory_mib VmHWM "$dkv_pid")
    echo
    echo "| 16 MiB values at once | run | in, MiB/s | out, MiB/s | asked again | the node now, MiB | at most, MiB |"
    echo "| --- | --- | --- | --- | --- | --- | --- |"
    echo "| 0 | | | | | $before | $most |"
    for count in 1 8; do
        # What the second run adds to the highest is what would grow for ever.
        for run in 1 2; do
            : >"$folder/said"
            # Each in a line of its own: of several only the last one's failure counts.
            into=$(rate in "$count")
            out=$(rate out "$count")
            most=$(memory_mib VmHWM "$dkv_pid")
            now=$(memory_mib VmRSS "$dkv_pid")
            again=$(grep -c "error: 429" "$folder/said" || true)
            echo "| $count | $run | $into | $out | $again | $now | $most |"
        done
    done
}

parts=("$@")
[ "${#parts[@]}" -gt 0 ] || parts=(ways large)
for part in "${parts[@]}"; do "part_$part"; done
