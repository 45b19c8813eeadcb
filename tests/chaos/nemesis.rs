//! What is done to the nodes, and when: drawn from a seed.

use std::fmt;
use std::time::Duration;

use crate::check::dice::Dice;
use crate::check::history::Recorder;
use crate::cluster::Cluster;
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
}

/// Faults for a lone node: there is nobody to cut it from.
const ALONE: &[Fault] = &[
    Fault::KillLeader,
    Fault::KillTwice,
    Fault::Restart,
    Fault::PauseAny,
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
];

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
        !matches!(
            self,
            Self::KillAny | Self::KillTwice | Self::Restart | Self::PauseAny | Self::CutOneWay
        )
    }

    /// How long it lasts.
    fn duration(self, dice: &mut Dice) -> Duration {
        let ms = match self {
            // Shorter and longer than an election.
            Self::KillLeader | Self::KillAny | Self::KillAll => dice.within(0, 2_000),
            // At any point of a start.
            Self::KillTwice => dice.within(0, 300),
            Self::Restart => 0,
            Self::PauseLeader | Self::PauseAny => dice.within(300, 3_000),
            _ => dice.within(1_000, 4_000),
        };
        Duration::from_millis(ms)
    }

    fn strike(self, cluster: &mut Cluster, node: usize, other: usize) {
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
        }
    }
}

/// Strikes once, waits, and heals.
pub(crate) async fn strike(cluster: &mut Cluster, recorder: &Recorder, dice: &mut Dice) -> Struck {
    let faults = match cluster.nodes.len() {
        1 => ALONE,
        _ => TOGETHER,
    };
    let fault = *dice.pick(faults);
    strike_with(fault, cluster, recorder, dice).await
}

/// The same with this fault.
pub(crate) async fn strike_with(
    fault: Fault,
    cluster: &mut Cluster,
    recorder: &Recorder,
    dice: &mut Dice,
) -> Struck {
    let nodes = cluster.nodes.len();
    // All throws are made, needed or not, so that what follows depends on the seed alone.
    let any = usize::try_from(dice.below(nodes as u64)).expect("few nodes");
    let duration = fault.duration(dice);
    let calm = Duration::from_millis(dice.within(300, 1_500));
    let node = match fault {
        Fault::KillAny | Fault::KillTwice | Fault::Restart | Fault::PauseAny | Fault::CutOneWay => {
            any
        }
        _ => cluster.leader().await.unwrap_or(any),
    };
    let from_ns = recorder.now_ns();
    fault.strike(cluster, node, (node + 1) % nodes);
    tokio::time::sleep(duration).await;
    if fault == Fault::KillTwice {
        cluster.nodes[node].kill();
    }
    cluster.heal();
    let to_ns = recorder.now_ns();
    tokio::time::sleep(calm).await;
    Struck {
        fault,
        node,
        from_ns,
        to_ns,
    }
}
