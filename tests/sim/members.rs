//! Who belongs to the cluster, and changes of that, as an administrator asks for them.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use dkv::base::types::NodeId;
use dkv::raft::{Change, Group, Member, Role};

use crate::check::dice::Dice;
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

/// What a member is at first.
pub(crate) fn fresh(machine: &Machine) -> Member {
    Member {
        name: machine.name.clone(),
        client_address: machine.client_address(),
        wants_vote: true,
        ..Member::default()
    }
}

/// Takes in somebody who is out, or lets one of the members go, of whom so many stay; and whom to
/// ask for that.
pub(crate) fn draw_change(
    machines: &[Arc<Machine>],
    dice: &mut Dice,
    stay_min: usize,
) -> Option<(Glimpse, Change)> {
    let leader = leader(machines)?;
    let members = leader.handle.members();
    let is_out = |it: &&Arc<Machine>| !members.all.contains_key(&it.node());
    let out: Vec<_> = machines.iter().filter(is_out).collect();
    let staying = members.all.values().filter(|it| !it.leaving);
    let may_go = staying.count() > stay_min;
    let change = match (out.is_empty(), may_go) {
        (true, false) => return None,
        (false, true) if dice.percent(50) => enter(dice, &out),
        (false, false) => enter(dice, &out),
        (_, true) => {
            let all: Vec<_> = members.all.iter().collect();
            let (node, member) = *dice.pick(&all);
            let member = Member {
                leaving: true,
                wants_vote: false,
                ..member.clone()
            };
            Change::Set(*node, member)
        }
    };
    Some((leader, change))
}

fn enter(dice: &mut Dice, out: &[&Arc<Machine>]) -> Change {
    let machine = *dice.pick(out);
    Change::Add(machine.node(), fresh(machine))
}

/// A machine to ask, mostly one of a member: whoever is none does not answer.
pub(crate) fn pick(machines: &[Arc<Machine>], dice: &mut Dice) -> usize {
    let any = dice.below(machines.len() as u64) as usize;
    if dice.percent(20) {
        return any;
    }
    let Some(leader) = leader(machines) else {
        return any;
    };
    let members = leader.handle.members().all;
    let those: Vec<_> = (0..machines.len())
        .filter(|at| members.contains_key(&machines[*at].node()))
        .collect();
    match those.is_empty() {
        true => any,
        false => *dice.pick(&those),
    }
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
