//! What a run is like: by default short enough for every commit.

use std::path::PathBuf;
use std::time::Duration;

use crate::check::txn::player::Workload;

/// Read from the variables `CHAOS_SEED`, `CHAOS_NODES`, `CHAOS_FAULTS`, `CHAOS_SECONDS`,
/// `CHAOS_CLIENTS`, `CHAOS_WATCHERS`, `CHAOS_WORKLOAD`, `CHAOS_SERVE`, `CHAOS_BINARY` and `CHAOS_DIR`.
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
}

impl Settings {
    /// As the environment says, the rest as given.
    pub(crate) fn from_environment(nodes: usize, faults: usize) -> Self {
        let seed = number("CHAOS_SEED").unwrap_or(1);
        let nodes = number("CHAOS_NODES").map_or(nodes, as_count);
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
            arguments: arguments(),
        }
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

fn arguments() -> Vec<String> {
    // Often enough that checkpoints are written, and logs dropped, during a run.
    let own = ["--snapshot-entries", "500"];
    let asked = std::env::var("CHAOS_SERVE").unwrap_or_default();
    let all = own.into_iter().chain(asked.split_whitespace());
    all.map(str::to_owned).collect()
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = text.parse();
    Some(number.unwrap_or_else(|_| panic!("{name} is `{text}`, which is no number")))
}

fn as_count(number: u64) -> usize {
    usize::try_from(number).expect("a count fits memory")
}
