//! At most once: the outcomes of recent requests, kept per client so that a repeated
//! request is answered and not applied again.
//!
//! Invariant: a request that was applied is never applied again. Where its outcome
//! may have been forgotten, a repetition is refused instead.
//!
//! A repetition that says it is none is known by its client's session alone: one that is
//! lost with its node's link to the leader is sent again as it was. So no client is forgotten
//! while such a one may be on its way, and a new client is refused instead.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::ControlFlow;

use bytes::Bytes;

use crate::base::limits::{
    SESSION_HELD_MS, SESSION_IDLE_MS, SESSION_OUTCOMES_MAX, SESSIONS_MAX,
    SESSIONS_OUTCOMES_TOTAL_MAX,
};
use crate::base::time::MachineTime;
use crate::base::types::{ClientId, RequestId};
use crate::base::{Result, mutant};
use crate::engine::{Read, Table};
use crate::machine::codec;
use crate::machine::outcome::{Outcome, OutcomeKind};

/// What is kept of one client: the row of `sessions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Session {
    /// When it last sent a write.
    pub(super) last_used: MachineTime,
    /// Sequences below it are refused: their outcomes are forgotten.
    pub(super) floor: u64,
    /// The sequence it began with. What came before may have been applied in an
    /// earlier session that was forgotten.
    pub(super) first: u64,
    /// By ascending sequence, all at or above the floor.
    pub(super) outcomes: VecDeque<(u64, Outcome)>,
}

/// What is to be done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It was never applied: apply it.
    New,
    /// It was applied: answer this, if it can be what became of the command asked now.
    Known(Outcome),
    /// Nobody knows whether it was applied: refuse it.
    Forgotten,
    /// It was never applied, and there is no room to remember that it was: refuse it.
    Full,
}

/// How much is remembered. The same on every node, or their states would part.
#[derive(Debug, Clone, Copy)]
pub(super) struct SessionLimits {
    pub(super) clients: usize,
    pub(super) outcomes_per_client: usize,
    pub(super) outcomes: usize,
    /// No client is forgotten that was here so lately.
    pub(super) held_ms: u64,
    pub(super) idle_ms: u64,
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self {
            clients: SESSIONS_MAX,
            outcomes_per_client: SESSION_OUTCOMES_MAX,
            outcomes: SESSIONS_OUTCOMES_TOTAL_MAX,
            held_ms: SESSION_HELD_MS,
            idle_ms: SESSION_IDLE_MS,
        }
    }
}

/// All sessions of a shard, in memory, over their rows.
#[derive(Debug)]
pub(super) struct Sessions {
    limits: SessionLimits,
    clients: HashMap<ClientId, Session>,
    /// The least recently used first; ties by client id.
    by_use: BTreeSet<(MachineTime, ClientId)>,
    /// Of all clients together.
    outcomes: usize,
    /// Whose rows this entry must write.
    changed: BTreeSet<ClientId>,
}

