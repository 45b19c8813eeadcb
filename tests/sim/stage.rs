//! What all actors of a run share: its time, its trace, and what is counted.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::check::history::{Operation, Outcome};
use crate::check::txn::asked::Said;
use crate::check::txn::player::Part;
use crate::check::txn::told::Transaction;
use crate::check::watched::told::Watcher;

/// Something that is counted, so that a campaign in which it never happened is red.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    Election,
    Crash,
    PowerLoss,
    Restart,
    Pause,
    Partition,
    OneWay,
    Latency,
    SlowDisk,
    /// A clock leapt, ...
    ClockJump,
    /// ... or began to go at another rate.
    ClockDrift,
    /// A frame between members was lost.
    Loss,
    /// A request reached two members.
    Duplicate,
    /// A group of one voter was led, ...
    OneVoter,
    /// ... and one of five and more.
    FiveVoters,
    Checkpoint,
    /// A leader compared its state with other members'.
    StateCompared,
    /// Entries went from a log.
    Purge,
    /// A member that lacked entries which are gone took in all rows.
    Install,
    /// A node became a member, ...
    Added,
    /// ... got a vote, ...
    Promoted,
    /// ... is no member any more.
    Removed,
    /// A leader handed over.
    Transfer,
    /// A disk failed, and its node stopped.
    DiskError,
    /// A disk was full, and its node took no writes.
    ReadOnly,
    /// A member had entries that its leader did not have.
    Overwritten,
    /// A write that had been applied was answered and not applied again.
    Repeated,
    /// A condition did not hold.
    Conflict,
    /// A transaction was refused by a compare.
    Refused,
    /// A transaction was committed, and had changed something.
    Committed,
    /// Somebody asked for a key of a bucket that was gone.
    NoBucket,
    /// A write under a fence was refused.
    StaleFence,
    /// A lock was granted.
    Grant,
    /// A client never learnt what became of a write.
    Unknown,
    /// An answer reached nobody.
    Lost,
    /// A watcher was told of a change.
    Told,
    /// One was told everything that was there at first, ...
    Initial,
    /// ... or how far it had been told everything.
    Mark,
    /// It went on elsewhere from where it was.
    Resumed,
    /// It was too slow, and read the history to catch up.
    FellBehind,
    /// It was told that what came next was gone.
    Compacted,
    /// A client opened a connection, ...
    Dialled,
    /// ... to where it had one before, ...
    Redialled,
    /// ... or found nobody there.
    NobodyThere,
    /// A client and a node lost what they sent each other, ...
    LineCut,
    /// ... or got it late.
    LineHeld,
}

impl Event {
    /// Every kind of the first level.
    pub(crate) const ALL: [Self; 41] = [
        Self::Election,
        Self::Crash,
        Self::PowerLoss,
        Self::Restart,
        Self::Pause,
        Self::Partition,
        Self::OneWay,
        Self::Latency,
        Self::SlowDisk,
        Self::ClockJump,
        Self::ClockDrift,
        Self::Loss,
        Self::Duplicate,
        Self::OneVoter,
        Self::FiveVoters,
        Self::Checkpoint,
        Self::StateCompared,
        Self::Purge,
        Self::Install,
        Self::Added,
        Self::Promoted,
        Self::Removed,
        Self::Transfer,
        Self::DiskError,
        Self::ReadOnly,
        Self::Overwritten,
        Self::Repeated,
        Self::Conflict,
        Self::Refused,
        Self::Committed,
        Self::NoBucket,
        Self::StaleFence,
        Self::Grant,
        Self::Unknown,
        Self::Lost,
        Self::Told,
        Self::Initial,
        Self::Mark,
        Self::Resumed,
        Self::FellBehind,
        Self::Compacted,
    ];

    /// What every campaign of the second level must have seen, ...
    pub(crate) const OVER_LINES: [Self; 25] = [
        Self::Election,
        Self::PowerLoss,
        Self::Restart,
        Self::Partition,
        Self::OneWay,
        Self::SlowDisk,
        Self::ClockDrift,
        Self::Loss,
        Self::Checkpoint,
        Self::StateCompared,
        Self::Conflict,
        Self::Refused,
        Self::Committed,
        Self::NoBucket,
        Self::StaleFence,
        Self::Grant,
        Self::Unknown,
        Self::Told,
        Self::Initial,
        Self::Mark,
        Self::Dialled,
        Self::Redialled,
        Self::NobodyThere,
        Self::LineCut,
        Self::LineHeld,
    ];

