//! Every command on every shape a lock can have, as one table.

use super::*;

const NOW: MachineTime = MachineTime(1_000);
const NEXT: Revision = Revision(50);
const HOLDER: OwnerId = OwnerId([1; 16]);
const FIRST: OwnerId = OwnerId([2; 16]);
const SECOND: OwnerId = OwnerId([3; 16]);
const OTHER: OwnerId = OwnerId([9; 16]);

fn waiter(owner: OwnerId, wait_until: u64) -> Waiter {
    Waiter {
        owner,
        ttl_ms: 300,
        wait_until: MachineTime(wait_until),
    }
}

/// Held since 900 with fence 40, claimed, until 1,500.
fn held(queue: &[Waiter]) -> Lock {
    Lock {
        owner: HOLDER,
        fence: FenceToken(40),
        granted_at: MachineTime(900),
        lease_until: Some(MachineTime(1_500)),
        claim_by: None,
        queue: queue.iter().copied().collect(),
    }
}

fn unclaimed(queue: &[Waiter]) -> Lock {
    Lock {
        lease_until: None,
        claim_by: Some(MachineTime(1_200)),
        ..held(queue)
    }
}

/// As the queue's first waiter gets it.
fn passed_on(rest: &[Waiter]) -> Lock {
    Lock {
        owner: FIRST,
        fence: FenceToken(NEXT.0),
        granted_at: NOW,
        lease_until: None,
        claim_by: Some(NOW.plus_ms(LOCK_CLAIM_MS)),
        queue: rest.iter().copied().collect(),
    }
}

fn acquire(owner: OwnerId, ttl_ms: u64, wait: Timer) -> LockCommand {
    LockCommand::Acquire {
        owner,
        ttl_ms,
        wait,
    }
}

fn until(ms: u64) -> Timer {
    Timer::At(MachineTime(ms))
}

struct Case {
    name: &'static str,
    lock: Option<Lock>,
    command: LockCommand,
    after: Option<Lock>,
    change: Change,
    answer: Answer,
}

#[track_caller]
fn check(cases: Vec<Case>) {
    for case in cases {
        let (step, answer) = apply(case.lock, &case.command, NOW, NEXT);
        assert_eq!(answer, case.answer, "the answer to {}", case.name);
        assert_eq!(step.change, case.change, "the change by {}", case.name);
        assert_eq!(step.lock, case.after, "the lock after {}", case.name);
    }
}

macro_rules! cases {
    ($($name:literal: $lock:expr, $command:expr => $after:expr, $change:expr, $answer:expr;)*) => {
        check(vec![$(Case {
            name: $name,
            lock: $lock,
            command: $command,
            after: $after,
            change: $change,
            answer: $answer,
        }),*])
    };
}

#[test]
fn acquiring() {
    let queue = [waiter(FIRST, 2_000), waiter(SECOND, 3_000)];
    let granted = Answer::Granted(FenceToken(40));
    let fresh = |lease_until| Lock {
        owner: OTHER,
        fence: FenceToken(50),
        granted_at: NOW,
        lease_until,
        claim_by: None,
        queue: [].into(),
    };
    let claimed = |lease_until| Lock {
        lease_until,
        ..held(&queue)
    };
    cases! {
        "acquire of a free lock":
            None, acquire(OTHER, 300, Timer::Never)
            => Some(fresh(Some(MachineTime(1_300)))), Change::Holder, Answer::Granted(FenceToken(50));
        "acquire of a free lock for ever":
            None, acquire(OTHER, 0, until(2_000))
            => Some(fresh(None)), Change::Holder, Answer::Granted(FenceToken(50));
        "acquire again by the holder":
            Some(held(&queue)), acquire(HOLDER, 777, until(2_000))
            => Some(held(&queue)), Change::None, granted;
        "claim":
            Some(unclaimed(&queue)), acquire(HOLDER, 250, Timer::Never)
            => Some(claimed(Some(MachineTime(1_250)))), Change::Holder, granted;
        "claim for ever":
            Some(unclaimed(&queue)), acquire(HOLDER, 0, Timer::Never)
            => Some(claimed(None)), Change::Holder, granted;
        "acquire of a held lock without a wait":
            Some(held(&queue)), acquire(OTHER, 300, Timer::Never)
            => Some(held(&queue)), Change::None, Answer::Held;
        "acquire of a held lock with a wait that is over":
            Some(held(&queue)), acquire(OTHER, 300, until(1_000))
            => Some(held(&queue)), Change::None, Answer::Held;
        "acquire with a wait":
            Some(held(&queue[..1])), acquire(SECOND, 300, until(3_000))
            => Some(held(&queue)), Change::Queue, Answer::Queued;
        "acquire again by a waiter keeps its place":
            Some(held(&[waiter(FIRST, 1_100), queue[1]])), acquire(FIRST, 300, until(2_000))
            => Some(held(&queue)), Change::Queue, Answer::Queued;
        "the very same acquire by a waiter":
            Some(held(&queue)), acquire(FIRST, 300, until(2_000))
            => Some(held(&queue)), Change::None, Answer::Queued;
        "acquire by a waiter that waits no longer":
            Some(held(&queue)), acquire(FIRST, 300, until(999))
            => Some(held(&queue[1..])), Change::Queue, Answer::Held;
    }
}

#[test]
fn a_full_queue_refuses_newcomers_only() {
    let number = |n: usize| OwnerId((1_000 + n as u128).to_be_bytes());
    let queue: Vec<_> = (0..LOCK_WAITERS_MAX)
        .map(|n| waiter(number(n), 2_000))
        .collect();
    let full = Some(held(&queue));
    cases! {
        "acquire into a full queue":
            full.clone(), acquire(OTHER, 300, until(2_000))
            => full.clone(), Change::None, Answer::QueueFull;
        "acquire again in a full queue":
            full.clone(), acquire(number(7), 300, until(2_000))
            => full, Change::None, Answer::Queued;
    }
}

