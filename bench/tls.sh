#!/usr/bin/env bash
# What TLS costs: sets and gets over sessions, one node, log synced before each answer, with TLS 1.3 and
# certificates on both sides beside the same without, in turns. Each run has a node and an empty directory of
# its own. Prints a row for each number of clients: medians, [least, most], and the median of the rounds' ratios.
# Takes about five minutes.
#
#   cargo build --release --locked && bench/tls.sh [ROUNDS] [SECONDS] [CLIENTS...]
#
# ENGINE (memory), VALUE_SIZE (64); BIN says where the binary is.
# shellcheck disable=SC2034 # bench/peers.sh reads what seems to be unused.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5} seconds=${2:-4}
shift $(($# < 2 ? $# : 2))
clients=("${@:-}")
if [ -z "${clients[0]}" ]; then clients=(1 50 256 1000); fi
dkv=${BIN:-$PWD/target/release}/dkv folder=$(mktemp -d) pids=()
# shellcheck disable=SC1091 # It is checked as a script of its own.
source bench/peers.sh
trap 'end_all; rm -rf "$folder"' EXIT

"$dkv" cert ca --certs "$folder/certs" >/dev/null 2>&1
"$dkv" cert server --certs "$folder/certs" >/dev/null 2>&1
"$dkv" cert client --certs "$folder/certs" >/dev/null 2>&1

# run HOW CLIENTS ROUND: sets and then gets, `test ops p50 p99 errors` a line.
run() {
    local how=$1 count=$2 words=() test
    end_all
    rm -rf "$folder/dkv"
    dkv_words=()
    if [ "$how" = tls ]; then
        dkv_words=(--certs "$folder/certs")
        words=(--certs "$folder/certs")
    fi
    start_dkv
    if [ "$how" = tls ]; then dkv_url=dkvs://localhost:${dkv_url##*:}; fi
    for test in set get; do
        timeout 300 "$dkv" perf --target "$dkv_url" "${words[@]}" --only "$test" --threads "$count" --keys 100000 \
            --value-size "${VALUE_SIZE:-64}" --duration "${seconds}s" --timeout 60s --no-progress -o jsonl \
            >"$folder/row" 2>"$folder/perf.log" || cat "$folder/perf.log" >&2
        echo "$how $count $test $(field ops_per_s "$(cat "$folder/row")") $(field p50_us "$(cat "$folder/row")")" \
            "$(field p99_us "$(cat "$folder/row")") $(field errors "$(cat "$folder/row")")" >>"$folder/figures"
    done
}

for ((round = 1; round <= rounds; round++)); do
    for count in "${clients[@]}"; do
        # Who is first has a machine that was idle: they take turns in that, too.
        if ((round % 2)); then run plain "$count"; run tls "$count"; else run tls "$count"; run plain "$count"; fi
    done
done

# column HOW CLIENTS TEST NUMBER: of every round, in their order.
column() { awk -v how="$1" -v count="$2" -v test="$3" -v at="$4" '$1 == how && $2 == count && $3 == test { print $at }' "$folder/figures"; }
median() { sort -g | sed -n "$(((rounds + 1) / 2))p"; }
spread() { sort -g | awk '{ all[NR] = $1 } END { printf "%.0f [%.0f, %.0f]", all[int((NR + 1) / 2)], all[1], all[NR] }'; }
# ratio CLIENTS TEST NUMBER: TLS beside none, round by round.
ratio() { paste <(column tls "$1" "$2" "$3") <(column plain "$1" "$2" "$3") | awk '{ print $1 / $2 }' | median; }

echo "| clients | test | plain ops/s | TLS ops/s | ratio | plain p99 us | TLS p99 us | ratio | errors |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
for count in "${clients[@]}"; do
    for test in set get; do
        errors=$({ column plain "$count" "$test" 7; column tls "$count" "$test" 7; } | awk '{ sum += $1 } END { print sum + 0 }')
        printf '| %s | %s | %s | %s | %.2f | %s | %s | %.2f | %s |\n' "$count" "$test" \
            "$(column plain "$count" "$test" 4 | spread)" "$(column tls "$count" "$test" 4 | spread)" "$(ratio "$count" "$test" 4)" \
            "$(column plain "$count" "$test" 6 | spread)" "$(column tls "$count" "$test" 6 | spread)" "$(ratio "$count" "$test" 6)" "$errors"
    done
done
