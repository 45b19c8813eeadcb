//! Flags that are accepted, hidden, and have no effect: those of the Go dKV that mean
//! nothing any more get a remark.

use clap::{Arg, ArgAction, Command};

use Treatment::Ignored;

/// What happens when the flag is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Treatment {
    /// Say why it means nothing, and go on.
    Ignored(&'static str),
}

const ONE_STREAM: &str = "requests share one HTTP/2 stream that sizes its own buffers";

/// `perf` has this one: there it is an old name of `--connections`.
const PER_ENDPOINT: &str = "transport-conn-per-endpoint";

const ROOT: &[(&str, Treatment)] = &[
    ("serializer", Ignored("every request is protobuf")),
    (
        "transport",
        Ignored("one port speaks gRPC; a unix socket is an address like unix:/path"),
    ),
];

const CLIENT: &[(&str, Treatment)] = &[
    (
        PER_ENDPOINT,
        Ignored("one connection carries many requests at once"),
    ),
    ("transport-write-buffer", Ignored(ONE_STREAM)),
    ("transport-read-buffer", Ignored(ONE_STREAM)),
    ("transport-tcp-nodelay", Ignored("it is always on")),
    (
        "transport-tcp-keepalive",
        Ignored("connections are kept alive by HTTP/2"),
    ),
    (
        "transport-tcp-linger",
        Ignored("connections are closed by HTTP/2"),
    ),
];

const SERVE: &[(&str, Treatment)] = &[
    (
        "transport-workers",
        Ignored("requests are not bound to workers; --workers says how many threads there are"),
    ),
    ("transport-write-buffer", Ignored(ONE_STREAM)),
    ("transport-read-buffer", Ignored(ONE_STREAM)),
    ("transport-tcp-nodelay", Ignored("it is always on")),
    (
        "transport-tcp-keepalive",
        Ignored("connections are kept alive by HTTP/2"),
    ),
    (
        "transport-tcp-linger",
        Ignored("connections are closed by HTTP/2"),
    ),
    ("buffer-pool-size", Ignored("there is no buffer pool")),
    (
        "rtt-millisecond",
        Ignored("--heartbeat and --election-timeout are times, not factors"),
    ),
    (
        "election-rtt-factor",
        Ignored("--election-timeout is a time, not a factor"),
    ),
    (
        "heartbeat-rtt-factor",
        Ignored("--heartbeat is a time, not a factor"),
    ),
];

/// Adds the flags to the command line.
pub(crate) fn accept(command: Command) -> Command {
    let mut command = command.args(ROOT.iter().map(|(name, _)| flag(name).global(true)));
    command = command.mut_subcommand("serve", |serve| {
        serve.args(SERVE.iter().map(|(name, _)| flag(name)))
    });
    for client in ["kv", "lock"] {
        command = command.mut_subcommand(client, |client| {
            let flags = CLIENT.iter().filter(|(name, _)| *name != PER_ENDPOINT);
            client
                .args(flags.map(|(name, _)| flag(name).global(true)))
                .mut_subcommands(|leaf| match leaf.get_name() {
                    "perf" => leaf,
                    _ => leaf.arg(flag(PER_ENDPOINT)),
                })
        });
    }
    command = command.mut_subcommand("info", |info| {
        info.args(CLIENT.iter().map(|(name, _)| flag(name)))
    });
    command = command.mut_subcommand("perf", |perf| {
        let flags = CLIENT.iter().filter(|(name, _)| *name != PER_ENDPOINT);
        perf.args(flags.map(|(name, _)| flag(name)))
    });
    command
}

/// What is to be done about the flag `name` of the subcommand `command`.
pub(crate) fn treatment(command: &str, name: &str) -> Option<Treatment> {
    let table = match command {
        "dkv" => ROOT,
        "serve" => SERVE,
        _ => CLIENT,
    };
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, treatment)| *treatment)
}

/// A switch may stand alone, as the old ones could.
fn flag(name: &'static str) -> Arg {
    Arg::new(name)
        .long(name)
        .hide(true)
        .num_args(0..=1)
        .default_missing_value("true")
        .action(ArgAction::Set)
}
