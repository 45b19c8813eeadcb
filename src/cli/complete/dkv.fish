# Completion of dkv for fish: dkv tells what may follow, the names that a server knows included.
# This shell has it after `dkv completions fish | source`.
function __dkv_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct | string unescape; or commandline -ct)
    $words[1] __complete fish $words "$current" 2>/dev/null </dev/null
end
complete -c dkv -f -k -a '(__dkv_complete)'