    /// ... and what a long one must have, too.
    pub(crate) const OVER_MANY_LINES: [Self; 7] = [
        Self::Crash,
        Self::Latency,
        Self::Pause,
        Self::ClockJump,
        Self::Transfer,
        Self::Install,
        Self::Compacted,
    ];
}

/// How often each happened.
pub(crate) type Tally = BTreeMap<Event, u64>;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Stage {
    /// The beginning of the current step.
    now_ns: AtomicU64,
    /// The same by the fastest of all clocks, see [`crate::clocks`].
    fastest_us: AtomicU64,
    /// No two moments of a history are the same: what runs first was first.
    last_ns: AtomicU64,
    /// Clients begin nothing new.
    stopping: AtomicBool,
    trace: Mutex<Vec<String>>,
    tally: Mutex<Tally>,
    wrong: Mutex<Vec<String>>,
    history: Mutex<Vec<Operation>>,
    transactions: Mutex<Vec<Transaction>>,
    /// Writes of keys that do not live long: nobody reads them.
    brief: Mutex<Vec<Operation>>,
    /// Until when those keys live at least.
    lives: Mutex<Vec<Life>>,
    watchers: Mutex<Vec<Watcher>>,
    /// The latest revision of which a client was told.
    confirmed: AtomicU64,
    /// All is said and done; since when, ms. 0: not yet.
    ended_ms: AtomicU64,
    /// Of a hundred writes, how many are sent to two members.
    twice_percent: AtomicU64,
}

/// How long a key is to live that was written with timers.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    pub(crate) key: String,
    pub(crate) revision: u64,
    /// When it was asked for.
    pub(crate) asked_ns: u64,
    pub(crate) ttl_ms: u64,
}

impl Stage {
    pub(crate) fn set_now_ns(&self, now_ns: u64) {
        self.now_ns.store(now_ns, Ordering::SeqCst);
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_ns.load(Ordering::SeqCst) / 1_000_000
    }

    /// So much has passed by the fastest of all clocks.
    pub(crate) fn advance_fastest_us(&self, us: u64) {
        self.fastest_us.fetch_add(us, Ordering::SeqCst);
    }

    pub(crate) fn fastest_us(&self) -> u64 {
        self.fastest_us.load(Ordering::SeqCst)
    }

    /// A moment later than every other one that was asked for, by the fastest of all clocks: no
    /// lease may end earlier than that.
    pub(crate) fn moment_ns(&self) -> u64 {
        let least = self.last_ns.load(Ordering::SeqCst) + 1;
        let moment = least.max(self.fastest_us() * 1_000);
        self.last_ns.store(moment, Ordering::SeqCst);
        moment
    }

    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// Adds a line to the trace.
    pub(crate) fn note(&self, line: impl std::fmt::Display) {
        let now_ms = self.now_ms();
        self.trace.lock().push(format!("{now_ms:>6} {line}"));
    }

    pub(crate) fn count(&self, event: Event) {
        self.count_many(event, 1);
    }

    pub(crate) fn count_many(&self, event: Event, times: u64) {
        if times > 0 {
            *self.tally.lock().entry(event).or_default() += times;
        }
    }

    /// Something happened that must not.
    pub(crate) fn is_wrong(&self, what: impl std::fmt::Display) {
        self.note(format!("WRONG {what}"));
        self.wrong.lock().push(what.to_string());
    }

