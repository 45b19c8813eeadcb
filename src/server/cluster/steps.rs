//! What is to be done next for the members of a group: pure, so that every step can be
//! thought through and tested alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::base::types::{LogIndex, NodeId};
use crate::raft::{Change, GroupStatus, Members};

/// A learner this close to the end of the log has caught up.
const CAUGHT_UP_ENTRIES: u64 = 128;

/// A member that answered within this is there.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// What a group's leader is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Change the members.
    Change(Change),
    /// Hand the leadership to this voter. A leader that takes itself out leaves the others
    /// to wait for an election, and never hears itself that it is gone.
    HandOver(NodeId),
}

/// A group as its leader sees it.
pub(super) struct Seen<'a> {
    members: &'a Members,
    leader: NodeId,
    last: LogIndex,
    matched: &'a BTreeMap<NodeId, LogIndex>,
    answered: &'a BTreeMap<NodeId, Option<Duration>>,
}

impl<'a> Seen<'a> {
    pub(super) fn of(leader: NodeId, status: &'a GroupStatus, members: &'a Members) -> Self {
        Self {
            members,
            leader,
            last: status.last,
            matched: &status.matched,
            answered: &status.answered,
        }
    }
}

impl Seen<'_> {
    /// True if the member has what the leader has, nearly, and is there.
    pub(super) fn has_caught_up(&self, node: NodeId) -> bool {
        if node == self.leader {
            return true;
        }
        let matched = self.matched.get(&node).copied().unwrap_or_default();
        let answered = self.answered.get(&node).copied().flatten();
        matched.0 + CAUGHT_UP_ENTRIES >= self.last.0
            && answered.is_some_and(|ago| ago <= ANSWERED_WITHIN)
    }

    fn voters_with(&self, node: NodeId) -> Step {
        let mut voters = self.members.voters.clone();
        voters.insert(node);
        Step::Change(Change::Voters(voters))
    }

    fn voters_without(&self, node: NodeId) -> Option<Step> {
        let mut voters = self.members.voters.clone();
        voters.remove(&node);
        (!voters.is_empty()).then_some(Step::Change(Change::Voters(voters)))
    }

    /// A voter that can lead at once instead of the leader.
    pub(super) fn successor(&self, may: impl Fn(&NodeId) -> bool) -> Option<NodeId> {
        let mut voters = self.members.voters.iter();
        let found =
            voters.find(|node| **node != self.leader && may(node) && self.has_caught_up(**node));
        found.copied()
    }

    /// Takes the vote of the first that does not stay; the leader's own only once another
    /// leads.
    fn without_one(&self, stays: impl Fn(&NodeId) -> bool) -> Option<Step> {
        let mut going = self.members.voters.iter().filter(|node| !stays(node));
        going.find_map(|node| match *node == self.leader {
            true => self.successor(&stays).map(Step::HandOver),
            false => self.voters_without(*node),
        })
    }

    fn learners(&self) -> impl Iterator<Item = &NodeId> {
        let voters = &self.members.voters;
        self.members
            .all
            .keys()
            .filter(|node| !voters.contains(node))
    }
}

/// The next step of the first group, whose members say what the cluster is to be;
/// `elsewhere` are the members of all other groups.
pub(super) fn of_first(seen: &Seen<'_>, elsewhere: &BTreeSet<NodeId>) -> Option<Step> {
    let members = seen.members;
    if members.joint {
        return Some(Step::Change(Change::Voters(members.voters.clone())));
    }
    // First who comes, then who goes: meanwhile there are not fewer voters, and the last that
    // goes has somebody to hand over to.
    let ripe = |node: &&NodeId| {
        let member = &members.all[*node];
        member.wants_vote && !member.leaving && seen.has_caught_up(**node)
    };
    if let Some(node) = seen.learners().find(ripe) {
        return Some(seen.voters_with(*node));
    }
    let stays = |node: &NodeId| !members.all.get(node).is_some_and(|it| it.leaving);
    if members.voters.iter().any(|node| !stays(node)) {
        return seen.without_one(stays);
    }
    let mut gone = seen.learners().filter(|node| !stays(node));
    let gone = gone.find(|node| !elsewhere.contains(node));
    gone.map(|node| Step::Change(Change::Remove(*node)))
}

