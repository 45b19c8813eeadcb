//! What is to be done next for the members of a group: pure, so that every step can be
//! thought through and tested alone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::base::types::{LogIndex, NodeId};
use crate::raft::{Change, Members};

/// A learner this close to the end of the log has caught up.
const CAUGHT_UP_ENTRIES: u64 = 128;

/// A member that answered within this is there.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// A group as its leader sees it.
pub(super) struct Seen<'a> {
    pub(super) members: &'a Members,
    pub(super) leader: NodeId,
    pub(super) last: LogIndex,
    pub(super) matched: &'a BTreeMap<NodeId, LogIndex>,
    pub(super) answered: &'a BTreeMap<NodeId, Option<Duration>>,
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

    fn voters_with(&self, node: NodeId) -> Change {
        let mut voters = self.members.voters.clone();
        voters.insert(node);
        Change::Voters(voters)
    }

    fn voters_without(&self, node: NodeId) -> Option<Change> {
        let mut voters = self.members.voters.clone();
        voters.remove(&node);
        (!voters.is_empty()).then_some(Change::Voters(voters))
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
pub(super) fn of_first(seen: &Seen<'_>, elsewhere: &BTreeSet<NodeId>) -> Option<Change> {
    let members = seen.members;
    if members.joint {
        return Some(Change::Voters(members.voters.clone()));
    }
    let leaving = |node: &&NodeId| members.all.get(node).is_some_and(|it| it.leaving);
    if let Some(node) = members.voters.iter().find(leaving) {
        return seen.voters_without(*node);
    }
    let gone = seen.learners().filter(leaving);
    if let Some(node) = gone.into_iter().find(|node| !elsewhere.contains(node)) {
        return Some(Change::Remove(*node));
    }
    let ripe = |node: &&NodeId| {
        let member = &members.all[*node];
        member.wants_vote && !member.leaving && seen.has_caught_up(**node)
    };
    let ripe = seen.learners().find(ripe);
    ripe.map(|node| seen.voters_with(*node))
}

/// The next step of another group on its way to have the members of the first.
pub(super) fn of_other(seen: &Seen<'_>, first: &Members) -> Option<Change> {
    let members = seen.members;
    if members.joint {
        return Some(Change::Voters(members.voters.clone()));
    }
    for (node, member) in first.all.iter().filter(|(_, member)| !member.leaving) {
        match members.all.get(node) {
            None => return Some(Change::Add(*node, member.clone())),
            Some(known) if known != member => return Some(Change::Set(*node, member.clone())),
            Some(_) => {}
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
    if let Some(node) = members.voters.iter().find(|node| !votes(node)) {
        return seen.voters_without(*node);
    }
    let gone = seen.learners().find(|node| !stays(node));
    gone.map(|node| Change::Remove(*node))
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
    }

    impl Play {
        fn step(&mut self) -> bool {
            let matched = self.caught_up.iter().map(|node| (*node, LogIndex(1_000)));
            let matched: BTreeMap<_, _> = matched.collect();
            let answered = self.caught_up.iter();
            let answered = answered.map(|node| (*node, Some(Duration::ZERO))).collect();
            let seen = |members| Seen {
                members,
                leader: node(1),
                last: LogIndex(1_000),
                matched: &matched,
                answered: &answered,
            };
            let elsewhere = self.other.all.keys().copied().collect();
            let of_first = of_first(&seen(&self.first), &elsewhere);
            let of_other = of_other(&seen(&self.other), &self.first);
            let worked = of_first.is_some() || of_other.is_some();
            Self::apply(&mut self.first, of_first);
            Self::apply(&mut self.other, of_other);
            worked
        }

        fn apply(members: &mut Members, change: Option<Change>) {
            match change {
                None => {}
                Some(Change::Add(node, member) | Change::Set(node, member)) => {
                    members.all.insert(node, member);
                }
                Some(Change::Voters(voters)) => {
                    members.voters = voters;
                    members.joint = false;
                }
                Some(Change::Remove(node)) => {
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
        while play.step() {
            let gone = !play.first.all.contains_key(&node(3));
            assert!(!gone || !play.other.all.contains_key(&node(3)));
        }
        assert_eq!(play.first.all.len(), 2);
        assert_eq!(play.other.all.len(), 2);
        assert_eq!(play.other.voters, BTreeSet::from([node(1), node(2)]));
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
