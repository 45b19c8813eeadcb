//! What must hold of a group whatever happens to it, as far as it shows from above: elections, the
//! order of what each member knows, the time of leaders, and what is committed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use dkv::base::time::MachineTime;
use dkv::base::types::{LogIndex, NodeId, Revision};
use dkv::machine::query;

use crate::check::client::LOCKS;
use crate::machine::Glimpse;
use crate::stage::Stage;

/// What a leader's time may be ahead by, of what it was when it was first seen to lead and what
/// has passed on its clock since: a step of the run on the fastest of clocks, twice.
const OFFICE_SLACK_MS: u64 = 4;

/// See the module.
pub(crate) struct Rules {
    stage: Arc<Stage>,
    /// Who was elected in each term, as the one who was knows.
    elected: BTreeMap<u64, NodeId>,
    /// The same as everybody knows.
    decided: BTreeMap<u64, NodeId>,
    /// Whom each member voted for, in any of its lives.
    votes: BTreeMap<(String, u64), NodeId>,
    members: BTreeMap<String, Seen>,
    /// Revision and machine time after each entry that somebody was seen at, ...
    states: BTreeMap<LogIndex, (Revision, MachineTime)>,
    /// ... and the fence of each lock that was held then.
    fences: BTreeMap<(u64, LogIndex), u64>,
}

/// A member as it was at the last look.
#[derive(Default)]
struct Seen {
    life: u64,
    /// Its last vote, which no loss of power takes back.
    term: u64,
    purged: LogIndex,
    snapshot: LogIndex,
    committed: LogIndex,
    applied: LogIndex,
    office: Option<Office>,
}

/// A leader when it was first seen to lead.
struct Office {
    term: u64,
    now: MachineTime,
    clock_us: u64,
}

impl Rules {
    pub(crate) fn new(stage: &Arc<Stage>) -> Self {
        Self {
            stage: stage.clone(),
            elected: BTreeMap::new(),
            decided: BTreeMap::new(),
            votes: BTreeMap::new(),
            members: BTreeMap::new(),
            states: BTreeMap::new(),
            fences: BTreeMap::new(),
        }
    }

    pub(crate) fn look(&mut self, name: &str, glimpse: &Glimpse) {
        self.elections(name, glimpse);
        let seen = self.members.entry(name.to_owned()).or_default();
        if seen.life != glimpse.life {
            *seen = Seen {
                life: glimpse.life,
                term: seen.term,
                ..Seen::default()
            };
        }
        let wrong = seen.goes_back(glimpse).or_else(|| seen.office(glimpse));
        let has_applied = seen.note(glimpse);
        let wrong = wrong.or_else(|| is_disordered(glimpse));
        if let Some(wrong) = wrong {
            self.stage.is_wrong(format!("{name}: {wrong}"));
        }
        if has_applied {
            self.look_at_state(name, glimpse);
        }
    }

    /// At most one is elected in a term, everybody knows the same one, and nobody votes twice. A
    /// member that voted in vain follows whoever was elected: then its vote is for that one.
    fn elections(&mut self, name: &str, glimpse: &Glimpse) {
        let ballot = glimpse.ballot;
        // Before the first vote of a life nothing is known of those before.
        if ballot.term == 0 {
            return;
        }
        let me = glimpse.handle.node();
        if ballot.is_elected {
            let known = *self.elected.entry(ballot.term).or_insert(me);
            self.same(known, me, || {
                format!("of {name}: elected in {}", ballot.term)
            });
        }
        let (term, whom) = (ballot.term, ballot.for_whom);
        match ballot.is_decided {
            true => {
                let known = *self.decided.entry(term).or_insert(whom);
                self.same(known, whom, || format!("for {name}: elected in {term}"));
            }
            false => {
                let known = *self.votes.entry((name.to_owned(), term)).or_insert(whom);
                self.same(known, whom, || format!("{name} voted in {term} for"));
            }
        }
    }

    fn same<T: PartialEq + Debug + Copy>(&self, known: T, seen: T, what: impl Fn() -> String) {
        if known != seen {
            let wrong = format!("{} {seen:?}, and before {known:?}", what());
            self.stage.is_wrong(wrong);
        }
    }

    /// Revisions, machine time and fences only grow along the log, on all members together.
    fn look_at_state(&mut self, name: &str, glimpse: &Glimpse) {
        let (at, state, fences) = glimpse.store.read(|machine| {
            let fences = (0..LOCKS).map(|number| {
                let lock = format!("lock-{number}");
                let lock = query::lock(machine.engine(), lock.as_bytes());
                lock.expect("the engine works").map(|it| it.fence.0)
            });
            let state = machine.state();
            let fences: Vec<_> = fences.collect();
            (state.applied, (state.revision, state.now), fences)
        });
        let known = *self.states.entry(at).or_insert(state);
        self.same(known, state, || format!("{name} at {at} is at"));
        let before = self.states.range(..at).next_back();
        let after = self.states.range(at.next()..).next();
        let is_above = before.is_none_or(|(_, it)| it.0 <= state.0 && it.1 <= state.1);
        let is_below = after.is_none_or(|(_, it)| it.0 >= state.0 && it.1 >= state.1);
        if !is_above || !is_below {
            let wrong = format!("{name} at {at}: {state:?} is between {before:?} and {after:?}");
            self.stage.is_wrong(wrong);
        }
        for (lock, fence) in (0..).zip(fences) {
            if let Some(fence) = fence {
                self.look_at_fence(name, (lock, at), fence);
            }
        }
    }

