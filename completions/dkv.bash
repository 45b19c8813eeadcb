# Completion of dkv for bash: dkv tells what may follow, the names that a server knows included.
# This shell has it after `source <(dkv completions bash)`.
_dkv() {
    local candidate
    COMPREPLY=()
    while IFS= read -r candidate; do
        COMPREPLY+=("$candidate")
    done < <("${1/#\~/$HOME}" __complete bash "${COMP_LINE:0:COMP_POINT}" "$2" 2>/dev/null </dev/null)
    # What ends so is the beginning of a name.
    if [ "${#COMPREPLY[@]}" = 1 ] && [[ ${COMPREPLY[0]} == *[:/=] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _dkv dkv 2>/dev/null || complete -F _dkv dkv
