#!/usr/bin/env bash
# What becomes of the figures when there is more of something, part by part, each as rows for a
# table: many clients; one hot key; sixteen shards; values from 1 B to 16 MiB; the memory that a
# pair takes; clients that read nothing; 10 M keys beside 100,000. All parts take about 15
# minutes, 4 of them for the 10 M keys, which need 8 GiB of memory and as much of disk.
#
#   cargo build --release --locked --bins --examples && bench/scale.sh [--redb] [PART...]
#
# The parts are clients, hot, shards, values, memory, readers and keys. Each row has a node of its
# own, except in readers and keys, on ENGINE (memory), and is measured for DURATION (5s). Columns `node MiB` are the largest
# resident size of that node. PROFILE=debug tries the script with a debug build; SMALL=1 tries it
# with a hundredth of the data; BIN is where the binaries are.
set -euo pipefail
cd "$(dirname "$0")/.."
built=${BIN:-$PWD/target/${PROFILE:-release}} dkv=${BIN:-$PWD/target/${PROFILE:-release}}/dkv
every=$([ -n "${SMALL:-}" ] && echo 100 || echo 1)
duration=${DURATION:-5s} folder=$(mktemp -d)
value_size=64 value_bytes='' patience=60s
pids=()
# shellcheck disable=SC1091 # It is checked as a script of its own.
source bench/peers.sh
trap 'end_all; rm -rf "$folder"' EXIT

# A node with nothing in it.
fresh() {
    end_all
    rm -rf "$folder/dkv"
    start_dkv
}

# load WORDS: one run of dkv perf; its rows of JSON are in $folder/rows.
load() {
    timeout 900 "$dkv" perf --target "$dkv_url" --duration "$duration" --value-size "$value_size" \
        --timeout "$patience" --no-progress -o jsonl "$@" >"$folder/rows" 2>"$folder/remarks" || cat "$folder/remarks" >&2
}

# The cells of a row of JSON that every table has.
cells() {
    printf '%.0f | %s | %s | %s' "$(field ops_per_s "$1")" "$(field p50_us "$1")" "$(field p99_us "$1")" "$(field errors "$1")"
}

# measured LABEL TEST WORDS: a row of a table, from a node of its own; with $value_bytes it ends
# with MB/s.
measured() {
    local label=$1 test=$2 row
    shift 2
    fresh
    load --only "$test" "$@"
    while read -r row; do
        echo "| $label | $test | $(cells "$row") | $(memory_mib VmHWM "$dkv_pid") |${value_bytes:+ $(mb_per_s "$row") |}"
    done <"$folder/rows"
}

mb_per_s() { awk -v ops="$(field ops_per_s "$1")" -v bytes="$value_bytes" 'BEGIN { printf "%.1f", ops * bytes / 1e6 }'; }

# head_of FIRST-COLUMN [MORE-COLUMNS]
head_of() {
    echo
    echo "| $1 | test | ops/s | p50 us | p99 us | errors | node MiB |${2:-}"
    echo "| --- | --- | --- | --- | --- | --- | --- |${2:+ --- |}"
}

part_clients() {
    local clients test
    head_of clients
    for clients in 256 1000 5000; do
        for test in set get; do measured "$clients" "$test" --threads "$clients" --keys 100000; done
    done
}

part_hot() {
    local test
    head_of keys
    for test in set get; do
        measured 100000 "$test" --threads 256 --keys 100000
        measured 1 "$test" --threads 256 --keys 1
    done
}

# A client of the library has one shard. So there are sixteen generators, with a shard each, and
# beside them sixteen with one shard together: what differs is the shards alone.
part_shards() {
    local count test number shards
    for ((number = 100; number < 116; number++)); do shards=${shards:+$shards,}$number=lstore; done
    dkv_words=(--shards "$shards")
    head_of "shards, of 16 x 16 clients"
    for test in set get; do
        for count in 1 16; do
            fresh
            sixteen "$count" "$test"
        done
    done
    dkv_words=()
}

# sixteen SHARDS TEST: the sum of sixteen generators, the middle p50 and the worst p99.
sixteen() {
    local number loads=()
    for ((number = 0; number < 16; number++)); do
        timeout 120 "$dkv" perf --target "$dkv_url" --shard "$((100 + number % $1))" --only "$2" --threads 16 \
            --connections 1 --keys $((100000 / 16)) --value-size 64 --duration "$duration" --warm-up 2s --seed "$number" \
            --timeout 60s --no-progress -o jsonl >"$folder/rows-$number" 2>>"$folder/remarks" &
        loads+=($!)
        pids+=($!)
    done
    for number in "${loads[@]}"; do wait "$number" || cat "$folder/remarks" >&2; done
    for ((number = 0; number < 16; number++)); do
        local row
        row=$(cat "$folder/rows-$number")
        echo "$(field ops_per_s "$row") $(field p50_us "$row") $(field p99_us "$row") $(field errors "$row")"
    done | sort -n -k 2 | awk -v label="$1" -v test="$2" -v mib="$(memory_mib VmHWM "$dkv_pid")" '
        NF == 4 { rows++; ops += $1; errors += $4; if (rows == 8) p50 = $2; if ($3 > p99) p99 = $3 }
        END { if (rows < 16) label = label " (of 16 generators only " rows ")"; printf "| %s | %s | %d | %s | %s | %s | %s |\n", label, test, ops, p50, p99, errors, mib }'
}

