//! Gives waiting commands an order: as the leader by proposing entries, else by sending
//! them to the leader.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::figures::Fate;
use super::leadership::Leadership;
use super::queue::{Write, stopping};
use super::refusals::{
    UNCONFIRMED, nobody_knows, not_begun, refused, silent_leader, unconfirmed, was_not_done,
};
use super::{Shared, pause};
use crate::base::time::MachineTime;
use crate::base::types::NodeId;
use crate::base::{Error, ErrorKind, Result};
use crate::machine::{Applied, Command, Op, codec};
use crate::raft::{Group, ProposeError};
use crate::store::sequencer::Sequencer;

/// Entries of the leader under way at once: one is built while others are written and sent.
const ENTRIES: usize = 4;

/// Batches under way to the leader at once.
const FORWARDS: usize = 8;

/// A leader that has not answered for so many times its longest silence is asked again, or
/// its successor is: by the same request ids.
const ANSWER_SILENCES: u32 = 2;

/// How long a leader that has lost its office waits for what it proposed, before it says
/// that it does not know.
const GRACE: Duration = Duration::from_millis(200);

/// How long what was not done waits before it is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// How often a proposer that may send no more looks for whom it has no time left.
const LOOK: Duration = Duration::from_millis(40);

/// How long a sweep may take, and how long a refused one waits, ms.
const SWEEP_WITHIN: Duration = Duration::from_secs(5);
const SWEEP_RETRY_MS: u64 = 100;

/// What became of commands that went together.
type Outcome = BoxFuture<'static, (Vec<Write>, Result<Vec<Applied>, Failed>)>;

/// Why there is no outcome.
enum Failed {
    /// It was not done, or is unknown, as the error says.
    With(Error),
    /// The leader that was asked is lost, and nobody knows what it did.
    LostLeader,
}

impl Failed {
    /// An outcome that is unknown before the deadline means that the link broke.
    fn of_forward(error: Error, due: Instant) -> Self {
        match error.kind() {
            ErrorKind::Timeout if Instant::now() < due => Self::LostLeader,
            _ => Self::With(error),
        }
    }
}

/// One leadership of this node.
struct Office {
    term: u64,
    /// Goes on from what the leaders before it stamped.
    sequencer: Sequencer,
}

/// The one task that gives a shard's commands their order.
pub(super) struct Proposer {
    shared: Arc<Shared>,
    office: Option<Office>,
    under_way: FuturesUnordered<Outcome>,
    /// When something of the machine is next due.
    due: Option<MachineTime>,
    is_sweeping: Arc<AtomicBool>,
    sweep_not_before: MachineTime,
    /// What was not done is tried again no sooner than this.
    again_at: Option<Instant>,
}

/// Where commands go.
enum Way {
    Here,
    To(NodeId),
    Nowhere,
}

