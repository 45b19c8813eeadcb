#!/usr/bin/env bash
# Three nodes of dkv and three of etcd on this machine, in the same minutes: set and linearizable
# get of 64-byte values at 1, 50 and 256 clients, the two in turns; of each row the medians of
# all rounds, the least and the most, and dkv divided by etcd. Both sides have four connections
# to a node and a closed loop for each client; the clients of etcd are spread over its nodes,
# leader included, and once more all at the leader: the better of the two is the one to look at.
# Five rounds take about twenty minutes.
#
#   cargo build --release --locked && bench/vs-etcd-cluster.sh [ROUNDS] [SECONDS] [CLIENTS...]
#
# PROFILE=debug tries the script with a debug build; KEYS (10000) are used, and twelve ports from
# FIRST_PORT (18281). ETCD names the binary; else the package etcd-server is installed if it is
# missing, which needs root.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5} seconds=${2:-5}
shift $(($# > 2 ? 2 : $#))
counts=("$@")
if [ ${#counts[@]} -eq 0 ]; then counts=(1 50 256); fi
dkv=$PWD/target/${PROFILE:-release}/dkv keys=${KEYS:-10000} first=${FIRST_PORT:-18281}
folder=$(mktemp -d)
pids=()
# shellcheck disable=SC1091 # It is checked as a script of its own.
source bench/peers.sh
etcd=$(program etcd etcd-server "${ETCD:-}") || skip etcd etcd-server ETCD

cp examples/cluster/*.toml examples/cluster/*.sh "$folder"
for n in 1 2 3; do
    sed -i "s/1808$n/$((first + n - 1))/; s/1908$n/$((first + n + 2))/" "$folder"/node-*.toml
done
trap '"$folder/stop.sh"; end_all; rm -rf "$folder"' EXIT
export DKV=$dkv
eval "$("$folder/start.sh")"

peers='' endpoints=''
for n in 1 2 3; do
    peers+=${peers:+,}etcd-$n=http://127.0.0.1:$((first + n + 8))
    endpoints+=${endpoints:+,}127.0.0.1:$((first + n + 5))
done
for n in 1 2 3; do
    client=http://127.0.0.1:$((first + n + 5)) peer=http://127.0.0.1:$((first + n + 8))
    "$etcd" --name "etcd-$n" --data-dir "$folder/etcd-$n" --quota-backend-bytes 8589934592 --initial-cluster "$peers" --initial-cluster-state new \
        --listen-client-urls "$client" --advertise-client-urls "$client" \
        --listen-peer-urls "$peer" --initial-advertise-peer-urls "$peer" >"$folder/etcd-$n.log" 2>&1 &
    pids+=($!)
done
# The leader first: alone it is where all clients go.
leader=
find_leader() {
    local endpoint
    for endpoint in ${endpoints//,/ }; do
        if curl -s "http://$endpoint/metrics" | grep -q '^etcd_server_is_leader 1'; then leader=$endpoint; fi
    done
    [ -n "$leader" ]
}
wait_until etcd find_leader
endpoints=$leader,$(tr , '\n' <<<"$endpoints" | grep -vxF "$leader" | paste -s -d , -)

echo "$("$dkv" version | head -n 1); $("$etcd" --version | head -n 1); $rounds rounds of $seconds s"
head_of_table dkv etcd
for clients in "${counts[@]}"; do
    compare "dkv://$DKV_ENDPOINTS" "etcd://$endpoints" "three, spread" "$clients" set,get
    compare "dkv://$DKV_ENDPOINTS" "etcd://$leader" "three, leader" "$clients" set,get
done
echo
cat "$folder/promises"
