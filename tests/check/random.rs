//! Long random histories: the legal ones are accepted, and no defect of a server stays unseen.

use crate::check::{replay, search};
use crate::simulated::{Defect, World, play};

const WORLD: World = World {
    clients: 6,
    keys: 4,
    operations: 400,
    unanswered_percent: 5,
    defect: Defect::None,
};

#[test]
fn legal_histories_are_accepted() {
    for seed in 0..150 {
        let history = play(seed, WORLD);
        let violations = replay::check(&history, 0);
        assert!(violations.is_empty(), "seed {seed}: {}", violations[0]);
        let searched = search::check(&history);
        assert!(
            searched.violations.is_empty(),
            "seed {seed}: {}",
            searched.violations[0]
        );
        assert!(searched.undecided.is_empty(), "seed {seed}");
    }
}

#[test]
fn histories_without_revisions_are_accepted_as_well() {
    for seed in 0..50 {
        let mut history = play(seed, WORLD);
        for operation in &mut history {
            forget_revision(&mut operation.outcome);
        }
        let violations = replay::check(&history, 0);
        assert!(violations.is_empty(), "seed {seed}: {}", violations[0]);
    }
}

fn forget_revision(outcome: &mut crate::check::history::Outcome) {
    use crate::check::history::Outcome::{NotAcquired, NotDeleted, NotWritten, Read, Released};
    if let Read { revision, .. }
    | NotWritten { revision }
    | NotDeleted { revision }
    | NotAcquired { revision }
    | Released { revision } = outcome
    {
        *revision = None;
    }
}

/// In how many of 40 histories a defect is seen, by the replay and by the search.
fn seen(defect: Defect) -> (u32, u32) {
    let (mut replayed, mut searched) = (0, 0);
    for seed in 0..40 {
        let history = play(seed, World { defect, ..WORLD });
        replayed += u32::from(!replay::check(&history, 0).is_empty());
        searched += u32::from(!search::check(&history).violations.is_empty());
    }
    (replayed, searched)
}

#[test]
fn every_defect_of_keys_is_seen_by_both() {
    for defect in [
        Defect::LosesWrites,
        Defect::AppliesTwice,
        Defect::ReadsThePast,
        Defect::ReadsThePastAsNow,
        Defect::IgnoresConditions,
        Defect::AppliesFailures,
        Defect::UndoesDeletes,
    ] {
        let seen = seen(defect);
        assert!(seen.0 >= 38 && seen.1 >= 34, "{defect:?}: {seen:?} of 40");
    }
}

#[test]
fn every_defect_of_revisions_and_locks_is_seen_by_the_replay() {
    // A stale fence shows only if the release before it was heard of, and nobody holds the lock
    // by then, or somebody else does.
    for (defect, at_least) in [
        (Defect::RepeatsRevisions, 40),
        (Defect::GrantsHeldLocks, 40),
        (Defect::IgnoresFences, 25),
    ] {
        let seen = seen(defect);
        assert!(seen.0 >= at_least, "{defect:?}: {seen:?} of 40");
    }
}

#[test]
fn thousands_of_operations_on_one_key_are_searched() {
    let world = World {
        clients: 8,
        keys: 1,
        operations: 5_000,
        unanswered_percent: 2,
        defect: Defect::None,
    };
    let history = play(1, world);
    let searched = search::check(&history);
    assert!(searched.violations.is_empty() && searched.undecided.is_empty());
    assert!(searched.operations > 3_000);
}
