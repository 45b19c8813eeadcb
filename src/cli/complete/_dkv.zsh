#compdef dkv
# Completion of dkv for zsh: dkv tells what may follow, the names that a server knows included.
# This shell has it after `source <(dkv completions zsh)`; every one, as _dkv in a folder of $fpath.
_dkv() {
    local line value
    local -a whole begun
    for line in "${(@f)$("${words[1]/#\~/$HOME}" __complete zsh "${(@Q)words[1,CURRENT]}" 2>/dev/null </dev/null)}"; do
        [[ -n $line ]] || continue
        value=${line%%$'\t'*}
        if [[ $value == *[:/=] ]]; then
            begun+=("$value")
        elif [[ $line == *$'\t'* ]]; then
            whole+=("${value//:/\\:}:${line#*$'\t'}")
        else
            whole+=("${value//:/\\:}")
        fi
    done
    (( ${#whole} )) && _describe -V 'dkv' whole
    (( ${#begun} )) && compadd -V begun -S '' -- "${begun[@]}"
    return 0
}
if [[ $funcstack[1] == _dkv ]]; then
    _dkv "$@"
else
    compdef _dkv dkv
fi
