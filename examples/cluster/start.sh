#!/bin/sh
# Starts the three nodes of this folder that do not run, and waits until the cluster is healthy.
# Data, logs and process ids are in data/ beside this file. DKV names the binary, if it is not
# `dkv` on the PATH. ./stop.sh ends them.
set -eu
cd "$(dirname "$0")"
dkv=${DKV:-dkv}
mkdir -p data

# True if the process of a node runs: a number alone may be another program's by now.
runs() {
    [ -s "data/$1.pid" ] && case $(ps -p "$(cat "data/$1.pid")" -o stat= -o comm= 2>/dev/null) in
    Z*) false ;;
    *dkv*) true ;;
    *) false ;;
    esac
}

for node in node-1 node-2 node-3; do
    if runs "$node"; then continue; fi
    "$dkv" serve --config "$node.toml" >>"data/$node.log" 2>&1 </dev/null &
    echo $! >"data/$node.pid"
done

endpoints=$(sed -n 's/^listen = \["\(.*\)"\]$/\1/p' node-*.toml | paste -s -d , -)
tries=0
until "$dkv" cluster health --endpoints "$endpoints" --timeout 2s >data/health 2>&1; do
    tries=$((tries + 1))
    for node in node-1 node-2 node-3; do
        if ! runs "$node"; then
            echo "$node has ended; the last lines of data/$node.log:" >&2
            tail -n 5 "data/$node.log" >&2
            exit 1
        fi
    done
    if [ "$tries" -ge 300 ]; then
        echo "the cluster is not healthy:" >&2
        cat data/health >&2
        exit 1
    fi
    sleep 0.1
done
echo "export DKV_ENDPOINTS=$endpoints"
