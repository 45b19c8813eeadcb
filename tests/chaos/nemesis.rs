//! What is done to the nodes, and when: drawn from a seed.

use std::fmt;
use std::time::Duration;

use crate::check::dice::Dice;
use crate::check::history::Recorder;
use crate::cluster::Cluster;
use crate::disk;
use crate::inject::Defect;
use crate::injectors::Injectors;
use crate::links::Flow;

/// One misfortune. It lasts a while, then all is healed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fault {
    KillLeader,
    KillAny,
    /// Killed, and killed again while it starts.
    KillTwice,
    /// Every node at once.
    KillAll,
    /// Asked to end, and started again.
    Restart,
    /// Held for longer than an election takes, then let go, believing that it leads.
    PauseLeader,
    PauseAny,
    /// The leader is not heard, and hears.
    MuteLeader,
    /// The leader is heard, and does not hear.
    DeafenLeader,
    /// Neither, by connections that stay silent.
    IsolateLeader,
    /// Neither, by connections that are refused.
    RefuseLeader,
    /// One pair of nodes, one way.
    CutOneWay,
    /// A sync fails: the node ends by itself.
    FsyncError,
    /// Every sync takes a fifth of a second longer.
    SlowDisk,
    /// There is no room for the log, until there is again.
    FullDisk,
    /// The calendar is an hour ahead, or behind, and right again later.
    ClockJump,
    /// A member loses its disk, is refused, taken out, and joins anew.
    WipedDisk,
}

/// Faults for a lone node: there is nobody to cut it from.
const ALONE: &[Fault] = &[
    Fault::KillLeader,
    Fault::KillTwice,
    Fault::Restart,
    Fault::PauseAny,
    Fault::FsyncError,
    Fault::SlowDisk,
    Fault::FullDisk,
    Fault::ClockJump,
];

const TOGETHER: &[Fault] = &[
    Fault::KillLeader,
    Fault::KillLeader,
    Fault::KillAny,
    Fault::KillTwice,
    Fault::KillAll,
    Fault::Restart,
    Fault::PauseLeader,
    Fault::PauseAny,
    Fault::MuteLeader,
    Fault::DeafenLeader,
    Fault::IsolateLeader,
    Fault::RefuseLeader,
    Fault::CutOneWay,
    Fault::FsyncError,
    Fault::SlowDisk,
    Fault::FullDisk,
    Fault::ClockJump,
    Fault::WipedDisk,
];

/// What may befall so many nodes, with the tools that are here: of these names, if there are any,
/// and none of the others.
///
/// # Panics
/// For a name that is none, and for one whose tool is missing: a campaign that leaves out what it
/// was asked for proves less than it says.
pub(crate) fn kinds(nodes: usize, named: &[String], without: &[String]) -> Vec<Fault> {
    let all = if nodes == 1 { ALONE } else { TOGETHER };
    let name = |fault: &Fault| format!("{fault:?}");
    for unknown in named.iter().chain(without) {
        let is_known = all.iter().any(|it| name(it) == *unknown);
        assert!(
            is_known,
            "there is no fault `{unknown}` for {nodes} nodes, but {all:?}"
        );
    }
    let is_wanted = |fault: &&Fault| {
        let is_named = named.contains(&name(fault));
        let missing = fault.missing_tool();
        if let Some(missing) = missing.as_ref().filter(|_| is_named) {
            panic!("{fault:?} is not possible here: {missing}");
        }
        let is_asked = named.is_empty() || is_named;
        is_asked && !without.contains(&name(fault)) && missing.is_none()
    };
    let kinds: Vec<Fault> = all.iter().filter(is_wanted).copied().collect();
    assert!(!kinds.is_empty(), "no kind of fault is left");
    kinds
}

/// One fault of a run, as it was.
#[derive(Debug, Clone)]
pub(crate) struct Struck {
    pub(crate) fault: Fault,
    /// Whom it struck, where it struck one.
    pub(crate) node: usize,
    /// On the clock of the history: from when, and when all was healed.
    pub(crate) from_ns: u64,
    pub(crate) to_ns: u64,
}

impl fmt::Display for Struck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from_ms, to_ms) = (self.from_ns / 1_000_000, self.to_ns / 1_000_000);
        let node = self.node + 1;
        write!(
            f,
            "{:?} node-{node} from {from_ms} to {to_ms} ms",
            self.fault
        )
    }
}

impl Fault {
    /// True if a leader is lost by it for sure, so that the time until the next write counts.
    pub(crate) fn takes_the_leader(self) -> bool {
        matches!(
            self,
            Self::KillLeader
                | Self::KillAll
                | Self::PauseLeader
                | Self::MuteLeader
                | Self::DeafenLeader
                | Self::IsolateLeader
                | Self::RefuseLeader
        )
    }

    /// Why it cannot be done here, if it cannot.
    fn missing_tool(self) -> Option<String> {
        let injectors = Injectors::found();
        match self {
            Self::FsyncError | Self::SlowDisk | Self::FullDisk => injectors.strace.clone().err(),
            Self::ClockJump if !injectors.faketime => {
                Some("libfaketime is not installed".to_owned())
            }
            _ => None,
        }
    }

    /// How long it lasts.
    fn duration(self, dice: &mut Dice) -> Duration {
        let ms = match self {
            // Shorter and longer than an election.
            Self::KillLeader | Self::KillAny | Self::KillAll => dice.within(0, 2_000),
            // At any point of a start.
            Self::KillTwice => dice.within(0, 300),
            Self::Restart | Self::FsyncError => 0,
            Self::PauseLeader | Self::PauseAny => dice.within(300, 3_000),
            _ => dice.within(1_000, 4_000),
        };
        Duration::from_millis(ms)
    }