/// The next step of another group on its way to have the members of the first.
pub(super) fn of_other(seen: &Seen<'_>, first: &Members) -> Option<Step> {
    let members = seen.members;
    if members.joint {
        return Some(Step::Change(Change::Voters(members.voters.clone())));
    }
    for (node, member) in &first.all {
        match members.all.get(node) {
            None if !member.leaving => {
                return Some(Step::Change(Change::Add(*node, member.clone())));
            }
            // One that leaves hears so in each group before it hears of nothing any more.
            Some(known) if known != member => {
                return Some(Step::Change(Change::Set(*node, member.clone())));
            }
            None | Some(_) => {}
        }
    }
    let stays = |node: &NodeId| first.all.get(node).is_some_and(|it| !it.leaving);
    let votes = |node: &NodeId| stays(node) && first.voters.contains(node);
    let more = seen
        .learners()
        .find(|node| votes(node) && seen.has_caught_up(**node));
    if let Some(node) = more {
        return Some(seen.voters_with(*node));
    }
    if members.voters.iter().any(|node| !votes(node)) {
        return seen.without_one(votes);
    }
    let gone = seen.learners().find(|node| !stays(node));
    gone.map(|node| Step::Change(Change::Remove(*node)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raft::Member;

    const fn node(n: u8) -> NodeId {
        NodeId([n; 16])
    }

    fn members(all: &[(u8, Member)], voters: &[u8]) -> Members {
        Members {
            all: all.iter().map(|(n, it)| (node(*n), it.clone())).collect(),
            voters: voters.iter().map(|n| node(*n)).collect(),
            joint: false,
        }
    }

    fn wanting() -> Member {
        Member {
            wants_vote: true,
            ..Member::default()
        }
    }

    fn leaving() -> Member {
        Member {
            leaving: true,
            ..wanting()
        }
    }

    /// Plays the steps of two groups until nothing is left to do.
    struct Play {
        first: Members,
        other: Members,
        caught_up: BTreeSet<NodeId>,
        /// Who leads the first and the other.
        leaders: (NodeId, NodeId),
    }

    impl Play {
        fn step(&mut self) -> bool {
            let matched = self.caught_up.iter().map(|node| (*node, LogIndex(1_000)));
            let matched: BTreeMap<_, _> = matched.collect();
            let answered = self.caught_up.iter();
            let answered = answered.map(|node| (*node, Some(Duration::ZERO))).collect();
            let seen = |members, leader| Seen {
                members,
                leader,
                last: LogIndex(1_000),
                matched: &matched,
                answered: &answered,
            };
            let elsewhere = self.other.all.keys().copied().collect();
            let of_first = of_first(&seen(&self.first, self.leaders.0), &elsewhere);
            let of_other = of_other(&seen(&self.other, self.leaders.1), &self.first);
            let worked = of_first.is_some() || of_other.is_some();
            Self::apply(&mut self.first, &mut self.leaders.0, of_first);
            Self::apply(&mut self.other, &mut self.leaders.1, of_other);
            worked
        }

        fn apply(members: &mut Members, leader: &mut NodeId, step: Option<Step>) {
            let change = match step {
                None => return,
                Some(Step::HandOver(to)) => {
                    assert!(members.voters.contains(&to), "only a voter can lead");
                    *leader = to;
                    return;
                }
                Some(Step::Change(change)) => change,
            };
            match change {
                Change::Add(node, member) | Change::Set(node, member) => {
                    members.all.insert(node, member);
                }
                Change::Voters(voters) => {
                    assert!(voters.contains(leader), "a leader took its own vote");
                    members.voters = voters;
                    members.joint = false;
                }
                Change::Remove(node) => {
                    assert!(!members.voters.contains(&node), "a voter is never removed");
                    members.all.remove(&node);
                }
            }
        }

        fn run(&mut self) {
            for _ in 0..50 {
                if !self.step() {
                    return;
                }
            }
            panic!("the members never settle");
        }
    }

    fn play(first: Members, caught_up: &[u8]) -> Play {
        Play {
            other: members(
                &[(1, wanting()), (2, wanting()), (3, wanting())],
                &[1, 2, 3],
            ),
            first,
            caught_up: caught_up.iter().map(|n| node(*n)).collect(),
            leaders: (node(1), node(1)),
        }
    }

    #[test]
    fn a_learner_votes_in_all_groups_once_it_has_caught_up() {
        let all: Vec<_> = (1..=4).map(|n| (n, wanting())).collect();
        let mut early = play(members(&all, &[1, 2, 3]), &[2, 3]);
        early.run();
        assert_eq!(early.first.voters.len(), 3, "not before it has caught up");
        assert!(early.other.all.contains_key(&node(4)));
        let mut late = play(members(&all, &[1, 2, 3]), &[2, 3, 4]);
        late.run();
        assert_eq!(late.first.voters.len(), 4);
        assert_eq!(late.other.voters, late.first.voters);
    }

    #[test]
    fn who_leaves_is_gone_from_the_other_groups_before_it_is_from_the_first() {
        let all = [(1, wanting()), (2, wanting()), (3, leaving())];
        let mut play = play(members(&all, &[1, 2, 3]), &[2]);
        let mut was_told = false;
        while play.step() {
            let gone = !play.first.all.contains_key(&node(3));
            assert!(!gone || !play.other.all.contains_key(&node(3)));
            let there = play.other.all.get(&node(3));
            was_told |= there.is_some_and(|member| member.leaving);
        }
        assert!(was_told, "its last news of each group is that it leaves");
        assert_eq!(play.first.all.len(), 2);
        assert_eq!(play.other.all.len(), 2);
        assert_eq!(play.other.voters, BTreeSet::from([node(1), node(2)]));
    }

    #[test]
    fn a_leader_that_leaves_hands_over_to_one_that_stays_and_has_caught_up() {
        let all = [
            (1, leaving()),
            (2, leaving()),
            (3, wanting()),
            (4, wanting()),
        ];
        let mut alone = play(members(&all, &[1, 2, 3, 4]), &[2, 3]);
        alone.run();
        assert_eq!(alone.leaders, (node(3), node(3)));
        assert!(!alone.first.all.contains_key(&node(1)));
        assert!(!alone.other.all.contains_key(&node(1)));
        // Without such a one it stays: who has to elect first serves nobody meanwhile.
        let mut late = play(members(&all, &[1, 2, 3, 4]), &[2]);
        late.run();
        assert_eq!(late.leaders.0, node(1));
        assert!(late.first.voters.contains(&node(1)));
    }

    /// All members were to go and a new one was to stay. The last leader waited for somebody to
    /// hand over to, and nobody else got a vote before it had gone.
    #[test]
    fn the_last_that_leaves_waits_for_nobody_who_waits_for_it() {
        let all = [
            (1, leaving()),
            (2, leaving()),
            (3, leaving()),
            (4, wanting()),
        ];
        let mut play = play(members(&all, &[1, 2, 3]), &[2, 3, 4]);
        play.run();
        for group in [&play.first, &play.other] {
            assert_eq!(group.voters, BTreeSet::from([node(4)]));
            assert_eq!(group.all.len(), 1);
        }
        assert_eq!(play.leaders, (node(4), node(4)));
    }

    #[test]
    fn a_change_that_was_interrupted_is_finished_first() {
        let mut all = members(&[(1, wanting()), (2, wanting()), (3, wanting())], &[1, 2]);
        all.joint = true;
        let mut play = play(all, &[2]);
        assert!(play.step());
        assert!(!play.first.joint);
    }

    #[test]
    fn the_last_voter_stays() {
        let mut alone = play(members(&[(1, leaving())], &[1]), &[]);
        alone.step();
        assert_eq!(alone.first.voters.len(), 1);
    }
}
