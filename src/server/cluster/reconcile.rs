//! Does the next step for the members of every group that this node leads.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;

use super::steps::{Seen, Step, of_first, of_other};
use crate::base::types::NodeId;
use crate::base::{ErrorKind, Result};
use crate::raft::{Change, Group, Member};

/// How often it looks.
const LOOK: Duration = Duration::from_millis(200);

/// What a node knows of the first group must be this fresh before others follow it.
const FRESH: Duration = Duration::from_secs(1);

/// The groups of this node; the first one's members are everybody's.
pub(in crate::server) struct Reconciler {
    pub(in crate::server) groups: Vec<Group>,
    /// Hears who the members of all groups are: who is still in one is called.
    pub(in crate::server) tell: Box<dyn Fn(BTreeMap<NodeId, Member>) + Send + Sync>,
    pub(in crate::server) stopping: watch::Receiver<bool>,
}

impl Reconciler {
    /// Until the node stops.
    pub(in crate::server) async fn run(mut self) {
        loop {
            self.note_members();
            for group in &self.groups {
                if let Some(step) = self.next_step(group) {
                    self.make(group, step).await;
                }
            }
            let stopped = self.stopping.wait_for(|stopping| *stopping);
            if tokio::time::timeout(LOOK, stopped).await.is_ok() {
                return;
            }
        }
    }

    fn note_members(&self) {
        let mut members = BTreeMap::new();
        for group in self.groups.iter().rev() {
            members.extend(group.members().all);
        }
        if !members.is_empty() {
            (self.tell)(members);
        }
    }

    fn next_step(&self, group: &Group) -> Option<Step> {
        group.leads()?;
        let first = self.groups.first()?;
        let status = group.status();
        let members = group.members();
        let seen = Seen::of(group.node(), &status, &members);
        if group.shard() == first.shard() {
            let others = self.groups.iter().skip(1);
            let elsewhere: BTreeSet<_> =
                others.flat_map(|it| it.members().all.into_keys()).collect();
            return of_first(&seen, &elsewhere);
        }
        let wanted = first.members();
        let is_fresh = first.age().is_some_and(|age| age <= FRESH);
        (is_fresh && !wanted.voters.is_empty())
            .then(|| of_other(&seen, &wanted))
            .flatten()
    }

    async fn make(&self, group: &Group, step: Step) {
        let making = async {
            match step {
                Step::Change(change) => Self::change(group, change).await,
                Step::HandOver(to) => Self::hand_over(group, to).await,
            }
        };
        match tokio::time::timeout(10 * LOOK, making).await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) if error.kind() == ErrorKind::NotLeader => {}
            Ok(Err(error)) => {
                tracing::debug!(shard = group.shard().0, %error, "members were not changed");
            }
        }
    }

    async fn change(group: &Group, change: Change) -> Result<()> {
        tracing::info!(shard = group.shard().0, "members change: {change:?}");
        group.change(change).await
    }

    /// A leader that is handing over proposes nothing: it must not be asked again before
    /// it is known what came of it.
    async fn hand_over(group: &Group, to: NodeId) -> Result<()> {
        tracing::info!(shard = group.shard().0, %to, "a leader that leaves hands over");
        group.transfer(to).await?;
        let mut changes = group.leader_changes();
        while group.leads().is_some() {
            changes.next().await;
        }
        Ok(())
    }
}
