#!/usr/bin/env bash
# Far too much, and then half of what can be done. Finds the rate R that 256 clients in a closed
# loop reach; lets R/2 come for 10 s, in an open loop; then 10 x R for SECONDS, from very many
# clients that give up after a second and do not try again; and then R/2 once more. Tells second
# by second what those clients saw around the change, how many seconds it took until the p99 was
# what it had been in the worst second of R/2 alone, what the node refused and with which error,
# and the most memory it took. Once with values of 64 bytes, and once of 16 KiB: what is shed is
# another thing. Takes about 3 minutes.
#
#   cargo build --release --locked && bench/overload.sh [SECONDS]
#
# PROFILE=debug tries the script with a debug build, or BIN says where the binary is; ENGINE
# (memory) and LOADS ("64:65536 16K:8192", value:clients) change what is measured. What sheds:
#
# | bound | beyond it | reached by |
# | --- | --- | --- |
# | a request's own deadline, when the node comes to it (`server/session`) | Unavailable: nothing was done | more clients than the node answers before they give up: R x 0.9 s |
# | the client's time is over | Timeout if the request was sent, else Unavailable; said by the client | the same |
# | 64 MiB of writes of one shard on their way (`store`) | LimitExceeded, at once | 4,000 clients with values of 16 KiB |
# | 64 MiB, or 65,536 appends, queued for the log (`wal`) | LimitExceeded, at once | several shards together |
# | 8,192 requests of one session under way | the node stops reading: the client waits | more clients than that on one connection |
# | 4,096 writes of one client in doubt | the client waits, then says Unavailable | not by dkv perf, whose clients share by 2,048 |
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-30} loads=${LOADS:-64:65536 16K:8192}
dkv=${BIN:-$PWD/target/${PROFILE:-release}}/dkv folder=$(mktemp -d)
pids=()
# shellcheck disable=SC1091 # It is checked as a script of its own.
source bench/peers.sh
trap 'end_all; rm -rf "$folder"' EXIT

# load NAME WORDS: one run of dkv perf; its row is in $folder/NAME, its report in NAME.json.
load() {
    local name=$1
    shift
    timeout $((seconds * 3 + 120)) "$dkv" perf --target "$dkv_url" --only set --value-size "$value" --keys 10000 \
        --no-progress -o jsonl --report "$folder/$name.json" "$@" >"$folder/$name" 2>"$folder/$name.said" ||
        cat "$folder/$name.said" >&2
}

half() { load "$1" --threads 256 --rate $((rate / 2)) --warm-up 0s --duration "$2s"; }

# Lines of SECOND OPS ERRORS P50_US P99_US of a report.
timeline() {
    awk -F'[:,]' '/"timeline"/ { inside = 1 } /\]/ { inside = 0 }
        inside && /"(second|ops|errors|p50_us|p99_us)"/ { line = line $2 }
        inside && /}/ { print line; line = "" }' "$folder/$1.json"
}

# The node's answers to sets so far, by outcome.
answered() {
    curl -s "http://${dkv_url#dkv://}/metrics" |
        sed -n 's/^dkv_requests_total{kind="set",outcome="\(.*\)"} \(.*\)/\1 \2/p'
}

answers() { answered >"$folder/answers-$1"; }

# What was answered between two calls of it, without zeros.
answered_between() {
    awk 'NR == FNR { before[$1] = $2; next } $2 > before[$1] { printf " %s %d", $1, $2 - before[$1] }' \
        "$folder/answers-$1" "$folder/answers-$2"
}

# summary WHAT NAME: one row.
summary() {
    local row
    row=$(cat "$folder/$2")
    echo "| $1 | $(field intended_per_s "$row") | $(printf %.0f "$(field ops_per_s "$row")") | $(field p50_us "$row") |" \
        "$(field p99_us "$row") | $(field errors "$row") | $(field not_started "$row") | $3 |"
}

forget_peak() { echo 5 >"/proc/$dkv_pid/clear_refs"; }

# measure VALUE CLIENTS
measure() {
    local clients=$2 most_alone most_over most_after worst_us
    value=$1
    start_dkv
    load closed --threads 256 --duration 5s
    rate=$(printf %.0f "$(field ops_per_s "$(cat "$folder/closed")")")
    forget_peak
    half alone 10
    most_alone=$(memory_mib VmHWM "$dkv_pid")
    forget_peak
    answers before
    load over --threads "$clients" --rate $((rate * 10)) --warm-up 0s --duration "${seconds}s" --timeout 1s --retries 0 &
    local over=$!
    pids+=("$over")
    # Its clients and connections are made first.
    while kill -0 "$over" 2>/dev/null && [ "$(answered)" = "$(cat "$folder/answers-before")" ]; do sleep 0.1; done
    sleep "$seconds"
    most_over=$(memory_mib VmHWM "$dkv_pid")
    answers after
    forget_peak
    half later "$seconds"
    wait "$over"
    most_after=$(memory_mib VmHWM "$dkv_pid")
    echo
    echo "values of $value, $clients clients too many: R = $rate sets/s"
    echo
    echo "| load | intended/s | ops/s | p50 us | p99 us | errors | not begun | node MiB |"
    echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
    summary "R/2 alone" alone "$most_alone"
    summary "10 R" over "$most_over"
    summary "R/2 after it" later "$most_after"
    echo
    echo "the node answered 10 R with:$(answered_between before after)"
    echo "an error of the clients: $(sed -n 's/.*"first_error": "\(.*\)",*$/\1/p' "$folder/over.json" | head -n 1)"
    around_the_change
    end_all
    rm -rf "$folder/dkv"
}

around_the_change() {
    worst_us=$(timeline alone | head -n 10 | awk '$5 > worst { worst = $5 } END { print worst }')
    echo
    echo "| second | load | ops | errors | p50 us | p99 us |"
    echo "| --- | --- | --- | --- | --- | --- |"
    timeline over | head -n "$seconds" | tail -n 5 | row_of "10 R" -"$seconds"
    timeline later | head -n 12 | row_of "R/2" 0
    echo
    timeline later | head -n "$seconds" | awk -v worst="$worst_us" -v half=$((rate / 2)) '
        !back && $5 <= worst && $2 >= half * 0.95 && $3 == 0 { back = NR }
        END {
            printf "worst p99 of a second of R/2 alone: %d us; ", worst
            if (back) printf "that good again in second %d after the change\n", back
            else print "not that good again by the end"
        }'
}

row_of() { awk -v load="$1" -v from="$2" '{ printf "| %d | %s | %s | %s | %s | %s |\n", $1 + from, load, $2, $3, $4, $5 }'; }

echo "$("$dkv" version | head -n 1), engine ${ENGINE:-memory}, 10 R for $seconds s"
for one in $loads; do measure "${one%:*}" "${one#*:}"; done