    fn look_at_fence(&mut self, name: &str, (lock, at): (u64, LogIndex), fence: u64) {
        let known = *self.fences.entry((lock, at)).or_insert(fence);
        let first = (lock, LogIndex(0));
        let before = self.fences.range(first..(lock, at)).next_back();
        let above = (lock, at.next())..(lock + 1, LogIndex(0));
        let after = self.fences.range(above).next();
        let is_above = before.is_none_or(|(_, it)| *it <= fence);
        let is_below = after.is_none_or(|(_, it)| *it >= fence);
        if known != fence || !is_above || !is_below {
            let wrong = format!(
                "{name} has lock {lock} at {at} under fence {fence}, others under {known}, \
                 between {before:?} and {after:?}"
            );
            self.stage.is_wrong(wrong);
        }
    }
}

impl Seen {
    /// What is known to be committed, applied and gone stays so as long as a process lives; a vote
    /// for ever.
    fn goes_back(&self, glimpse: &Glimpse) -> Option<String> {
        let group = &glimpse.group;
        let term = glimpse.ballot.term;
        let pairs = [
            (
                "its term",
                self.term,
                if term == 0 { self.term } else { term },
            ),
            ("what is gone", self.purged.0, group.purged.0),
            ("its checkpoint", self.snapshot.0, group.snapshot.0),
            ("what is committed", self.committed.0, group.committed.0),
            ("what is applied", self.applied.0, glimpse.state.0.0),
        ];
        pairs
            .into_iter()
            .find(|(_, was, is)| is < was)
            .map(|(what, was, is)| format!("{what} went back from {was} to {is}"))
    }

    /// A leader's time goes by its own clock and by nothing else: so no lease ends early by it.
    fn office(&mut self, glimpse: &Glimpse) -> Option<String> {
        let (_, then, now) = glimpse.state;
        let Some(term) = glimpse.leads else {
            self.office = None;
            return None;
        };
        let office = self.office.take().filter(|it| it.term == term);
        let office = self.office.insert(office.unwrap_or(Office {
            term,
            now,
            clock_us: glimpse.clock_us,
        }));
        let passed_ms = (glimpse.clock_us - office.clock_us) / 1_000;
        let latest = office.now.plus_ms(passed_ms + OFFICE_SLACK_MS);
        (then > latest).then(|| {
            format!(
                "it leads term {term} and is at {then:?}, though its clock went from {:?} to no \
                 more than {latest:?}",
                office.now
            )
        })
    }

    /// True if something was applied.
    fn note(&mut self, glimpse: &Glimpse) -> bool {
        let group = &glimpse.group;
        self.term = self.term.max(glimpse.ballot.term);
        self.purged = group.purged;
        self.snapshot = group.snapshot;
        self.committed = group.committed;
        let was = std::mem::replace(&mut self.applied, glimpse.state.0);
        was != self.applied
    }
}

/// What is gone is in a checkpoint, whose entries are applied, as committed ones are, which the log
/// has.
fn is_disordered(glimpse: &Glimpse) -> Option<String> {
    let group = &glimpse.group;
    let order = [
        ("gone", group.purged),
        ("in the checkpoint", group.snapshot),
        ("applied", group.applied),
        ("committed", group.committed),
        ("last", group.last),
    ];
    let pairs = order.iter().zip(&order[1..]);
    let mut wrong = pairs.filter(|((_, lower), (_, upper))| lower > upper);
    let ((what, lower), (than, upper)) = wrong.next()?;
    Some(format!("{what} is {lower}, and {than} is {upper}"))
}

/// How a voter stands to what is committed.
pub(crate) struct Voter<'a> {
    pub(crate) node: NodeId,
    pub(crate) gone: LogIndex,
    pub(crate) log: &'a BTreeMap<LogIndex, (u64, u32)>,
}

/// What is committed is with a quorum of those who vote: one that does not live may have it, one
/// that lives shows whether it has.
pub(crate) fn missing_quorum(
    leader: &Glimpse,
    living: &[Voter<'_>],
    committed: &BTreeMap<LogIndex, (u64, u32)>,
) -> Option<String> {
    let group = &leader.group;
    // While voters change it shows in nothing which of two sets each entry was committed by.
    let (at, entry) = committed.range(..=group.committed).next_back()?;
    if group.joint {
        return None;
    }
    let lacks = |voter: &&Voter<'_>| {
        let last = voter.log.last_key_value().map_or(voter.gone, |(at, _)| *at);
        let has = *at <= voter.gone
            || *at <= last && voter.log.get(at).is_none_or(|there| there == entry);
        group.voters.contains(&voter.node) && !has
    };
    let lacking = living.iter().filter(lacks).count();
    let all = group.voters.len();
    let may_have = all - lacking;
    (may_have <= all / 2).then(|| {
        format!("entry {at} is committed, and no more than {may_have} of {all} voters have it")
    })
}
