//! The same entries have led to the same state everywhere: the leader asks, and who has
//! another state than a majority of the voters stops.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::Shared;
use super::verdict::{Verdict, verdict};
use crate::base::mutant;
use crate::base::types::{LogIndex, NodeId};
use crate::raft::{Group, GroupStatus};

/// Between two comparisons.
const EVERY: Duration = Duration::from_secs(1);

/// Compares the state with that of the other members now and then, until the shard closes.
pub(super) async fn watch(shared: Arc<Shared>) {
    let mut agreement = Agreement {
        shared,
        upto: LogIndex(0),
        told: BTreeSet::new(),
        undecided: BTreeSet::new(),
    };
    loop {
        sleep(EVERY).await;
        if agreement.shared.is_closing() {
            return;
        }
        agreement.compare().await;
    }
}

/// What is remembered from one comparison to the next.
struct Agreement {
    shared: Arc<Shared>,
    /// How far this node was then: by now the others should be there.
    upto: LogIndex,
    /// Who was logged as wrong; empty: they agreed.
    told: BTreeSet<NodeId>,
    /// Among whom it was logged that nobody can tell.
    undecided: BTreeSet<NodeId>,
}

impl Agreement {
    async fn compare(&mut self) {
        let group = self.shared.group().clone();
        let sample = {
            let samples = self.shared.samples.lock();
            let upto = std::mem::replace(&mut self.upto, samples.newest());
            samples.comparable(upto)
        };
        let Some((index, own)) = sample.filter(|_| group.leads().is_some()) else {
            return;
        };
        let status = group.status();
        if status.joint {
            // Two majorities count, for a moment.
            return;
        }
        let mut hashes = ask(&group, &status, index).await;
        if hashes.is_empty() || self.shared.is_closing() {
            return;
        }
        hashes.insert(group.node(), own);
        self.judge(&status, index, &hashes).await;
    }

    async fn judge(
        &mut self,
        status: &GroupStatus,
        index: LogIndex,
        hashes: &BTreeMap<NodeId, u64>,
    ) {
        let group = self.shared.group().clone();
        let verdict = verdict(hashes, &status.voters);
        let counters = &self.shared.counters;
        counters.state_compared(verdict != Verdict::Same);
        match verdict {
            Verdict::Same => {
                self.told.clear();
                self.undecided.clear();
            }
            Verdict::Diverged { majority, members } if members.contains(&group.node()) => {
                // Who else is wrong is for the next leader to say.
                self.shared.diverged_at(index, majority);
                self.told = members;
            }
            Verdict::Diverged { majority, members } => {
                for member in members.difference(&self.told) {
                    tracing::error!(
                        "shard {}: {} has another state than a majority of the cluster after \
                         entry {index}: it is told to stop",
                        group.shard(),
                        name(status, *member)
                    );
                }
                tell(&group, status, index, (majority, &members)).await;
                self.told = members;
            }
            Verdict::Undecided => self.note_undecided(status, index, hashes),
        }
    }

    fn note_undecided(
        &mut self,
        status: &GroupStatus,
        index: LogIndex,
        hashes: &BTreeMap<NodeId, u64>,
    ) {
        let members = hashes.keys().copied().collect();
        if self.undecided == members {
            return;
        }
        let states: Vec<String> = hashes
            .iter()
            .map(|(member, hash)| format!("{} {hash:016x}", name(status, *member)))
            .collect();
        tracing::error!(
            "shard {}: members are in different states after entry {index}, and none is that of \
             a majority ({}): nobody can tell which is right; keep the data directories, and \
             report it",
            self.shared.core.options.shard,
            states.join(", ")
        );
        self.undecided = members;
    }
}

/// The hashes of those other members that know one, and say so in time.
async fn ask(group: &Group, status: &GroupStatus, index: LogIndex) -> BTreeMap<NodeId, u64> {
    let others = status.members.keys().filter(|it| **it != group.node());
    let asking = others.map(|member| async move {
        let hash = group.state_hash_of(*member, index, group.silence()).await;
        hash.map(|hash| (*member, hash))
    });
    join_all(asking).await.into_iter().flatten().collect()
}

/// Tells members that they are in another state than the majority. They look themselves.
async fn tell(
    group: &Group,
    status: &GroupStatus,
    index: LogIndex,
    (majority, members): (u64, &BTreeSet<NodeId>),
) {
    let telling = members.iter().map(|member| async move {
        let limit = group.silence();
        if group.tell_diverged(*member, index, majority, limit).await {
            let name = name(status, *member);
            tracing::warn!("shard {}: {name} stops", group.shard());
        }
    });
    join_all(telling).await;
}

fn name(status: &GroupStatus, member: NodeId) -> String {
    let known = status.members.get(&member).map(|it| it.name.clone());
    let named = known.filter(|name| !name.is_empty());
    named.unwrap_or_else(|| member.to_string())
}

impl Shared {
    /// A majority of the voters has the state `majority` after the entry at `index`. True
    /// if it is another one here: the node stops then.
    pub(super) fn diverged_at(&self, index: LogIndex, majority: u64) -> bool {
        let own = self.samples.lock().at(index);
        let differs = |own: &u64| *own != majority && !mutant::is_on("divergence-ignored");
        let Some(own) = own.filter(differs) else {
            return false;
        };
        let me = self
            .group
            .get()
            .map(|group| name(&group.status(), group.node()));
        self.core.fatal.raise_corrupt(&format!(
            "shard {}: after entry {index} the state of this node is {own:016x}, and that of a \
             majority of its cluster is {majority:016x}: nothing that this node holds is to be \
             trusted. Keep its data directory for a report, take it out (dkv cluster remove \
             {}), and start it with an empty directory and --join",
            self.core.options.shard,
            me.unwrap_or_default()
        ));
        true
    }
}