    pub(crate) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().clone()
    }

    pub(crate) fn record(&self, operation: Operation) {
        self.note(format!(
            "client {} asks {}: {:?} -> {:?}",
            operation.client, operation.node, operation.action, operation.outcome
        ));
        if let Some(revision) = revision(&operation.outcome) {
            self.confirmed.fetch_max(revision, Ordering::SeqCst);
        }
        self.history.lock().push(operation);
    }

    /// Counts what a client was told.
    pub(crate) fn count_outcome(&self, outcome: &Outcome) {
        match outcome {
            Outcome::NotWritten { .. } => self.count(Event::Conflict),
            Outcome::FenceStale => self.count(Event::StaleFence),
            Outcome::Acquired { .. } => self.count(Event::Grant),
            Outcome::Unknown { .. } => self.count(Event::Unknown),
            _ => {}
        }
    }

    /// Counts what a player was told.
    pub(crate) fn count_said(&self, said: &Said) {
        match said {
            Said::Refused { .. } => self.count(Event::Refused),
            Said::NoBucket => self.count(Event::NoBucket),
            Said::Unknown { .. } => self.count(Event::Unknown),
            _ => {}
        }
    }

    /// Records writes that no checker of reads needs to know of.
    pub(crate) fn record_brief(&self, writes: Vec<Operation>) {
        let revisions = writes.iter().filter_map(|it| revision(&it.outcome));
        if let Some(last) = revisions.max() {
            self.confirmed.fetch_max(last, Ordering::SeqCst);
        }
        self.brief.lock().extend(writes);
    }

    pub(crate) fn record_lives(&self, lives: Vec<Life>) {
        self.lives.lock().extend(lives);
    }

    pub(crate) fn lives(&self) -> Vec<Life> {
        self.lives.lock().clone()
    }

    pub(crate) fn send_twice(&self, percent: u64) {
        self.twice_percent.store(percent, Ordering::SeqCst);
    }

    pub(crate) fn twice_percent(&self) -> u64 {
        self.twice_percent.load(Ordering::SeqCst)
    }

    pub(crate) fn brief(&self) -> Vec<Operation> {
        self.brief.lock().clone()
    }

    /// The latest revision of which a client was told.
    pub(crate) fn confirmed(&self) -> u64 {
        self.confirmed.load(Ordering::SeqCst)
    }

    /// Nothing will happen any more, and everything that did was shown to somebody.
    pub(crate) fn end(&self) {
        self.note(format!("it ends with revision {}", self.confirmed()));
        self.ended_ms.store(self.now_ms(), Ordering::SeqCst);
    }

    /// Since when that is so, ms, and the last revision.
    pub(crate) fn ended(&self) -> Option<(u64, u64)> {
        let ended_ms = self.ended_ms.load(Ordering::SeqCst);
        (ended_ms > 0).then(|| (ended_ms, self.confirmed()))
    }

    pub(crate) fn record_watcher(&self, watcher: Watcher) {
        self.watchers.lock().push(watcher);
    }

    /// What watchers were told that have been told everything.
    pub(crate) fn watchers(&self) -> Vec<Watcher> {
        self.watchers.lock().clone()
    }

    /// Records the parts of a player's turn.
    pub(crate) fn record_turn(&self, client: u32, invoked_ns: u64, parts: Vec<Part>) {
        let returned_ns = self.moment_ns();
        for part in parts {
            let transaction = Transaction {
                client,
                invoked_ns,
                returned_ns,
                steps: part.steps,
                revision: part.revision,
                end: part.end,
            };
            if transaction.is_committed() && transaction.changes() {
                self.count(Event::Committed);
            }
            self.transactions.lock().push(transaction);
        }
    }

    /// What players did, in the order in which it ended.
    pub(crate) fn transactions(&self) -> Vec<Transaction> {
        self.transactions.lock().clone()
    }

    pub(crate) fn trace(&self) -> Vec<String> {
        self.trace.lock().clone()
    }

    pub(crate) fn tally(&self) -> Tally {
        self.tally.lock().clone()
    }

    /// Everything that was asked, by invocation.
    pub(crate) fn history(&self) -> Vec<Operation> {
        let mut history = self.history.lock().clone();
        history.sort_by_key(|operation| operation.invoked_ns);
        history
    }
}

/// The revision of an answer, where it shows one.
fn revision(outcome: &Outcome) -> Option<u64> {
    match outcome {
        Outcome::Written { revision } | Outcome::Deleted { revision } => Some(*revision),
        Outcome::Read { revision, .. }
        | Outcome::NotWritten { revision }
        | Outcome::NotDeleted { revision }
        | Outcome::NotAcquired { revision }
        | Outcome::Renewed { revision, .. }
        | Outcome::NotRenewed { revision }
        | Outcome::Released { revision }
        | Outcome::NotReleased { revision } => *revision,
        _ => None,
    }
}
