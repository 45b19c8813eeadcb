#!/usr/bin/env bash
# Three nodes of dkv and three of etcd on this machine, in the same minutes: set and linearizable
# get of 64-byte values at 1, 50 and 256 clients, the two in turns, and of each row the median of
# all rounds and the ratio. Both sides have four connections to a node and a closed loop for each client; the clients of
# etcd are spread over its nodes, leader included, and once more all at the leader, and the
# better of the two counts. Five rounds take about twelve minutes.
#
#   cargo build --release --locked --bins --examples && bench/vs-etcd-cluster.sh [ROUNDS] [SECONDS] [CLIENTS...]
#
# PROFILE=debug tries the script with a debug build, KEYS (10000) are used. ETCD names the binary of etcd; else the
# package etcd-server is installed if it is missing, which needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5} seconds=${2:-5}
shift $(($# > 2 ? 2 : $#))
counts=("$@")
if [ ${#counts[@]} -eq 0 ]; then counts=(1 50 256); fi
built=$PWD/target/${PROFILE:-release} keys=${KEYS:-10000} first=${FIRST_PORT:-18281}
etcd=${ETCD:-$(command -v etcd || true)}
if [ -z "$etcd" ]; then
    (apt-get update && apt-get install -y --no-install-recommends etcd-server) >/dev/null 2>&1 || true
    etcd=$(command -v etcd || true)
fi
if [ -z "$etcd" ]; then
    echo "skipped: etcd is not here and cannot be installed (as root: apt-get install etcd-server; or set ETCD)" >&2
    exit 0
fi

folder=$(mktemp -d)
pids=()
end() {
    "$folder/stop.sh"
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    wait
    rm -rf "$folder"
}
cp examples/cluster/*.toml examples/cluster/*.sh "$folder"
for n in 1 2 3; do
    sed -i "s/1808$n/$((first + n - 1))/; s/1908$n/$((first + n + 2))/" "$folder"/node-*.toml
done
trap end EXIT
export DKV=$built/dkv
eval "$("$folder/start.sh")"
export DKV_ENDPOINTS

peers='' endpoints=''
for n in 1 2 3; do
    peers+=${peers:+,}etcd-$n=http://127.0.0.1:$((first + n + 8))
    endpoints+=${endpoints:+,}127.0.0.1:$((first + n + 5))
done
for n in 1 2 3; do
    client=http://127.0.0.1:$((first + n + 5)) peer=http://127.0.0.1:$((first + n + 8))
    "$etcd" --name "etcd-$n" --data-dir "$folder/etcd-$n" --initial-cluster "$peers" --initial-cluster-state new \
        --listen-client-urls "$client" --advertise-client-urls "$client" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" >"$folder/etcd-$n.log" 2>&1 &
    pids+=($!)
done
# The leader first: the load that asks the leader alone goes to the first.
leader=
for ((tries = 0; tries < 300; tries++)); do
    for endpoint in ${endpoints//,/ }; do
        if curl -s "http://$endpoint/metrics" | grep -q '^etcd_server_is_leader 1'; then leader=$endpoint; fi
    done
    if [ -n "$leader" ]; then break; fi
    sleep 0.1
done
if [ -z "$leader" ]; then
    echo "etcd has elected nobody:" >&2
    tail -n 5 "$folder"/etcd-*.log >&2
    exit 1
fi
endpoints=$leader,$(tr , '\n' <<<"$endpoints" | grep -vxF "$leader" | paste -s -d , -)

echo "dkv $("$DKV" version | head -n 1); $("$etcd" --version | head -n 1); $rounds rounds of $seconds s"
for ((round = 1; round <= rounds; round++)); do
    for clients in "${counts[@]}"; do
        for test in set get; do
            "$DKV" perf --threads "$clients" --connections 4 --only "$test" --value-size 64 --keys "$keys" \
                --duration "${seconds}s" --no-progress --csv "$folder/perf.csv" >/dev/null
            # Columns: test 1, errors 8, ops_per_s 10, p50 11, p99 13.
            awk -F, -v test="$test" '$1 == test { print $8, $10, $11, $13 }' "$folder/perf.csv" \
                >>"$folder/dkv.$test.$clients"
            "$built/examples/etcd-load" "$endpoints" "$test" "$clients" "$seconds" 64 "$keys" |
                cut -d ' ' -f 2- >>"$folder/etcd.$test.$clients"
            ETCD_LOAD_LEADER_ONLY=1 "$built/examples/etcd-load" "$endpoints" "$test" "$clients" "$seconds" 64 "$keys" |
                cut -d ' ' -f 2- >>"$folder/etcd-leader.$test.$clients"
        done
    done
done

echo "test clients dkv/s p50_us p99_us etcd/s p50_us p99_us spread|leader ratio errors"
for test in set get; do
    for clients in "${counts[@]}"; do
        median() { cut -d ' ' -f "$2" "$folder/$1.$test.$clients" | sort -n | sed -n "$(((rounds + 1) / 2))p"; }
        best=etcd way=spread
        if awk "BEGIN { exit !($(median etcd-leader 2) > $(median etcd 2)) }"; then best=etcd-leader way=leader; fi
        ratio=$(awk "BEGIN { printf \"%.2f\", $(median dkv 2) / $(median $best 2) }")
        errors=$(cat "$folder"/{dkv,etcd,etcd-leader}."$test.$clients" | awk '{ sum += $1 } END { print sum }')
        echo "$test $clients $(median dkv 2) $(median dkv 3) $(median dkv 4)" \
            "$(median $best 2) $(median $best 3) $(median $best 4) $way $ratio $errors"
    done
done