# Few clients for large values: a node takes 64 MiB of writes at once, and refuses more. Together
# the values of a row are 256 MiB at most.
part_values() {
    local clients keys test
    head_of "value, clients" " MB/s |"
    while read -r value_size clients value_bytes; do
        keys=$((256 * 1048576 / value_bytes))
        for test in set get; do
            measured "$value_size, $clients" "$test" --threads "$clients" --keys "$((keys < 10000 ? keys : 10000))"
        done
    done <<<'1 50 1
64 50 64
1K 50 1024
64K 50 65536
1M 16 1048576
16M 2 16777216'
    value_size=64 value_bytes=''
}

# What a pair of 16 and 64 bytes takes in memory: of what is resident, what an empty node has is
# taken off, and in the last column what the history says that it has. With hardly any history
# the rest is the rows.
part_memory() {
    local pairs=$((1000000 / every)) size
    awk -v pairs="$pairs" 'BEGIN { for (i = 0; i < pairs; i++)
        printf "{\"key\":\"key:%012d\",\"value\":\"%064d\"}\n", i, i }' >"$folder/in.jsonl"
    echo
    echo "| pairs | node | resident MiB | of it history MiB | bytes a pair | less history |"
    echo "| --- | --- | --- | --- | --- | --- |"
    for size in 256M 1M; do
        dkv_words=(--history-size "$size")
        fresh
        empty=$(memory_mib VmRSS "$dkv_pid")
        memory_row "empty" 0
        DKV_ENDPOINTS=${dkv_url#dkv://} "$dkv" kv import "$folder/in.jsonl" --no-progress --quiet
        memory_row "${dkv_words[*]}, after the import" "$pairs"
        end_all
        start_dkv
        memory_row "${dkv_words[*]}, after a restart" "$pairs"
    done
    dkv_words=()
}

history_bytes() { curl -s "http://${dkv_url#dkv://}/metrics" | awk '/^dkv_shard_history_bytes.*"100"/ { print $2 }'; }

memory_row() {
    awk -v label="$1" -v pairs="$2" -v empty="$empty" -v now="$(memory_mib VmRSS "$dkv_pid")" -v history="$(history_bytes)" 'BEGIN {
        printf "| %d | %s | %d | %d |", pairs, label, now, history / 1048576
        took = (now - empty) * 1048576
        if (pairs) printf " %.0f | %.0f |\n", took / pairs, (took - history) / pairs
        else print " | |" }'
}

# Sixteen clients ask for 4 GB each over sessions, or for 1.6 GB by scans, and read nothing; what
# it costs the node, and those that play by the rules.
part_readers() {
    local kind
    head_of "clients that read nothing"
    for kind in session scan; do
        fresh
        reading "none yet"
        : >"$folder/stuck"
        mkfifo "$folder/hold"
        DKV_ENDPOINTS=${dkv_url#dkv://} "$built/examples/slow-readers" 16 $kind <"$folder/hold" >"$folder/stuck" 2>"$folder/readers.log" &
        local readers=$!
        pids+=("$readers")
        exec 9>"$folder/hold"
        wait_until "slow-readers" grep -q stuck "$folder/stuck"
        reading "16, $kind"
        exec 9>&-
        wait "$readers"
        rm "$folder/hold"
        reading "gone again"
    done
}

reading() {
    load --only get --threads 64 --keys 10000
    echo "| $1 | get | $(cells "$(cat "$folder/rows")") | $(memory_mib VmHWM "$dkv_pid"), then $(memory_mib VmRSS "$dkv_pid") |"
}

# On keys that are all there: get, then half gets and half sets, each drawn uniformly.
part_keys() {
    local keys row test
    head_of keys
    # Removing 10 M keys at the end takes its time.
    patience=600s
    for keys in 100000 $((10000000 / every)); do
        fresh
        load --only get,ycsb-a --dist uniform --threads 256 --keys "$keys"
        while read -r row; do
            test=$(field test "$row")
            echo "| $keys | $test | $(cells "$row") | $(memory_mib VmHWM "$dkv_pid") |"
            echo "$test $(field ops_per_s "$row")" >>"$folder/grown"
        done <"$folder/rows"
    done
    awk '{ if ($1 in few) printf "%s of many keys / of few: %.2f\n", $1, $2 / few[$1]; else few[$1] = $2 }' "$folder/grown"
    patience=60s
}

parts=()
for word in "$@"; do
    case $word in
    --redb) ENGINE=redb ;;
    clients | hot | shards | values | memory | readers | keys) parts+=("$word") ;;
    *)
        echo "\`$word\` is no part: choose from clients, hot, shards, values, memory, readers, keys" >&2
        exit 2
        ;;
    esac
done
if [ ${#parts[@]} -eq 0 ]; then parts=(clients hot shards values memory readers keys); fi
echo "$("$dkv" version | head -n 1), engine ${ENGINE:-memory}, $duration a row, values of 64 bytes unless it says more"
for part in "${parts[@]}"; do "part_$part"; done
