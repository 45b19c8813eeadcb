//! Locks: one holder at a time, fences that only grow, and no write under a fence that is over.

use std::collections::{BTreeMap, HashMap};

use crate::check::history::{Action, Operation, Outcome};
use crate::check::replay::order::{Bound, answered_at};
use crate::check::verdict::{Rule, Violation};

/// The rates of two clocks differ by less than 1 %: a lease lasts at least 99 % of its time on
/// the clock of the history.
const LEASE_PERCENT: u64 = 99;

/// One lock, as its operations show it.
#[derive(Default)]
struct Lock<'a> {
    /// By fence.
    grants: BTreeMap<u64, Grant<'a>>,
    /// The least fence of each owner: one, where all is well.
    owners: HashMap<&'a str, u64>,
    /// Somebody asked, and never heard what became of it; or queued in vain, and may have been
    /// given the lock before the place in the queue was given up.
    unknown_acquires: Vec<&'a Operation>,
    refusals: Vec<(&'a Operation, Bound)>,
    /// Writes under a fence of it that took place, and those that were refused.
    fenced: Vec<&'a Operation>,
    stale: Vec<&'a Operation>,
}

/// From the grant of a lock to whatever ended it.
struct Grant<'a> {
    acquire: &'a Operation,
    /// The lease began no earlier, and lasts so long; 0: until released.
    leases: Vec<(&'a Operation, u64)>,
    releases: Vec<&'a Operation>,
}

pub(super) fn check(history: &[Operation], bounds: &[Bound], findings: &mut Vec<Violation>) {
    for lock in gather(history, bounds).values() {
        lock.one_at_a_time(findings);
        lock.fenced_in_time(findings);
        lock.refused_with_reason(findings);
    }
}

fn gather<'a>(history: &'a [Operation], bounds: &[Bound]) -> BTreeMap<&'a str, Lock<'a>> {
    let mut locks: BTreeMap<&str, Lock<'_>> = BTreeMap::new();
    let mut first_asked: BTreeMap<(&str, &str), &Operation> = BTreeMap::new();
    for (operation, bound) in history.iter().zip(bounds) {
        if let Some(fence) = operation.fence() {
            let lock = locks.entry(&fence.lock).or_default();
            match operation.outcome {
                Outcome::Written { .. } | Outcome::Deleted { .. } => lock.fenced.push(operation),
                Outcome::FenceStale => lock.stale.push(operation),
                _ => {}
            }
        }
        if let Action::Acquire {
            lock,
            owner,
            ttl_ms,
            waits,
        } = &operation.action
        {
            // The answer may be that of an earlier call, which nobody heard.
            let first = *first_asked.entry((lock, owner)).or_insert(operation);
            let lock = locks.entry(lock).or_default();
            match operation.outcome {
                Outcome::Acquired { fence } => {
                    let least = lock.owners.entry(owner).or_insert(fence);
                    *least = fence.min(*least);
                    let grant = lock.grants.entry(fence).or_insert(Grant {
                        acquire: operation,
                        leases: Vec::new(),
                        releases: Vec::new(),
                    });
                    grant.leases.push((first, *ttl_ms));
                }
                Outcome::NotAcquired { .. } => lock.refusals.push((operation, *bound)),
                Outcome::Unknown { .. } => lock.unknown_acquires.push(operation),
                _ => {}
            }
            if *waits && !matches!(operation.outcome, Outcome::Acquired { .. }) {
                lock.unknown_acquires.push(operation);
            }
        }
    }
    for operation in history {
        if let Action::Renew { lock, owner, .. } | Action::Release { lock, owner } =
            &operation.action
            && let Some(lock) = locks.get_mut(lock.as_str())
        {
            lock.touch(owner, operation);
        }
    }
    locks
}