#[test]
fn renewing() {
    let queue = [waiter(FIRST, 2_000)];
    let renew = |owner, ttl_ms| LockCommand::Renew { owner, ttl_ms };
    let renewed = |lease_until| Lock {
        lease_until,
        ..held(&queue)
    };
    let answer = Answer::Renewed(FenceToken(40));
    cases! {
        "renew of a free lock": None, renew(OTHER, 300) => None, Change::None, Answer::NotHolder;
        "renew":
            Some(held(&queue)), renew(HOLDER, 900)
            => Some(renewed(Some(MachineTime(1_900)))), Change::Holder, answer;
        "renew for ever":
            Some(held(&queue)), renew(HOLDER, 0) => Some(renewed(None)), Change::Holder, answer;
        "renew claims":
            Some(unclaimed(&queue)), renew(HOLDER, 300)
            => Some(renewed(Some(MachineTime(1_300)))), Change::Holder, answer;
        "renew by a waiter":
            Some(held(&queue)), renew(FIRST, 300)
            => Some(held(&queue)), Change::None, Answer::NotHolder;
        "renew by another":
            Some(held(&queue)), renew(OTHER, 300)
            => Some(held(&queue)), Change::None, Answer::NotHolder;
    }
}

#[test]
fn letting_go() {
    let queue = [waiter(FIRST, 2_000), waiter(SECOND, 3_000)];
    let rest = &queue[1..];
    let release = |owner| LockCommand::Release { owner };
    let cancel = |owner| LockCommand::CancelWait { owner };
    let revoked = Answer::Revoked(FenceToken(40));
    cases! {
        "release of a free lock":
            None, release(OTHER) => None, Change::None, Answer::Released;
        "release":
            Some(held(&[])), release(HOLDER) => None, Change::Holder, Answer::Released;
        "release with waiters":
            Some(held(&queue)), release(HOLDER)
            => Some(passed_on(rest)), Change::PassedOn, Answer::Released;
        "release of an unclaimed grant":
            Some(unclaimed(&queue)), release(HOLDER)
            => Some(passed_on(rest)), Change::PassedOn, Answer::Released;
        "release by a waiter":
            Some(held(&queue)), release(FIRST)
            => Some(held(rest)), Change::Queue, Answer::Released;
        "release by another":
            Some(held(&queue)), release(OTHER)
            => Some(held(&queue)), Change::None, Answer::NotHolder;
        "revoke of a free lock":
            None, LockCommand::Revoke => None, Change::None, Answer::Unchanged;
        "revoke":
            Some(held(&[])), LockCommand::Revoke => None, Change::Holder, revoked;
        "revoke with waiters":
            Some(held(&queue)), LockCommand::Revoke
            => Some(passed_on(rest)), Change::PassedOn, revoked;
        "cancel on a free lock":
            None, cancel(OTHER) => None, Change::None, Answer::Cancelled;
        "cancel by a waiter":
            Some(held(&queue)), cancel(SECOND)
            => Some(held(&queue[..1])), Change::Queue, Answer::Cancelled;
        "cancel of an unclaimed grant":
            Some(unclaimed(&queue)), cancel(HOLDER)
            => Some(passed_on(rest)), Change::PassedOn, Answer::Cancelled;
        "cancel by a holder that claimed":
            Some(held(&queue)), cancel(HOLDER)
            => Some(held(&queue)), Change::None, Answer::Cancelled;
        "cancel by another":
            Some(held(&queue)), cancel(OTHER)
            => Some(held(&queue)), Change::None, Answer::Cancelled;
    }
}

#[test]
fn what_is_due_is_settled_and_nothing_else() {
    let queue = [waiter(FIRST, 2_000), waiter(SECOND, 3_000)];
    let lease_over = |queue: &[Waiter]| Lock {
        lease_until: Some(NOW),
        ..held(queue)
    };
    let claim_over = |queue: &[Waiter]| Lock {
        claim_by: Some(NOW),
        ..unclaimed(queue)
    };
    let gave_up = [waiter(OTHER, 1_000), queue[0], waiter(OTHER, 10), queue[1]];
    let table = [
        (
            "nothing due",
            held(&queue),
            Some(held(&queue)),
            Change::None,
        ),
        (
            "waiters due",
            held(&gave_up),
            Some(held(&queue)),
            Change::Queue,
        ),
        ("a lease due", lease_over(&[]), None, Change::Holder),
        ("a claim due", claim_over(&[]), None, Change::Holder),
        (
            "a lease and its waiters due",
            lease_over(&gave_up),
            Some(passed_on(&queue[1..])),
            Change::PassedOn,
        ),
        (
            "a claim due with waiters",
            claim_over(&queue),
            Some(passed_on(&queue[1..])),
            Change::PassedOn,
        ),
        (
            "a lease due and no waiter left",
            lease_over(&gave_up[..1]),
            None,
            Change::Holder,
        ),
    ];
    for (name, lock, after, change) in table {
        let step = settle(lock, NOW, NEXT);
        assert_eq!((step.lock, step.change), (after, change), "{name}");
    }
}

#[test]
#[should_panic(expected = "must be settled")]
fn a_command_on_a_lock_with_something_due_is_a_defect() {
    let late = Lock {
        lease_until: Some(NOW),
        ..held(&[])
    };
    apply(Some(late), &LockCommand::Revoke, NOW, NEXT);
}
