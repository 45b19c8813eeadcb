#!/usr/bin/env bash
# dkv (one node, fsync before every answer) beside Redis, which keeps everything in memory, and
# then with a file that it syncs before every answer; its clients each with a connection of
# their own, and then in pipelines over four connections, as dkv's are. Set and get of 64-byte
# values in turns; of each row the medians of all rounds, the least and the most, and dkv
# divided by Redis. Where redis-benchmark is here, it says what our client costs Redis.
#
#   cargo build --release --locked && bench/vs-redis.sh [ROUNDS] [SECONDS] [CLIENTS...]
#
# PROFILE=debug tries the script with a debug build; KEYS (100000) are used, on ENGINE (memory);
# REDIS_PORT (16379) is where the peer listens. REDIS names its binary; else the package
# redis-server is installed if it is missing, which needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5} seconds=${2:-5}
shift $(($# > 2 ? 2 : $#))
counts=("$@")
if [ ${#counts[@]} -eq 0 ]; then counts=(1 50 256); fi
dkv=$PWD/target/${PROFILE:-release}/dkv keys=${KEYS:-100000} port=${REDIS_PORT:-16379}
folder=$(mktemp -d)
pids=()
# shellcheck disable=SC1091 # It is checked as a script of its own.
source bench/peers.sh
trap 'end_all; rm -rf "$folder"' EXIT
redis=$(program redis-server redis-server "${REDIS:-}") || skip redis-server redis-server REDIS

is_there() { exec 3<>"/dev/tcp/127.0.0.1/$port" && printf 'PING\r\n' >&3 && timeout 2 head -c 5 <&3 | grep -q PONG; }

# start_redis WORDS: one server with these settings.
start_redis() {
    mkdir -p "$folder/redis"
    "$redis" --port "$port" --bind 127.0.0.1 --dir "$folder/redis" --daemonize no --save '' "$@" >"$folder/redis.log" 2>&1 &
    redis_pid=$!
    pids+=("$redis_pid")
    wait_until Redis is_there
}

end_redis() {
    kill "$redis_pid"
    wait "$redis_pid" || true
    rm -rf "$folder/redis"
}

# measure LABEL: without and with pipelines.
measure() {
    local clients url=redis://127.0.0.1:$port
    for clients in "${counts[@]}"; do
        compare "$dkv_url" "$url" "$1" "$clients" set,get
        compare "$dkv_url" "$url" "$1, pipelines" "$clients" set,get --pipeline
    done
    if command -v redis-benchmark >/dev/null; then
        redis-benchmark -p "$port" -t set,get -d 64 -r "$keys" -c 50 -n $((seconds * 20000)) --csv |
            sed -n "s|^\"\([SG]ET\)\",\"\([0-9.]*\)\".*|$1: redis-benchmark -c 50: \1 \2 ops/s|p" >>"$folder/benchmark"
    fi
}

start_dkv
echo "$("$dkv" version | head -n 1); $("$redis" --version); $rounds rounds of $seconds s"
head_of_table dkv Redis
start_redis --appendonly no
measure "in memory"
end_redis
start_redis --appendonly yes --appendfsync always
measure "appendfsync always"
end_redis
echo
cat "$folder/promises"
if [ -e "$folder/benchmark" ]; then cat "$folder/benchmark"; fi
