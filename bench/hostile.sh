#!/usr/bin/env bash
# Hostile clients against the leader of three nodes, one kind after the other, each against a
# cluster of its own: what becomes of their connections, what the node takes, and what healthy
# clients notice: four sessions at the leader and four at a follower, at a fixed rate far below
# what the cluster can do, and five fresh clients a second. All kinds take about a quarter of an hour.
#
#   cargo build --release --locked --bins --examples && bench/hostile.sh [--attack NAME]... [--seconds N] [--connections N] [MORE...]
#
# MORE are flags of the example hostile: --addresses (from how many addresses the attack comes),
# --rate, --memory-max, --peer (the port for members is attacked), --control (nobody is attacked
# but a process that only reads: what the machine alone does to the figures), --core (what is attacked
# has that core to itself, and everything else the others: as if it were a machine). PROFILE=debug tries
# the script with a debug build, BIN says where the binaries are; FILES (256) lets the nodes open so many files at most;
# SERVE has more words for dkv serve.
set -euo pipefail
cd "$(dirname "$0")/.."
built=${BIN:-$PWD/target/${PROFILE:-release}}
dkv=$built/dkv hostile=$built/examples/hostile folder=$(mktemp -d)
attacks=() more=() apart=()
while [ $# -gt 0 ]; do
    case $1 in
    --attack) attacks+=("$2") && shift 2 ;;
    --core)
        others=$(seq 0 $(($(nproc) - 1)) | grep -vx "$2" | paste -sd,)
        apart=(taskset -c "$others") && more+=("$1" "$2") && shift 2
        ;;
    *) more+=("$1") && shift ;;
    esac
done
if [ ${#attacks[@]} -eq 0 ]; then mapfile -t attacks < <("$hostile" list); fi
pids=()
# shellcheck disable=SC1091 # It is checked as a script of its own.
source bench/peers.sh
trap 'end_all; rm -rf "$folder"' EXIT

limited=()
if [ -n "${FILES:-}" ]; then limited=(prlimit "--nofile=$FILES"); fi
read -r -a words <<<"${SERVE:-}"

start_cluster() {
    rm -f "$folder/nodes.json"
    "${apart[@]}" "${limited[@]}" "$dkv" cluster up --nodes 3 --port 0 -o json -- "${words[@]}" >"$folder/nodes.json" 2>"$folder/up.log" &
    pids+=("$!")
    wait_until "the cluster" grep -q '^}' "$folder/nodes.json"
}

echo "$("$dkv" version | head -n 1), ${FILES:+$FILES files at most, }${more[*]:-10 s of each attack}"
echo
"$hostile" head
for attack in "${attacks[@]}"; do
    start_cluster
    timeout 600 "${apart[@]}" "$hostile" measure "$folder/nodes.json" "$attack" "${more[@]}" || echo "| $attack | not measured |"
    end_all
done