    /// Begins it. `other` and `chance` are drawn for those that need them.
    ///
    /// # Errors
    /// If a node does not take it as it must.
    async fn strike(
        self,
        cluster: &mut Cluster,
        node: usize,
        other: usize,
        chance: bool,
    ) -> Result<(), String> {
        let others = (0..cluster.nodes.len()).filter(|it| *it != node);
        match self {
            Self::KillLeader | Self::KillAny => cluster.nodes[node].kill(),
            Self::KillTwice => {
                cluster.nodes[node].kill();
                cluster.nodes[node].start();
            }
            Self::KillAll => cluster.nodes.iter_mut().for_each(|it| it.kill()),
            Self::Restart => cluster.nodes[node].terminate(),
            Self::PauseLeader | Self::PauseAny => cluster.nodes[node].pause(),
            Self::MuteLeader => others.for_each(|it| cluster.links.set(node, it, Flow::Silent)),
            Self::DeafenLeader => others.for_each(|it| cluster.links.set(it, node, Flow::Silent)),
            Self::IsolateLeader | Self::RefuseLeader => {
                let flow = match self {
                    Self::RefuseLeader => Flow::Refused,
                    _ => Flow::Silent,
                };
                for it in others {
                    cluster.links.set(node, it, flow);
                    cluster.links.set(it, node, flow);
                }
            }
            Self::CutOneWay => cluster.links.set(node, other, Flow::Silent),
            Self::FsyncError => return fail_a_sync(cluster, node).await,
            Self::SlowDisk => {
                let slow = cluster.nodes[node].inject(Defect::SyncIsSlow)?;
                cluster.injections.push(slow);
            }
            Self::FullDisk => return disk::exhaust(cluster, node).await,
            Self::ClockJump => {
                let clock = cluster.nodes[node].clock.as_ref();
                let clock = clock.ok_or("a clock that can be moved is missing")?;
                clock.jump_to(if chance { 3_600 } else { -3_600 });
            }
            Self::WipedDisk => return wipe(cluster, node).await,
        }
        Ok(())
    }
}

/// The next sync of the node fails, and it must end because of that.
async fn fail_a_sync(cluster: &mut Cluster, node: usize) -> Result<(), String> {
    let _injection = cluster.nodes[node].inject(Defect::SyncFails)?;
    disk::write_aside(&cluster.nodes[node].address).await;
    let (ended, said) = cluster.nodes[node].end_by_itself().await?;
    match ended.success() {
        true => Err(format!(
            "a failed sync ended a node as if all were well:\n{said}"
        )),
        false => Ok(()),
    }
}

/// The node loses its disk, and must be refused when it comes back.
pub(crate) async fn wipe(cluster: &mut Cluster, node: usize) -> Result<(), String> {
    let lost = &mut cluster.nodes[node];
    lost.kill();
    lost.wipe();
    lost.start();
    let (ended, said) = lost.end_by_itself().await?;
    let is_told = !ended.success() && said.contains("in this cluster");
    let why = || format!("a node without its disk was not refused ({ended}):\n{said}");
    is_told.then_some(()).ok_or_else(why)
}

/// Strikes once, waits, and heals.
///
/// # Errors
/// Says which node did not take it as it must.
pub(crate) async fn strike(
    kinds: &[Fault],
    cluster: &mut Cluster,
    recorder: &Recorder,
    dice: &mut Dice,
) -> Result<Struck, String> {
    let fault = *dice.pick(kinds);
    strike_with(fault, cluster, recorder, dice).await
}

/// The same with this fault.
pub(crate) async fn strike_with(
    fault: Fault,
    cluster: &mut Cluster,
    recorder: &Recorder,
    dice: &mut Dice,
) -> Result<Struck, String> {
    let nodes = cluster.nodes.len();
    // All throws are made, needed or not, so that what follows depends on the seed alone.
    let any = usize::try_from(dice.below(nodes as u64)).expect("few nodes");
    let duration = fault.duration(dice);
    let calm = Duration::from_millis(dice.within(300, 1_500));
    let chance = dice.percent(50);
    let node = match fault {
        Fault::KillAny
        | Fault::KillTwice
        | Fault::Restart
        | Fault::PauseAny
        | Fault::CutOneWay
        | Fault::FsyncError
        | Fault::SlowDisk
        | Fault::FullDisk
        | Fault::ClockJump
        | Fault::WipedDisk => any,
        _ => cluster.leader().await.unwrap_or(any),
    };
    let from_ns = recorder.now_ns();
    let failed = |why: String| format!("{fault:?} of node-{}: {why}", node + 1);
    let other = (node + 1) % nodes;
    let struck = fault.strike(cluster, node, other, chance).await;
    struck.map_err(failed)?;
    tokio::time::sleep(duration).await;
    match fault {
        Fault::KillTwice => cluster.nodes[node].kill(),
        Fault::WipedDisk => cluster.replace(node).await.map_err(failed)?,
        _ => {}
    }
    cluster.heal().map_err(failed)?;
    if fault == Fault::FullDisk {
        disk::recovers(&cluster.nodes[node]).await.map_err(failed)?;
    }
    let to_ns = recorder.now_ns();
    tokio::time::sleep(calm).await;
    Ok(Struck {
        fault,
        node,
        from_ns,
        to_ns,
    })
}