impl Proposer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            office: None,
            under_way: FuturesUnordered::new(),
            due: None,
            is_sweeping: Arc::default(),
            sweep_not_before: MachineTime(0),
            again_at: None,
        }
    }

    /// Until the shard closes.
    pub(super) async fn run(mut self) {
        let group = self.shared.group().clone();
        let mut changes = group.changes();
        while !self.shared.is_closing() {
            if let Some(at) = self.again_at.take().filter(|at| *at > Instant::now()) {
                // Either is a reason to look again.
                drop(timeout_at(at, changes.next()).await);
            }
            let way = self.look(&group);
            self.refuse_hopeless(&way);
            self.sweep_if_due();
            match &way {
                Way::Here => self.propose(&group).await,
                Way::To(leader) => self.forward(&group, *leader),
                Way::Nowhere if !self.shared.writes.is_empty() => {
                    self.wait_for_leader(&mut changes).await;
                    continue;
                }
                Way::Nowhere => {}
            }
            self.wait(&mut changes).await;
        }
        self.end().await;
    }

    /// Who leads now.
    fn look(&mut self, group: &Group) -> Way {
        match group.leads() {
            Some(term) => {
                if self
                    .office
                    .as_ref()
                    .is_none_or(|office| office.term != term)
                {
                    let sequencer = self.shared.clock();
                    self.office = Some(Office { term, sequencer });
                }
                Way::Here
            }
            None => {
                self.office = None;
                match group.leader() {
                    // Members do not listen to who was taken out: asking them would only
                    // put in doubt what surely is not done.
                    _ if Leadership::is_out(group) => Way::Nowhere,
                    Some((leader, _)) if leader != group.node() => Way::To(leader),
                    _ => Way::Nowhere,
                }
            }
        }
    }

    fn refuse_hopeless(&self, way: &Way) {
        let leads = matches!(way, Way::Here);
        let is_out = matches!(way, Way::Nowhere) && Leadership::is_out(self.shared.group());
        let hopeless = self
            .shared
            .writes
            .take_hopeless(Instant::now(), leads, is_out);
        for write in hopeless {
            let why = match write.is_forwarded && !leads {
                true => Error::new(ErrorKind::NotLeader, "this node does not lead the shard"),
                false if write.in_doubt => nobody_knows(),
                false => not_begun(&Leadership::of(self.shared.group())),
            };
            write.refuse(why);
        }
    }

    /// Waits until there is something to do.
    async fn wait(&mut self, changes: &mut crate::raft::Changes) {
        let limit = match self.office {
            Some(_) => ENTRIES,
            None => FORWARDS,
        };
        let may_send = self.under_way.len() < limit;
        if may_send && !self.shared.writes.is_empty() {
            return;
        }
        let sweep_at = self.sweep_at();
        tokio::select! {
            biased;
            Some((writes, result)) = self.under_way.next(), if !self.under_way.is_empty() => {
                self.finish(writes, result);
            }
            () = self.shared.writes.pushed(), if may_send => {}
            () = changes.next() => {}
            () = sleep_until(sweep_at.unwrap_or_else(Instant::now)), if sweep_at.is_some() => {}
            () = sleep(LOOK), if !may_send => {}
        }
    }

    async fn wait_for_leader(&mut self, changes: &mut crate::raft::Changes) {
        tokio::select! {
            biased;
            Some((writes, result)) = self.under_way.next(), if !self.under_way.is_empty() => {
                self.finish(writes, result);
            }
            () = pause(changes) => {}
        }
    }

    /// Proposes the next entry, if there is something to propose.
    async fn propose(&mut self, group: &Group) {
        if self.under_way.len() >= ENTRIES {
            return;
        }
        let mut writes = self.take_entry();
        let Some(office) = self.office.as_ref().filter(|_| !writes.is_empty()) else {
            return;
        };
        let term = office.term;
        let commands = writes
            .iter_mut()
            .flat_map(|write| write.take_commands())
            .collect::<Vec<_>>();
        let (count, began) = (commands.len(), Instant::now());
        let (_, entry) = office.sequencer.stamp(commands);
        let proposed = group.propose(term, codec::encode_entry(&entry)).await;
        let (group, shared) = (group.clone(), self.shared.clone());
        self.under_way.push(Box::pin(async move {
            let result = match proposed {
                Ok(outcome) => outcome_of(&group, term, &mut writes, outcome).await,
                Err(error) => Err(error),
            };
            let fate = match &result {
                Ok(_) => Fate::Applied,
                Err(ProposeError::NotLeader) => Fate::Refused,
                Err(ProposeError::Unknown(_)) => Fate::Unknown,
            };
            shared.counters.proposed(fate, count, began);
            (writes, result.map_err(|error| Failed::With(refused(error))))
        }));
    }

    fn take_entry(&self) -> Vec<Write> {
        let bytes_max = self.shared.core.entry_bytes_max();
        self.shared.writes.take_entry(bytes_max)
    }

    /// Sends the next batch to the leader, if there is something to send.
    fn forward(&mut self, group: &Group, leader: NodeId) {
        if self.under_way.len() >= FORWARDS {
            return;
        }
        let mut writes = self.take_entry();
        if writes.is_empty() {
            return;
        }
        let due = last_due(&writes);
        let may_be_repeated = writes.iter().all(Write::may_be_repeated);
        let (group, shared) = (group.clone(), self.shared.clone());
        self.under_way.push(Box::pin(async move {
            let commands: Vec<Command> = writes
                .iter()
                .flat_map(|write| write.commands.iter().cloned())
                .collect();
            let budget = due.saturating_duration_since(Instant::now());
            let silent = || silent_leader(&Leadership::of(&group));
            let result = tokio::select! {
                biased;
                result = group.forward(leader, &commands, budget) => {
                    result.map_err(|error| Failed::of_forward(error, due))
                }
                () = deposed(&group, leader) => Err(Failed::LostLeader),
                () = overdue(&mut writes, silent) => Err(Failed::With(silent())),
                // Frames may be lost, and nobody else repeats this one.
                () = sleep(ANSWER_SILENCES * group.silence()), if may_be_repeated => {
                    Err(Failed::LostLeader)
                }
            };
            let fate = match &result {
                Ok(_) => Fate::Applied,
                Err(Failed::With(error)) => Fate::of(error),
                Err(Failed::LostLeader) => Fate::Unknown,
            };
            shared.counters.forwarded.add(fate, commands.len());
            (writes, result)
        }));
    }

    /// Tells everybody what became of their commands. What was not done for want of a
    /// leader is tried again.
    ///
    /// What a lost leader may or may not have done is asked of its successor with the same
    /// request ids. That is safe: whatever of the lost one's entries survives comes before
    /// the successor's, and the machine remembers its outcomes: it forgets no client that
    /// was here as lately (`SESSION_HELD_MS`) as a write is tried (`REQUEST_MS_MAX`).
    fn finish(&mut self, writes: Vec<Write>, result: Result<Vec<Applied>, Failed>) {
        match result {
            Ok(replies) => {
                let mut replies = replies.into_iter();
                for write in writes {
                    let mine: Vec<_> = replies.by_ref().take(write.expected()).collect();
                    let complete = mine.len() == write.expected();
                    write.tell.with(match complete {
                        true => Ok(mine),
                        false => Err(Error::timeout("the leader's answer was incomplete")),
                    });
                }
            }
            Err(Failed::With(error))
                if was_not_done(&error) && writes.iter().all(Write::has_commands) =>
            {
                self.shared.writes.put_back(writes);
                self.again_at = Some(Instant::now() + AGAIN);
            }
            Err(Failed::With(error)) => {
                for write in writes {
                    // That it was refused now says nothing of what a lost leader did.
                    let why = match write.in_doubt {
                        true => nobody_knows(),
                        false => Error::new(error.kind(), error.message()),
                    };
                    write.refuse(why);
                }
            }
            Err(Failed::LostLeader) => {
                let (mut again, unknown): (Vec<_>, Vec<_>) =
                    writes.into_iter().partition(Write::may_be_repeated);
                again.iter_mut().for_each(|write| write.in_doubt = true);
                self.shared.writes.put_back(again);
                self.again_at = Some(Instant::now() + AGAIN);
                for write in unknown {
                    write.refuse(Error::timeout(
                        "the leader was lost before the outcome was known, and the request has \
                         no id that would make repeating it safe",
                    ));
                }
            }
        }
    }

    /// The moment of the next sweep, if this node leads and something will be due.
    fn sweep_at(&self) -> Option<Instant> {
        let office = self.office.as_ref()?;
        if self.is_sweeping.load(Ordering::SeqCst) {
            return None;
        }
        let at = self.due?.max(self.sweep_not_before);
        let wait = Duration::from_millis(at.since_ms(office.sequencer.now()));
        Some(Instant::now() + wait)
    }

    /// Proposes a sweep if something is due. Only a leader does: an entry of an earlier
    /// one never comes into the log behind its successor's.
    fn sweep_if_due(&mut self) {
        let Some(office) = &self.office else {
            return;
        };
        let now = office.sequencer.now();
        if self.shared.has_applied.swap(false, Ordering::SeqCst) {
            match self.shared.core.machine.read().next_deadline() {
                Ok(due) => self.due = due,
                Err(failure) => self.shared.core.fatal.raise(&failure.to_string()),
            }
        }
        let is_due = self.due.is_some_and(|due| due <= now) && self.sweep_not_before <= now;
        if !is_due || self.is_sweeping.swap(true, Ordering::SeqCst) {
            return;
        }
        self.sweep_not_before = now.plus_ms(1);
        let sweep = Command {
            request: None,
            fence: None,
            op: Op::Sweep,
        };
        let is_sweeping = self.is_sweeping.clone();
        let done = Box::new(move |_| is_sweeping.store(false, Ordering::SeqCst));
        let by = Instant::now() + SWEEP_WITHIN;
        if self.shared.submit(vec![sweep], by, true, done).is_err() {
            self.is_sweeping.store(false, Ordering::SeqCst);
            self.sweep_not_before = now.plus_ms(SWEEP_RETRY_MS);
        }
    }

    async fn end(mut self) {
        for write in self.shared.writes.close() {
            let why = match write.in_doubt {
                true => nobody_knows(),
                false => stopping("done"),
            };
            write.refuse(why);
        }
        while let Ok(Some((writes, result))) = timeout(GRACE, self.under_way.next()).await {
            let unknown = |_| Failed::With(Error::timeout("the node stopped meanwhile"));
            self.finish(writes, result.map_err(unknown));
        }
    }
}

