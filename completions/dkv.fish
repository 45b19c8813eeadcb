# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_dkv_global_optspecs
    string join \n config= o/output= q/quiet no-progress h/help V/version
end

function __fish_dkv_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_dkv_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_dkv_using_subcommand
    set -l cmd (__fish_dkv_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c dkv -n "__fish_dkv_needs_command" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_needs_command" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_needs_command" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_needs_command" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_needs_command" -s V -l version -d 'Print version'
complete -c dkv -n "__fish_dkv_needs_command" -f -a "bucket" -d 'Make, change, list and drop buckets: named parts of a shard'
complete -c dkv -n "__fish_dkv_needs_command" -f -a "cluster" -d 'See and change the members of a cluster, or start one here'
complete -c dkv -n "__fish_dkv_needs_command" -f -a "completions" -d 'Print the completions of a shell'
complete -c dkv -n "__fish_dkv_needs_command" -f -a "man" -d 'Print the manual, or write its pages into a directory'
complete -c dkv -n "__fish_dkv_needs_command" -f -a "openapi" -d 'Print the description of the REST interface (OpenAPI 3.1)'
complete -c dkv -n "__fish_dkv_needs_command" -f -a "version" -d 'Print the version'
complete -c dkv -n "__fish_dkv_needs_command" -f -a "serve" -d 'Start a node'
complete -c dkv -n "__fish_dkv_needs_command" -f -a "kv" -d 'Read and write keys'
complete -c dkv -n "__fish_dkv_needs_command" -f -a "lock" -d 'Take, hold and inspect locks'
complete -c dkv -n "__fish_dkv_needs_command" -f -a "info" -d 'Describe a node and its shards'
complete -c dkv -n "__fish_dkv_needs_command" -f -a "perf" -d 'Measure how fast a server answers'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -f -a "create" -d 'Make a bucket'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -f -a "update" -d 'Change the settings of a bucket'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -f -a "drop" -d 'Remove a bucket with all its keys'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -f -a "list" -d 'List the buckets with what is in them'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and not __fish_seen_subcommand_from create update drop list entries" -f -a "entries" -d 'List the keys and values of a bucket'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l delete-in -l ttl -d 'Delete keys that are set without timers after this long; 0 is never' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l expire-in -d 'Drop the values of such keys after this long; 0 is never' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l quota -d 'Refuse what makes keys and values take more than this, such as 64MiB; 0 is no limit' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l quota-keys -d 'Refuse more keys than this; 0 is no limit' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l no-history -d 'Keep no history: no reads of the past, no watches; cannot be changed later'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l delete-in -l ttl -d 'Delete keys that are set without timers after this long; 0 is never' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l expire-in -d 'Drop the values of such keys after this long; 0 is never' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l quota -d 'Refuse what makes keys and values take more than this, such as 64MiB; 0 is no limit' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l quota-keys -d 'Refuse more keys than this; 0 is no limit' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from update" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -s y -l yes -d 'Do not ask'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from drop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from list" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from list" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from list" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from list" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from list" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from list" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from list" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from list" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from list" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l prefix -d 'The keys that begin with this' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l start -d 'Keys from this one on' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l end -d 'Keys before this one' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l limit -d 'List at most this many keys; 0 is no limit' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l at -d 'What was there then: a revision like 42, how long ago like 5m, or a time like 2026-03-09T12:30:00Z' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l keys-only -d 'List keys without values'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l include-expired -d 'List keys whose value is expired, too'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l reverse -d 'List them from the last to the first'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l count -d 'Print how many there are: count=N'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand bucket; and __fish_seen_subcommand_from entries" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -f -a "up" -d 'Start a cluster of several nodes on this machine, and keep it until Ctrl-C'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -f -a "status" -d 'Show how every member does, shard by shard'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -f -a "members" -d 'List the members, with their addresses'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -f -a "health" -d 'Tell whether the cluster is healthy, and what is wrong if not'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -f -a "add-learner" -d 'Add a node as a learner, which follows without a vote'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -f -a "promote" -d 'Make a learner a voter, once it has caught up'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -f -a "remove" -d 'Take a member out of the cluster, running or not'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -f -a "leave" -d 'Take the node at --endpoints out of its cluster'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -f -a "transfer-leader" -d 'Hand the leadership of the shards to a member'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and not __fish_seen_subcommand_from up status members health add-learner promote remove leave transfer-leader snapshot" -f -a "snapshot" -d 'Make the state of shards durable now, and let their logs go'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from up" -l nodes -d 'How many nodes: 3 survive the loss of one, 5 of two' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from up" -l dir -d 'Keep the data and the logs here, and go on with what is there' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from up" -l port -d 'The port for clients of the first node; the others have the next ones. 0: any that are free, and for --peer-port, too' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from up" -l peer-port -d 'The port for other members of the first node; the others have the next ones' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from up" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from up" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from up" -l failover -d 'Once it is up, kill the leader, see who leads then, and restart it'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from up" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from up" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from status" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas. One is enough' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from status" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from status" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from status" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from status" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from members" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas. One is enough' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from members" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from members" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from members" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from members" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from members" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from members" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from health" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas. One is enough' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from health" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from health" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from health" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from health" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from health" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from health" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from add-learner" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas. One is enough' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from add-learner" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from add-learner" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from add-learner" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from add-learner" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from add-learner" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from add-learner" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from promote" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas. One is enough' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from promote" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from promote" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from promote" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from promote" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from promote" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from promote" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from remove" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas. One is enough' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from remove" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from remove" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from remove" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from remove" -s y -l yes -d 'Do not ask'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from remove" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from remove" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from leave" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas. One is enough' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from leave" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from leave" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from leave" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from leave" -s y -l yes -d 'Do not ask'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from leave" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from leave" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from leave" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from transfer-leader" -l shard -d 'Of this shard alone' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from transfer-leader" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas. One is enough' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from transfer-leader" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from transfer-leader" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from transfer-leader" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from transfer-leader" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from transfer-leader" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from transfer-leader" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from snapshot" -l shard -d 'Of this shard alone' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from snapshot" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas. One is enough' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from snapshot" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from snapshot" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from snapshot" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from snapshot" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from snapshot" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand cluster; and __fish_seen_subcommand_from snapshot" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand completions" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand completions" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand completions" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand completions" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand man" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand man" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand man" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand man" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand openapi" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand openapi" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand openapi" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand openapi" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand openapi" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand version" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand version" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand version" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand version" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l listen -d 'Take requests here: IP:PORT or unix:/path/dkv.sock; may be given several times' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l advertise -d 'Tell clients this address instead of the first one of --listen' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l shards -d 'Serve these shards: ID=TYPE, where TYPE is lstore, lockmgr(lstore), dstore or lockmgr(dstore), and may end in /redb or /memory. dstore is replicated, to all members of a cluster [default: 100=lstore,200=lockmgr(lstore), and with --cluster-members 100=dstore,200=lockmgr(dstore)]' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l node-id -d 'The name of this node, needed with replicated shards: unique in its cluster, like node-1' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l data-dir -d 'Keep everything in this directory' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l engine -d 'What keeps the rows of new shards that name no engine: redb (on disk) or memory (in memory, with checkpoints on disk). Recorded with the shard [default: redb]' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l engine-cache -d 'Memory of each redb shard for pages of its file, like 128M' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l history-age -d 'How long a shard remembers what changed, for reads of the past and exports' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l history-size -d 'Memory of each shard for what changed lately, like 256M: the oldest goes first' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l durability -d 'When a write is done: fsync (on disk), interval:50ms (on disk a little later), none' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l snapshot-entries -d 'Commands between two checkpoints of a shard (redb: at most 200000)' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l snapshot-bytes -d 'Bytes of log between two checkpoints of a shard, like 256M (redb: at most 64M)' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l request-timeout -d 'The time limit of a request that names none (DKV_TIMEOUT sets it, too)' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l max-value-size -d 'The largest value, like 16M' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l workers -d 'Threads that take requests, and that order and apply those of replicated shards: by default as many as there are cores. Give fewer where several nodes share a machine' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l ready-fd -d 'Write a line to this open file descriptor when the node is ready' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l log-level -d 'Log events of this and greater weight' -r -f -a "error\t''
warn\t''
info\t''
debug\t''
trace\t''"
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l log-format -d 'How log lines look' -r -f -a "text\t''
json\t''"
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l cluster-members -d 'Found a cluster of these members, this one among them: the same list on each. A data directory that is in a cluster already stays in it' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l join -d 'Join the cluster that this node is a member of: its --peer-listen. The shards come from there' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l peer-listen -d 'Listen here for other members [default: the own address in --cluster-members, else 127.0.0.1:63001]' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l peer-advertise -d 'Tell other members this address instead' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l heartbeat -d 'How often a leader gives a sign of life' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l election-timeout -d 'Without a sign of life for 1.5 to 2 times this a member stands for election' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l compaction-overhead -d 'Commands kept behind a snapshot, for members that lag' -r
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand serve" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l insecure -d 'Listen beyond loopback without TLS and authentication'
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l print-config -d 'Print the settings, each with its value and where it is from, and stop'
complete -c dkv -n "__fish_dkv_using_subcommand serve" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand serve" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "set" -d 'Set a key, with timers and conditions if asked for'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "get" -d 'Print the value of a key, or of several'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "has" -d 'Tell whether a key is there'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "delete" -d 'Remove a key, or every key of a prefix or range'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "expire" -d 'Expire a key now: its value is gone, the key remains'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "touch" -d 'Change the timers of a key'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "persist" -d 'Clear the timers of a key'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "scan" -d 'List keys and values in key order'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "history" -d 'List what a key went through, newest first'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "revert" -d 'Give a key back the value it had'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "diff" -d 'List the keys that were added, changed or removed since a moment'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "incr" -d 'Add to a number, and print the sum'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "txn" -d 'Compare, and apply one of two branches, all or nothing'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "batch" -d 'Apply up to 1,000 writes together, each for itself'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "watch" -d 'Print changes of keys as they happen'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "import" -d 'Write the records of files'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and not __fish_seen_subcommand_from set get has delete expire touch persist scan history revert diff incr txn batch watch import export" -f -a "export" -d 'Write records into a file, to be imported again'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l ttl -d 'Delete the key after this long; the same timer as --delete-in' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l expire-in -d 'Drop the value after this long; the key remains' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l delete-in -d 'Delete the key after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l if-revision -d 'Write only if the key was last changed at this revision' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l if-value -d 'Write only if the key has this value' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l fence -d 'Write only while this grant of a lock is held' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l literal -d 'Take VALUE as it is, even if it is - or begins with @'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l keep-timers -d 'Keep the timers the key has'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l if-absent -d 'Write only if the key is not there'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l if-present -d 'Write only if the key is there'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l return-previous -d 'Print the record that was replaced, too'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from set" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -l at -d 'What it was then: a revision like 42, how long ago like 5m, or a time like 2026-03-09T12:30:00Z' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from get" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from has" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from has" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from has" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from has" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from has" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from has" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from has" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from has" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from has" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from has" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from has" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l prefix -d 'The keys that begin with this' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l start -d 'Keys from this one on' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l end -d 'Keys before this one' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l fence -d 'Remove only while this grant of a lock is held' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -s y -l yes -d 'Do not ask before a prefix or range is removed'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from delete" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -l fence -d 'Expire only while this grant of a lock is held' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from expire" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l ttl -d 'Delete the key after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l expire-in -d 'Drop the value after this long; the key remains' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l delete-in -d 'Delete the key after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l fence -d 'Change the timers only while this grant of a lock is held' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from touch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -l fence -d 'Clear the timers only while this grant of a lock is held' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from persist" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l prefix -d 'The keys that begin with this' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l start -d 'Keys from this one on' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l end -d 'Keys before this one' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l limit -d 'List at most this many keys; 0 is no limit' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l at -d 'What was there then: a revision like 42, how long ago like 5m, or a time like 2026-03-09T12:30:00Z' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l keys-only -d 'List keys without values'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l include-expired -d 'List keys whose value is expired, too'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l reverse -d 'List them from the last to the first'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l count -d 'Print how many there are: count=N'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from scan" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -l limit -d 'List at most this many changes; 0 is no limit' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -l before -d 'List only changes before this revision' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from history" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -l to -d 'Which value: a revision like 42, how long ago like 5m, or a time like 2026-03-09T12:30:00Z' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from revert" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l prefix -d 'The keys that begin with this' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l start -d 'Keys from this one on' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l end -d 'Keys before this one' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l since -d 'Since when: a revision like 42, how long ago like 5m, or a time like 2026-03-09T12:30:00Z' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l until -d 'Until when, if not now' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -l ttl -l delete-in -d 'Delete the key after this long, if it begins here' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -l expire-in -d 'Drop the value after this long, if the key begins here' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -l fence -d 'Add only while this grant of a lock is held' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from incr" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -l fence -d 'Apply it only while this grant of a lock is held' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from txn" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -l fence -d 'Apply them only while this grant of a lock is held' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from batch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l prefix -d 'The keys that begin with this' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l start -d 'Keys from this one on' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l end -d 'Keys before this one' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l from -d 'Begin with this revision, not now' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l until -d 'End once all changes up to this revision were told' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l kinds -d 'Tell only these kinds of changes; --initial tells every key that is there' -r -f -a "set\t'A value was written'
delete\t'The key was removed'
expire\t'The value was dropped, the key remains'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l exec -d 'Run this shell command for each change instead of printing it' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l initial -d 'Begin with the keys that are there'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l previous -d 'Tell what was there before each change'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l once -d 'End after the first revision, or initial state, that told something'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l keep-going -d 'Go on if the command fails'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l format -d 'How the files are written [default: csv for *.csv, else jsonl]' -r -f -a "jsonl\t'JSON lines: one object a line'
csv\t'Comma separated values with a header row'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l prefix -d 'Put this before every key' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l report -d 'Write every bad line to this file, as CSV: file,line,error' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l dry-run -d 'Check every line and write nothing; no server is asked'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l skip-errors -d 'Go on after bad lines, and exit with 1 in the end'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -l prefix -d 'The keys that begin with this' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -l start -d 'Keys from this one on' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -l end -d 'Keys before this one' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand kv; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -f -a "acquire" -d 'Take a lock, or wait for it'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -f -a "renew" -d 'Extend the lease of a lock'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -f -a "release" -d 'Give a lock up'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -f -a "info" -d 'Tell who holds a lock'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -f -a "list" -d 'List the locks that are held'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -f -a "revoke" -d 'Take a lock away from whoever holds it'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and not __fish_seen_subcommand_from acquire renew release info list revoke run" -f -a "run" -d 'Hold a lock while a command runs'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l ttl -d 'Hold the lock for this long, unless renewed; 0 is until released' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l wait -d 'Wait this long for the lock, first come, first served' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l owner -d 'Repeat the acquisition of this owner, whose answer was lost' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from acquire" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -l ttl -d 'Hold the lock for this long, unless renewed; 0 is until released' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from renew" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from release" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from release" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from release" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from release" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from release" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from release" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from release" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from release" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from release" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from release" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from info" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from info" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from info" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from info" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from info" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from info" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from info" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from info" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from info" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from info" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -l prefix -d 'Only locks whose names begin with this' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -l limit -d 'List at most this many locks; 0 is no limit' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -s y -l yes -d 'Do not ask'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from revoke" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -l ttl -d 'Hold the lock for this long, unless renewed; 0 is until released' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -l wait -d 'Wait this long for the lock, first come, first served' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand lock; and __fish_seen_subcommand_from run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand info" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand info" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand info" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand info" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand info" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand info" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand info" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand info" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand info" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand info" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand info" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l endpoints -d 'Ask these nodes: HOST:PORT or unix:/path, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l shard -d 'Ask this shard' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l bucket -d 'Use the keys of this bucket' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l timeout -d 'Give up after this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l retries -d 'Try this many times more when a node refuses or cannot be reached' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l consistency -d 'How fresh reads must be' -r -f -a "linearizable\t'Every read sees every write that was done before it'
stale\t'A read may answer from the past'"
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l target -d 'Measure this server instead of --endpoints' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l compare -d 'Measure two servers in turns, and show what A is to B' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l rounds -d 'Rounds of --compare' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l threads -d 'Clients that ask at once' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l connections -d 'Connections to each node' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l value-size -d 'The length of a value, like 128 or 4K, or like 100-4K for each between them' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l large-value-size -d 'The length of a value of the test set-large' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l keys -d 'How many keys are used' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l dist -d 'How keys are drawn: uniform, zipfian or zipfian:THETA' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l duration -d 'Run each test for this long' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l ops -d 'Run each test for this many operations instead' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l warm-up -d 'Run each test but delete for this long before, and do not count it' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l rate -d 'Begin this many operations a second, answered or not' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l only -d 'Run only these tests, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l skip -d 'Leave these tests out, separated by commas' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l csv -d 'Write the rows to this file, too' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l report -d 'Write a report with charts to this file, too' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l seed -d 'Draw keys from this seed, to repeat a run' -r
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l config -d 'Read settings from this TOML file' -r -F
complete -c dkv -n "__fish_dkv_using_subcommand perf" -s o -l output -d 'How answers look' -r -f -a "text\t'Lines for people'
json\t'One JSON document'
jsonl\t'One JSON object a line'
table\t'A table for people'
raw\t'Bytes as they are'"
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l pipeline -d 'Let the clients of a Redis share --connections connections'
complete -c dkv -n "__fish_dkv_using_subcommand perf" -s q -l quiet -d 'Print data and errors only'
complete -c dkv -n "__fish_dkv_using_subcommand perf" -l no-progress -d 'Show no progress bars'
complete -c dkv -n "__fish_dkv_using_subcommand perf" -s h -l help -d 'Print help (see more with \'--help\')'
