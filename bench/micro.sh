#!/usr/bin/env bash
# The micro-benchmarks of benches/micro: what single pieces of the engines, the log, the machine and
# the codecs cost, without a server. FILTER is a regular expression on names (engine::get); options
# go to divan, e.g. --max-time 0.2 for a short look. All of them take about a minute.
#
#   bench/micro.sh [FILTER] [OPTION...]
set -euo pipefail
cd "$(dirname "$0")/.."
exec cargo bench --locked --bench micro -- "$@"
