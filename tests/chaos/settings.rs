//! What a run is like: by default short enough for every commit.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::check::txn::player::Workload;
use crate::cluster::{ASIDE, SHARD};
use crate::injectors::Injectors;
use crate::nemesis::{self, Fault};
use crate::node;

/// Read from the variables `CHAOS_SEED`, `CHAOS_NODES`, `CHAOS_FAULTS`, `CHAOS_SECONDS`,
/// `CHAOS_CLIENTS`, `CHAOS_WATCHERS`, `CHAOS_WORKLOAD`, `CHAOS_SERVE`, `CHAOS_KINDS`,
/// `CHAOS_WITHOUT`, `CHAOS_BINARY` and `CHAOS_DIR`.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Decides what is asked and what is done to whom; not how the machine schedules it.
    pub(crate) seed: u64,
    /// 1: local shards. More: a cluster.
    pub(crate) nodes: usize,
    /// Faults at least; the load goes on until they are over.
    pub(crate) faults: usize,
    /// Load at least.
    pub(crate) lasts: Duration,
    pub(crate) clients: u32,
    /// Watchers of the keys of players.
    pub(crate) watchers: u32,
    /// Where everything is kept.
    pub(crate) folder: PathBuf,
    /// More arguments for every node.
    pub(crate) arguments: Vec<String>,
    /// What may be done to the nodes.
    pub(crate) kinds: Vec<Fault>,
    /// Whether the calendars of the nodes can be moved, which costs them a little.
    pub(crate) fakes_clocks: bool,
    /// The size of each node's disk, if it is to be one that can be filled.
    pub(crate) disk_bytes: Option<u64>,
}

impl Settings {
    /// As the environment says, the rest as given.
    pub(crate) fn from_environment(nodes: usize, faults: usize) -> Self {
        let seed = number("CHAOS_SEED").unwrap_or(1);
        let nodes = number("CHAOS_NODES").map_or(nodes, as_count);
        let kinds = nemesis::kinds(nodes, &names("CHAOS_KINDS"), &names("CHAOS_WITHOUT"));
        let folder = std::env::var_os("CHAOS_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
        Self {
            seed,
            nodes,
            faults: number("CHAOS_FAULTS").map_or(faults, as_count),
            lasts: Duration::from_secs(number("CHAOS_SECONDS").unwrap_or(1)),
            watchers: number("CHAOS_WATCHERS").map_or(6, |many| many.clamp(1, 1_000) as u32),
            clients: number("CHAOS_CLIENTS").map_or(8, |clients| clients.clamp(1, 64) as u32),
            folder: folder.join(format!("chaos-{nodes}-nodes-seed-{seed}")),
            arguments: arguments(nodes),
            fakes_clocks: kinds.contains(&Fault::ClockJump),
            kinds,
            disk_bytes: None,
        }
    }

    /// Keeps in the folder what this run is, so that it can be made again.
    pub(crate) fn save(&self) {
        let told = |it: &mut Command| it.output().ok().filter(|it| it.status.success());
        let output = |it: &mut Command| {
            told(it).map(|it| String::from_utf8_lossy(&it.stdout).trim().to_owned())
        };
        let variables = std::env::vars().filter(|(name, _)| name.starts_with("CHAOS_"));
        let kinds: Vec<String> = self.kinds.iter().map(|it| format!("{it:?}")).collect();
        let settings = serde_json::json!({
            "seed": self.seed,
            "nodes": self.nodes,
            "faults": self.faults,
            "seconds": self.lasts.as_secs_f64(),
            "clients": self.clients,
            "watchers": self.watchers,
            "arguments": self.arguments,
            "kinds": kinds,
            "fakes_clocks": self.fakes_clocks,
            "disk_bytes": self.disk_bytes,
            "variables": variables.collect::<BTreeMap<_, _>>(),
            "mutant": std::env::var("DKV_MUTANT").ok(),
            "injectors": Injectors::found().to_string(),
            "binary": Self::binary(),
            "version": output(node::dkv().arg("--version")),
            "commit": output(Command::new("git").args(["describe", "--always", "--dirty"])),
        });
        let text = serde_json::to_string_pretty(&settings).expect("it is plain data");
        let saved = std::fs::write(self.folder.join("settings.json"), text + "\n");
        saved.expect("the settings can be written");
    }

    /// The nodes' program: that of this build, or what `CHAOS_BINARY` names.
    pub(crate) fn binary() -> PathBuf {
        std::env::var_os("CHAOS_BINARY")
            .map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_dkv")), PathBuf::from)
    }

    /// What players do: all they can, unless one is named.
    pub(crate) fn workloads() -> Vec<Workload> {
        match std::env::var("CHAOS_WORKLOAD") {
            Ok(name) if name != "all" => {
                let workload = Workload::named(&name);
                vec![workload.unwrap_or_else(|| panic!("there is no workload `{name}`"))]
            }
            _ => Workload::ALL.to_vec(),
        }
    }

    /// True if a campaign was asked for: its figures are printed then.
    pub(crate) fn is_campaign() -> bool {
        std::env::var_os("CHAOS_FAULTS").is_some()
    }
}

fn arguments(nodes: usize) -> Vec<String> {
    let asked = std::env::var("CHAOS_SERVE").unwrap_or_default();
    let store = if nodes == 1 { "lstore" } else { "dstore" };
    let shards = format!("{SHARD}={store},200=lockmgr({store}),{ASIDE}={store}");
    let own = [
        // Often enough that checkpoints are written, and logs dropped, during a run.
        ("--snapshot-entries", "500"),
        // The smallest there is, so that the next one is soon needed.
        ("--wal-segment-size", "44040192"),
        ("--shards", &shards),
    ];
    let missing = own.iter().filter(|(flag, _)| !asked.contains(flag));
    let own = missing.flat_map(|(flag, value)| [*flag, value]);
    let all = own.chain(asked.split_whitespace());
    all.map(str::to_owned).collect()
}

/// The names in a list with commas; none where there is no such variable.
fn names(variable: &str) -> Vec<String> {
    let text = std::env::var(variable).unwrap_or_default();
    let names = text.split(',').map(str::trim).filter(|it| !it.is_empty());
    names.map(str::to_owned).collect()
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is `{text}`, which is no number")))
}

fn as_count(number: u64) -> usize {
    usize::try_from(number).expect("a count fits memory")
}
