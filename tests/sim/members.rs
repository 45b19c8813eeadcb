//! Who belongs to the cluster, and changes of that, as an administrator asks for them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use dkv::base::types::NodeId;
use dkv::raft::{Change, Group, Role};

use crate::machine::{Glimpse, Machine};
use crate::stage::{Event, Stage};

/// How long an administrator waits for a change.
const CHANGED_WITHIN: Duration = Duration::from_millis(1_000);

/// Something that a leader is asked for.
pub(crate) enum Errand {
    Change(Change),
    Transfer(NodeId),
}

impl Errand {
    /// Asks for it, and waits for what comes of it: anything may, while things break.
    pub(crate) async fn run(self, name: String, group: Group, stage: Arc<Stage>) {
        let said = match self {
            Self::Change(change) => timeout(CHANGED_WITHIN, group.change(change)).await,
            Self::Transfer(to) => {
                let taken = timeout(CHANGED_WITHIN, hand_over(&group, to)).await;
                stage.count_many(Event::Transfer, u64::from(matches!(taken, Ok(Ok(())))));
                taken
            }
        };
        stage.note(format!("an administrator was told at {name}: {said:?}"));
    }
}

async fn hand_over(group: &Group, to: NodeId) -> dkv::base::Result<()> {
    group.transfer(to).await?;
    while group.leader().is_none_or(|(leader, _)| leader != to) {
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// The leader of the latest term.
pub(crate) fn leader(machines: &[Arc<Machine>]) -> Option<Glimpse> {
    machines
        .iter()
        .filter_map(|machine| machine.look())
        .filter(|glimpse| glimpse.group.role == Role::Leader)
        .max_by_key(|glimpse| glimpse.group.term)
}

/// The machines of all members, if no change is under way.
pub(crate) fn steady(machines: &[Arc<Machine>]) -> Option<Vec<Arc<Machine>>> {
    let members = leader(machines)?.handle.members();
    let is_steady = !members.joint
        && members.all.iter().all(|(node, member)| {
            !member.leaving && member.wants_vote == members.voters.contains(node)
        });
    let member = |machine: &&Arc<Machine>| members.all.contains_key(&machine.node());
    is_steady.then(|| machines.iter().filter(member).cloned().collect())
}