impl<'a> Lock<'a> {
    /// Notes what an owner did with its grant.
    fn touch(&mut self, owner: &str, operation: &'a Operation) {
        let fence = self.owners.get(owner);
        let Some(grant) = fence.and_then(|fence| self.grants.get_mut(fence)) else {
            return;
        };
        match (&operation.action, &operation.outcome) {
            (Action::Renew { ttl_ms, .. }, Outcome::Renewed { .. } | Outcome::Unknown { .. }) => {
                grant.leases.push((operation, *ttl_ms));
            }
            (Action::Release { .. }, Outcome::Released { .. } | Outcome::Unknown { .. }) => {
                grant.releases.push(operation);
            }
            _ => {}
        }
    }

    /// Between two grants something ended the first: a release, or the end of its lease.
    fn one_at_a_time(&self, findings: &mut Vec<Violation>) {
        let later = self.grants.iter().skip(1);
        for ((fence, grant), (next_fence, next)) in self.grants.iter().zip(later) {
            let released = grant
                .releases
                .iter()
                .any(|release| release.invoked_ns < next.acquire.returned_ns);
            if !released && grant.holds_at(next.acquire.returned_ns, *next_fence) {
                let message = format!(
                    "the lease of fence {fence} cannot have ended when fence {next_fence} was \
                     given, and nobody released it"
                );
                let involved = [grant.acquire, next.acquire];
                findings.push(Violation::new(Rule::TwoHolders, message, &involved));
            }
        }
        // Of the grants of greater fences, the one that was answered first.
        let mut first: Option<(u64, &Operation)> = None;
        for (fence, grant) in self.grants.iter().rev() {
            if let Some((higher, later)) = first
                && later.returned_ns < grant.acquire.invoked_ns
            {
                let message = format!("fence {fence} was given after fence {higher}");
                let involved = [later, grant.acquire];
                findings.push(Violation::new(Rule::Fence, message, &involved));
            }
            if first.is_none_or(|(_, it)| grant.acquire.returned_ns < it.returned_ns) {
                first = Some((*fence, grant.acquire));
            }
        }
    }

    /// A write under a fence takes place while that fence is the holder's.
    fn fenced_in_time(&self, findings: &mut Vec<Violation>) {
        for write in &self.fenced {
            let token = write.fence().map_or(0, |fence| fence.token);
            let (Outcome::Written { revision } | Outcome::Deleted { revision }) = write.outcome
            else {
                continue;
            };
            let mut complain = |message: String, other: &Operation| {
                findings.push(Violation::new(Rule::StaleFence, message, &[other, write]));
            };
            if let Some((next, grant)) = self.grants.range(token + 1..revision).next() {
                let message = format!(
                    "a write under fence {token} took place at {revision}, after fence {next} \
                     was given"
                );
                complain(message, grant.acquire);
            }
            let Some(grant) = self.grants.get(&token) else {
                continue;
            };
            let over = grant.releases.iter().find(|release| {
                matches!(release.outcome, Outcome::Released { .. })
                    && (release.returned_ns < write.invoked_ns
                        || answered_at(release).is_some_and(|at| at < revision))
            });
            if let Some(release) = over {
                let message = format!("a write under fence {token} took place after its release");
                complain(message, release);
            }
        }
    }

    fn refused_with_reason(&self, findings: &mut Vec<Violation>) {
        for write in &self.stale {
            let grant = write.fence().and_then(|it| self.grants.get(&it.token));
            if let Some(grant) = grant.filter(|it| it.surely_holds_over(write)) {
                let message = "a write was refused, though its fence was surely the holder's";
                let involved = [grant.acquire, write];
                findings.push(Violation::new(Rule::Refused, message, &involved));
            }
        }
        let possible = Possible::of(self);
        for (refusal, bound) in &self.refusals {
            if !possible.explains(refusal) {
                let message = format!(
                    "nobody can have held the lock between the revisions {} and {}",
                    bound.low, bound.high
                );
                findings.push(Violation::new(Rule::Refused, message, &[refusal]));
            }
        }
    }
}

/// Who may have held a lock, in a form that answers quickly.
struct Possible<'a> {
    /// When each grant was asked for, ascending, and the latest end of it and those before.
    grants: Vec<(u64, u64)>,
    /// The two that asked first and may have been granted the lock without hearing of it.
    unknown: [Option<&'a Operation>; 2],
}