impl Write {
    /// Takes the commands out; how many there were is remembered.
    fn take_commands(&mut self) -> Vec<Command> {
        self.proposed = self.commands.len();
        std::mem::take(&mut self.commands)
    }

    fn has_commands(&self) -> bool {
        !self.commands.is_empty()
    }

    /// Every command of it is applied at most once, however often it comes.
    fn may_be_repeated(&self) -> bool {
        self.has_commands() && self.commands.iter().all(|it| it.request.is_some())
    }

    /// How many replies belong to it.
    fn expected(&self) -> usize {
        self.proposed.max(self.commands.len())
    }
}

fn last_due(writes: &[Write]) -> Instant {
    let due = writes.iter().map(|write| write.due).max();
    due.unwrap_or_else(Instant::now)
}

/// Tells each of the writes at its deadline that its outcome is unknown; resolves when
/// nobody waits any more.
async fn overdue(writes: &mut [Write], why: impl Fn() -> Error) {
    loop {
        let waiting = writes.iter().filter(|write| !write.is_told());
        let Some(next) = waiting.map(|write| write.due).min() else {
            return;
        };
        sleep_until(next).await;
        for write in writes.iter_mut().filter(|write| write.due <= next) {
            write.give_up(why());
        }
    }
}

/// What became of an entry; unknown if it takes too long, or this node leads no more.
async fn outcome_of(
    group: &Group,
    term: u64,
    writes: &mut [Write],
    outcome: impl Future<Output = Result<Vec<Applied>, ProposeError>>,
) -> Result<Vec<Applied>, ProposeError> {
    tokio::pin!(outcome);
    let lost = async {
        let mut changes = group.changes();
        while group.leads() == Some(term) {
            changes.next().await;
        }
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        outcome = &mut outcome => outcome,
        () = overdue(writes, unconfirmed) => Err(ProposeError::Unknown(UNCONFIRMED.to_owned())),
        () = lost => Err(ProposeError::Unknown(
            "this node lost the leadership before the outcome was known".to_owned(),
        )),
    }
}

/// Resolves once somebody else leads, or the same node again.
async fn deposed(group: &Group, leader: NodeId) {
    let mut changes = group.changes();
    let term = group.term();
    while group.term() == term && group.leader().is_some_and(|(node, _)| node == leader) {
        changes.next().await;
    }
}
