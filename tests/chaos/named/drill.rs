//! A cluster under load, to which one thing is done on purpose.

use std::time::Instant;

use crate::campaign::conclude;
use crate::check::dice::Dice;
use crate::check::history::{Action, Consistency, Operation, Outcome, Recorder};
use crate::cluster::{Cluster, until};
use crate::load::Load;
use crate::nemesis::{Fault, Struck};
use crate::settings::Settings;
use crate::wire::WireClient;

/// The number of the caller at the first node, and of those who wait with a held one.
const CALLERS: u32 = 10_000;
pub(super) const WAITING: u32 = 20_000;

/// The key that drills write and read.
pub(super) const KEY: &str = "at-last";

/// See the module. Half of the clients of the load stay with one node each: one with each of three.
pub(super) struct Drill {
    pub(super) dice: Dice,
    pub(super) cluster: Cluster,
    pub(super) load: Load,
    struck: Vec<Struck>,
    callers: Vec<WireClient>,
    written: u64,
}

/// Plays `script` on a new cluster; then all is healed, and it must have told the truth to
/// everybody, have lost nothing, and be of one mind, also after a crash of all.
#[track_caller]
pub(super) fn perform(
    name: &str,
    nodes: usize,
    change: impl FnOnce(&mut Settings),
    script: impl AsyncFnOnce(&mut Drill) -> Result<(), String>,
) {
    let mut settings = Settings::from_environment(nodes, 0);
    settings.clients = 6;
    settings.fakes_clocks = false;
    settings.folder.set_extension(name);
    change(&mut settings);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built");
    let report = runtime.block_on(async {
        let began = Instant::now();
        let mut drill = Drill::begin(&settings).await;
        let problems: Vec<String> = script(&mut drill).await.err().into_iter().collect();
        let Drill {
            dice,
            cluster,
            load,
            struck,
            ..
        } = drill;
        let mut report = conclude(settings, cluster, load, &dice, (struck, problems)).await;
        report.lasted = began.elapsed();
        report
    });
    report.save();
    report.settle();
}

impl Drill {
    async fn begin(settings: &Settings) -> Self {
        let dice = Dice::new(settings.seed);
        let cluster = Cluster::start(settings).await;
        let addresses = cluster.addresses();
        let load = Load::start(&addresses, settings.clients, &dice, None).await;
        let names = (0..).map(|at| dice.fork(u64::from(CALLERS) + at));
        let callers = addresses.iter().zip(names);
        let callers = callers.map(|(address, mut dice)| WireClient::new(address, &mut dice));
        Self {
            callers: callers.collect(),
            dice,
            cluster,
            load,
            struck: Vec::new(),
            written: 0,
        }
    }

    pub(super) fn recorder(&self) -> &Recorder {
        self.load.recorder()
    }

    /// Waits until there was some load, and somebody leads: who.
    pub(super) async fn warm_up(&self) -> Result<usize, String> {
        until("the load is under way", async || {
            self.recorder().len() > 100
        })
        .await?;
        self.leader().await
    }

    /// Who leads, as soon as somebody does.
    pub(super) async fn leader(&self) -> Result<usize, String> {
        let mut leader = None;
        until("somebody leads", async || {
            leader = self.cluster.leader().await;
            leader.is_some()
        })
        .await?;
        leader.ok_or_else(|| "nobody leads".to_owned())
    }

    /// Asks this node, once.
    pub(super) async fn ask(&mut self, node: usize, action: Action) -> Outcome {
        let invoked_ns = self.recorder().now_ns();
        let outcome = self.callers[node].call(&action).await;
        let number = u32::try_from(node).expect("few nodes");
        self.recorder().record(Operation {
            client: CALLERS + number,
            node: name(node),
            invoked_ns,
            returned_ns: self.recorder().now_ns(),
            action,
            outcome: outcome.clone(),
        });
        outcome
    }

    /// Writes what was never written before, once.
    pub(super) async fn try_write(&mut self, node: usize) -> Outcome {
        self.written += 1;
        let value = format!("drill-{}", self.written);
        let set = Action::Set {
            key: KEY.to_owned(),
            value,
            condition: None,
            fence: None,
        };
        self.ask(node, set).await
    }

    /// Writes at this node until that is confirmed.
    pub(super) async fn write(&mut self, node: usize) -> Result<(), String> {
        let mut said = Outcome::FenceStale;
        let what = format!("{} confirms a write", name(node));
        let written = until(&what, async || {
            said = self.try_write(node).await;
            matches!(said, Outcome::Written { .. })
        });
        let written = written.await;
        written.map_err(|why| format!("{why}: {said:?}"))
    }

    /// Reads what was written last, once.
    pub(super) async fn read(&mut self, node: usize) -> Outcome {
        self.ask(node, read()).await
    }

    /// What was asked of this node from then on, and has been answered or given up.
    pub(super) fn asked(&self, node: usize, from_ns: u64) -> Vec<Operation> {
        let mut history = self.recorder().history();
        let name = name(node);
        history.retain(|it| it.node == name && it.invoked_ns >= from_ns);
        history
    }

    /// How many answers there were at other nodes than this one to what was asked from then on.
    pub(super) fn answered_elsewhere(
        &self,
        node: usize,
        from_ns: u64,
        counts: fn(&Operation) -> bool,
    ) -> usize {
        let history = self.recorder().history();
        let name = name(node);
        let elsewhere = history
            .iter()
            .filter(|it| it.node != name && it.node != "any" && it.invoked_ns >= from_ns);
        elsewhere.filter(|it| counts(it)).count()
    }

    /// Keeps what was done, and from when; it is over now.
    pub(super) fn struck(&mut self, fault: Fault, node: usize, from_ns: u64) {
        let to_ns = self.recorder().now_ns();
        self.struck.push(Struck {
            fault,
            node,
            from_ns,
            to_ns,
        });
    }
}

/// What histories call a node.
pub(super) fn name(node: usize) -> String {
    format!("node-{}", node + 1)
}

pub(super) fn read() -> Action {
    Action::Get {
        key: KEY.to_owned(),
        consistency: Consistency::Linearizable,
    }
}

/// True for a read that was answered, and not from what a node happened to have.
pub(super) fn is_fresh_read(operation: &Operation) -> bool {
    let is_read = matches!(operation.outcome, Outcome::Read { .. });
    is_read && !operation.is_stale_read()
}

/// True for a change that was confirmed.
pub(super) fn is_confirmed(operation: &Operation) -> bool {
    matches!(
        operation.outcome,
        Outcome::Written { .. }
            | Outcome::Deleted { .. }
            | Outcome::Acquired { .. }
            | Outcome::Renewed { .. }
            | Outcome::Released { .. }
    )
}