impl<'a> Possible<'a> {
    fn of(lock: &Lock<'a>) -> Self {
        let mut grants: Vec<(u64, u64)> = lock
            .grants
            .values()
            .map(|it| (it.acquire.invoked_ns, it.surely_over_ns()))
            .collect();
        grants.sort_unstable();
        let mut latest = 0;
        for (_, over_ns) in &mut grants {
            latest = latest.max(*over_ns);
            *over_ns = latest;
        }
        let mut unknown = lock.unknown_acquires.clone();
        unknown.sort_by_key(|it| it.invoked_ns);
        // What queued in vain and was never answered stands here twice.
        unknown.dedup_by(|one, other| std::ptr::eq(*one, *other));
        let mut unknown = unknown.into_iter();
        Self {
            grants,
            unknown: [unknown.next(), unknown.next()],
        }
    }

    /// True if somebody else may have held the lock when this was refused.
    fn explains(&self, refusal: &Operation) -> bool {
        let before = |moment_ns: &u64| *moment_ns < refusal.returned_ns;
        let somebody_asked = self
            .unknown
            .iter()
            .flatten()
            .filter(|acquire| !std::ptr::eq(**acquire, refusal))
            .any(|acquire| before(&acquire.invoked_ns));
        let asked = self.grants.partition_point(|(invoked, _)| before(invoked));
        let held = asked > 0 && self.grants[asked - 1].1 >= refusal.invoked_ns;
        somebody_asked || held
    }
}

impl Grant<'_> {
    /// When its owner had heard that it was released.
    fn surely_over_ns(&self) -> u64 {
        let released = self
            .releases
            .iter()
            .filter(|it| matches!(it.outcome, Outcome::Released { .. }));
        let ends = released.map(|release| release.returned_ns);
        ends.min().unwrap_or(u64::MAX)
    }

    /// True if its lease cannot have ended by a moment, when a revision was taken.
    fn holds_at(&self, moment_ns: u64, below: u64) -> bool {
        let counts = |began: &Operation| match &began.outcome {
            Outcome::Renewed {
                revision: Some(revision),
                ..
            } => *revision < below,
            Outcome::Renewed { revision: None, .. } => began.invoked_ns < moment_ns,
            _ => true,
        };
        self.lease_until_ns(counts) > moment_ns
    }

    /// True if it was the holder's from before an operation began until after it had ended.
    fn surely_holds_over(&self, operation: &Operation) -> bool {
        let nobody_released = self
            .releases
            .iter()
            .all(|release| release.invoked_ns > operation.returned_ns);
        let counts = |began: &Operation| began.invoked_ns < operation.returned_ns;
        self.acquire.returned_ns < operation.invoked_ns
            && nobody_released
            && self.lease_until_ns(counts) > operation.returned_ns
    }

    /// The earliest end of its lease, counting only some of what set it: a renewal replaces the
    /// lease, be it by a shorter one. One whose answer was lost may come at any time.
    fn lease_until_ns(&self, counts: impl Fn(&Operation) -> bool) -> u64 {
        let counted = self.leases.iter().filter(|(began, _)| counts(began));
        let (unknown, known): (Vec<_>, Vec<_>) = counted.partition(|(began, _)| began.is_unknown());
        let last = known.iter().max_by_key(|(began, _)| began.invoked_ns);
        let ends = last.into_iter().chain(&unknown);
        let ends = ends.map(|(began, ttl_ms)| lease_end_ns(began, *ttl_ms));
        ends.min().unwrap_or(0)
    }
}

/// No lease that began with this operation ends earlier.
fn lease_end_ns(began: &Operation, ttl_ms: u64) -> u64 {
    if ttl_ms == 0 {
        return u64::MAX;
    }
    let lease_ns = ttl_ms.saturating_mul(1_000_000 * LEASE_PERCENT / 100);
    began.invoked_ns.saturating_add(lease_ns)
}
