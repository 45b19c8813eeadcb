#!/bin/sh
# Ends the nodes that ./start.sh started. Their data stays in data/; remove it to begin anew.
set -eu
cd "$(dirname "$0")"

runs() {
    case $(ps -p "$1" -o stat= -o comm= 2>/dev/null) in
    Z*) false ;;
    *dkv*) true ;;
    *) false ;;
    esac
}

for file in data/node-*.pid; do
    [ -s "$file" ] || continue
    if runs "$(cat "$file")"; then kill "$(cat "$file")" 2>/dev/null || true; fi
done
for file in data/node-*.pid; do
    [ -s "$file" ] || continue
    tries=0
    while runs "$(cat "$file")"; do
        tries=$((tries + 1))
        # It has had 20 seconds to end by itself.
        if [ "$tries" -eq 200 ]; then kill -9 "$(cat "$file")" 2>/dev/null || true; fi
        sleep 0.1
    done
    rm -f "$file"
done