impl Sessions {
    /// Reads them from their rows.
    pub(super) fn load(rows: &dyn Read, limits: SessionLimits) -> Result<Self> {
        let mut sessions = Self {
            limits,
            clients: HashMap::new(),
            by_use: BTreeSet::new(),
            outcomes: 0,
            changed: BTreeSet::new(),
        };
        let mut result = Ok(());
        rows.scan(Table::Sessions, &[], None, &mut |row, value| {
            result = sessions.load_row(row, value);
            match result {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })?;
        result?;
        Ok(sessions)
    }

    /// Reads them anew, from rows that were replaced.
    pub(super) fn reload(&mut self, rows: &dyn Read) -> Result<()> {
        *self = Self::load(rows, self.limits)?;
        Ok(())
    }

    fn load_row(&mut self, row: &[u8], value: &[u8]) -> Result<(), codec::CodecError> {
        let client = codec::decode_client(row)?;
        let session = codec::decode_session(Bytes::copy_from_slice(value))?;
        self.outcomes += session.outcomes.len();
        self.by_use.insert((session.last_used, client));
        self.clients.insert(client, session);
        Ok(())
    }

    /// Looks a request up, and notes that its client was here.
    pub(super) fn admit(&mut self, request: &RequestId, now: MachineTime) -> Admission {
        if !self.clients.contains_key(&request.client) {
            if request.attempt > 0 && !mutant::is_on("forgotten-taken-for-new") {
                return Admission::Forgotten;
            }
            if !self.make_room(now) {
                return Admission::Full;
            }
            self.begin(request, now);
        }
        self.note_use(request.client, now);
        self.acknowledge(request.client, request.acked_below);
        let session = &self.clients[&request.client];
        if let Some(outcome) = session.outcome(request.sequence) {
            return Admission::Known(outcome);
        }
        let repeats_earlier_life = request.attempt > 0 && request.sequence < session.first;
        if request.sequence < session.floor || repeats_earlier_life {
            return Admission::Forgotten;
        }
        Admission::New
    }

    /// Remembers the outcome of a request that was admitted as new. A place in a
    /// queue is no outcome: the request asks again until the lock is granted or not.
    /// Nor is a piece of a range delete that left more to delete.
    pub(super) fn record(&mut self, request: &RequestId, outcome: Outcome, now: MachineTime) {
        let goes_on = [
            OutcomeKind::Queued,
            OutcomeKind::DeletedMore,
            OutcomeKind::BucketDroppedMore,
        ];
        if goes_on.contains(&outcome.kind) {
            return;
        }
        while self.outcomes >= self.limits.outcomes && self.forget_one(now) {}
        let session = self
            .clients
            .get_mut(&request.client)
            .expect("a client is there from the admission of its request on");
        let place = session
            .outcomes
            .partition_point(|(sequence, _)| *sequence < request.sequence);
        session.outcomes.insert(place, (request.sequence, outcome));
        self.outcomes += 1;
        let is_one_too_many = session.outcomes.len() > self.limits.outcomes_per_client
            || (self.outcomes > self.limits.outcomes && session.outcomes.len() > 1);
        if is_one_too_many {
            let (lowest, _) = session.outcomes[0];
            self.acknowledge(request.client, lowest + 1);
        }
    }

    /// Forgets clients that have been idle, at most `max`; gives their number.
    pub(super) fn forget_idle(&mut self, now: MachineTime, max: usize) -> usize {
        let mut forgotten = 0;
        while forgotten < max && self.next_idle().is_some_and(|due| due <= now) {
            let (_, client) = *self.by_use.first().expect("there is a next idle client");
            self.forget(client);
            forgotten += 1;
        }
        forgotten
    }

    /// How many clients are remembered.
    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    /// When the next client will have been idle for too long.
    pub(super) fn next_idle(&self) -> Option<MachineTime> {
        let (last_used, _) = self.by_use.first()?;
        Some(last_used.plus_ms(self.limits.idle_ms))
    }

    /// The rows that changed since the last call, by client id; `None`: forgotten.
    pub(super) fn take_changed(&mut self) -> Vec<(Bytes, Option<Bytes>)> {
        std::mem::take(&mut self.changed)
            .into_iter()
            .map(|client| {
                let row = self.clients.get(&client).map(codec::encode_session);
                (Bytes::copy_from_slice(&client.0), row)
            })
            .collect()
    }

    /// True if there is room for one more client.
    fn make_room(&mut self, now: MachineTime) -> bool {
        while self.clients.len() >= self.limits.clients {
            if !self.forget_one(now) {
                return false;
            }
        }
        true
    }

    /// Forgets the client that was idle for longest, if no request of it can come any more.
    fn forget_one(&mut self, now: MachineTime) -> bool {
        let oldest = self.by_use.first().copied();
        let Some((last_used, client)) = oldest else {
            return false;
        };
        let may_go = last_used.plus_ms(self.limits.held_ms) <= now;
        if may_go {
            self.forget(client);
        }
        may_go
    }

    fn begin(&mut self, request: &RequestId, now: MachineTime) {
        self.by_use.insert((now, request.client));
        let session = Session {
            last_used: now,
            floor: 0,
            first: request.sequence,
            outcomes: VecDeque::new(),
        };
        self.clients.insert(request.client, session);
    }

    fn note_use(&mut self, client: ClientId, now: MachineTime) {
        let session = self
            .clients
            .get_mut(&client)
            .expect("the client was just found or begun");
        if session.last_used != now {
            self.by_use.remove(&(session.last_used, client));
            self.by_use.insert((now, client));
            session.last_used = now;
        }
        self.changed.insert(client);
    }

    fn acknowledge(&mut self, client: ClientId, below: u64) {
        let session = self
            .clients
            .get_mut(&client)
            .expect("the client was just used");
        session.floor = session.floor.max(below);
        while session
            .outcomes
            .front()
            .is_some_and(|(sequence, _)| *sequence < below)
        {
            session.outcomes.pop_front();
            self.outcomes -= 1;
        }
    }

    fn forget(&mut self, client: ClientId) {
        let session = self
            .clients
            .remove(&client)
            .expect("only known clients are forgotten");
        self.by_use.remove(&(session.last_used, client));
        self.outcomes -= session.outcomes.len();
        self.changed.insert(client);
    }
}

impl Session {
    fn outcome(&self, sequence: u64) -> Option<Outcome> {
        let place = self
            .outcomes
            .binary_search_by_key(&sequence, |(sequence, _)| *sequence);
        place.ok().map(|place| self.outcomes[place].1)
    }
}
