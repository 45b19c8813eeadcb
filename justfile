# Shortcuts; the work is done by plain scripts in ci/ and scripts/, so that just is never needed.

# Lists what there is.
default:
    @just --list

# Everything a commit must pass. Changes nothing.
verify:
    ./ci/verify.sh

# The tests alone.
test *ARGS:
    ./scripts/test {{ARGS}}

# Switches defects on, one after the other, and looks which tests notice: about an hour.
mutants *ARGS:
    ./scripts/mutants {{ARGS}}

# Writes completions, man pages and other generated files anew.
generate:
    ./ci/generate.sh

# Formats, applies what clippy can repair, and generates.
fix:
    ./ci/fix.sh
