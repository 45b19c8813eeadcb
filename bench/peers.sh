#!/usr/bin/env bash
# What the comparisons with other servers share: it is sourced, and does nothing alone.
# Needs $dkv, $folder, $rounds, $seconds, $keys and $pids of whoever sources it.
# shellcheck disable=SC2034,SC2154 # See above: what it lacks is there, what it sets is read.

# The path of a program; its package of the distribution is installed if it is missing, which
# needs root.
program() {
    local name=$1 package=$2 given=${3:-}
    if [ -z "$given" ] && ! command -v "$name" >/dev/null; then
        (apt-get update && apt-get install -y --no-install-recommends "$package") >/dev/null 2>&1 || true
    fi
    command -v "${given:-$name}"
}

# Says why nothing is measured, and that this is no failure.
skip() {
    echo "skipped: $1 is not here and cannot be installed (as root: apt-get install $2; or set $3)" >&2
    exit 0
}

# Waits until a command succeeds, for at most half a minute.
wait_until() {
    local what=$1 tries
    shift
    for ((tries = 0; tries < 300; tries++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    echo "$what does not answer; the last lines of its log:" >&2
    tail -n 5 "$folder"/*.log >&2
    exit 1
}

# Starts a node of dkv on a port of its own, with the words of $dkv_words; $dkv_url is then where,
# and $dkv_pid which process.
dkv_words=()
start_dkv() {
    # What an earlier node said is not what this one says.
    rm -f "$folder/dkv.log"
    "$dkv" serve --engine "${ENGINE:-memory}" --listen 127.0.0.1:0 --data-dir "$folder/dkv" "${dkv_words[@]}" 2>"$folder/dkv.log" &
    dkv_pid=$!
    pids+=("$dkv_pid")
    wait_until dkv grep -q 'dkv ready' "$folder/dkv.log"
    dkv_url=dkv://$(sed -n 's/.*listening on \([^ ]*\).*/\1/p' "$folder/dkv.log")
}

# Ends what was started, and waits for it.
end_all() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    pids=()
}

# What a process has in memory now (VmRSS), or had at most (VmHWM), MiB.
memory_mib() { awk -v name="$1:" '$1 == name { print int($2 / 1024) }' "/proc/$2/status"; }

# Field NAME of a line of JSON in which no text holds a quotation mark or a comma before it.
field() { sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p" <<<"$2"; }

# One row of the table for each of the tests: A and B in turns, medians, and A divided by B.
# compare A B LABEL CLIENTS TESTS [WORDS OF dkv perf...]
compare() {
    local a=$1 b=$2 label=$3 clients=$4 tests=$5 line
    shift 5
    "$dkv" perf --compare "$a" "$b" --rounds "$rounds" --duration "${seconds}s" --threads "$clients" \
        --connections 4 --only "$tests" --value-size 64 --keys "$keys" --no-progress -o jsonl "$@" \
        >"$folder/compared" 2>"$folder/remarks" || cat "$folder/remarks" >&2
    while read -r line; do
        told "$label" "$line"
        echo "| $label | $(field test "$line") | $clients | $(field a_ops_per_s "$line") [$(field a_range "$line")] |" \
            "$(field a_p50_us "$line") | $(field a_p99_us "$line") | $(field b_ops_per_s "$line") [$(field b_range "$line")] |" \
            "$(field b_p50_us "$line") | $(field b_p99_us "$line") | $(printf %.2f "$(field ops_ratio "$line")") |" \
            "$(field errors "$line") |"
    done <"$folder/compared"
}

# What both promise, before the first row of a label.
labels=()
told() {
    local known
    for known in "${labels[@]}"; do if [ "$known" = "$1" ]; then return; fi; done
    labels+=("$1")
    sed -n "s|.*\"a_acknowledged_when\":\"\([^\"]*\)\".*\"b_acknowledged_when\":\"\([^\"]*\)\".*|$1: writes are confirmed when, A: \1; B: \2|p" <<<"$2" >>"$folder/promises"
}

# The head of the table: who is A, who is B.
head_of_table() {
    echo "| peer | test | clients | A $1: ops/s, median [least-most] | p50 us | p99 us | B $2: ops/s | p50 us | p99 us | A/B | errors |"
    echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
}
