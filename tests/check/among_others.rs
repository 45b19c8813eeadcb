//! The replay of a history in a shard that others write to as well: their revisions stand between
//! ours, and nothing that is wrong with ours hides behind them.

use serde_json::Value;

use crate::check::dice::Dice;
use crate::check::history::{Action, Condition, Operation, Outcome};
use crate::check::replay;
use crate::check::verdict::Rule;
use crate::simulated::{Defect, World, play};
use crate::tale::{
    absent, acquire, acquired, found, get, is, op, release, released, set, set_fenced, set_if,
    unknown, written,
};

const WORLD: World = World {
    clients: 6,
    keys: 4,
    operations: 400,
    unanswered_percent: 5,
    defect: Defect::None,
};

/// The same history, had others changed other keys all the time.
fn with_others(history: &[Operation], seed: u64) -> Vec<Operation> {
    let mut dice = Dice::new(seed);
    let mut places = vec![dice.below(1_000)];
    let mut place = |revision: u64| {
        let at = usize::try_from(revision).unwrap();
        while places.len() <= at {
            let last = *places.last().unwrap();
            places.push(last + dice.within(1, 5));
        }
        places[at]
    };
    let mut moved = |operation: &Operation| {
        let mut json = serde_json::to_value(operation).unwrap();
        move_revisions(&mut json, &mut place);
        serde_json::from_value(json).unwrap()
    };
    history.iter().map(&mut moved).collect()
}

fn move_revisions(json: &mut Value, place: &mut impl FnMut(u64) -> u64) {
    let Value::Object(fields) = json else { return };
    for (name, value) in fields {
        match value.as_u64() {
            Some(revision) if matches!(name.as_str(), "revision" | "fence" | "token") => {
                *value = place(revision).into();
            }
            _ => move_revisions(value, place),
        }
    }
}

fn rules(history: &[Operation]) -> Vec<Rule> {
    let violations = replay::check_among_others(history);
    violations.iter().map(|violation| violation.rule).collect()
}

#[test]
fn the_revisions_of_others_are_no_defect() {
    for seed in 0..150 {
        let history = with_others(&play(seed, WORLD), seed);
        assert_eq!(rules(&history), [], "seed {seed}");
        let alone = replay::check(&history, 0);
        assert!(
            alone.iter().all(|it| it.rule == Rule::Unexplained) && !alone.is_empty(),
            "without others there would be something to explain"
        );
    }
}

/// In how many of 40 histories a defect is seen.
fn seen(defect: Defect) -> u32 {
    let is_seen = |seed: &u64| {
        let history = play(*seed, World { defect, ..WORLD });
        !rules(&with_others(&history, *seed)).is_empty()
    };
    (0..40).map(|seed| u32::from(is_seen(&seed))).sum()
}

#[test]
fn every_defect_is_seen_among_others() {
    for (defect, at_least) in [
        (Defect::LosesWrites, 38),
        (Defect::AppliesTwice, 34),
        (Defect::ReadsThePast, 38),
        (Defect::ReadsThePastAsNow, 38),
        (Defect::IgnoresConditions, 38),
        (Defect::AppliesFailures, 34),
        (Defect::UndoesDeletes, 38),
        (Defect::RepeatsRevisions, 40),
        (Defect::GrantsHeldLocks, 40),
        (Defect::IgnoresFences, 25),
    ] {
        let seen = seen(defect);
        assert!(seen >= at_least, "{defect:?}: {seen} of 40");
    }
}

#[track_caller]
fn breaks(rule: Rule, history: &[Operation]) {
    let rules = rules(history);
    assert!(rules.contains(&rule), "{rule:?} was expected: {rules:?}");
}

#[test]
fn a_stale_read_that_admits_it() {
    breaks(
        Rule::Order,
        &[
            op(1, 0, 10, set("a", "x"), written(17)),
            op(1, 20, 30, set("a", "y"), written(40)),
            op(2, 40, 50, get("a"), found("x", 17, 33)),
        ],
    );
}

#[test]
fn a_stale_read_that_claims_to_be_new() {
    breaks(
        Rule::State,
        &[
            op(1, 0, 10, set("a", "x"), written(17)),
            op(1, 20, 30, set("a", "y"), written(40)),
            op(2, 40, 50, get("a"), found("x", 17, 44)),
        ],
    );
}

#[test]
fn a_lost_write() {
    breaks(
        Rule::State,
        &[
            op(1, 0, 10, set("a", "x"), written(17)),
            op(2, 20, 30, get("a"), absent(90)),
        ],
    );
}

#[test]
fn a_condition_on_what_was_not_there_before() {
    breaks(
        Rule::Condition,
        &[
            op(1, 0, 10, set("a", "x"), written(17)),
            op(1, 20, 30, set("a", "y"), written(40)),
            op(2, 40, 50, set_if("a", "z", is("x")), written(55)),
        ],
    );
    let unchanged = Condition::Unchanged {
        revision: 17,
        value: "x".to_owned(),
    };
    breaks(
        Rule::Condition,
        &[
            op(1, 0, 10, set("a", "x"), written(17)),
            op(1, 20, 30, set("a", "y"), written(40)),
            op(2, 40, 50, set_if("a", "z", unchanged), written(55)),
        ],
    );
}

#[test]
fn fences_that_go_back() {
    breaks(
        Rule::Fence,
        &[
            op(1, 0, 10, acquire("l", "alice", 100), acquired(30)),
            op(1, 20, 30, release("l", "alice"), released(35)),
            op(2, 40, 50, acquire("l", "bob", 100), acquired(20)),
        ],
    );
}

#[test]
fn a_write_under_a_fence_that_is_over() {
    breaks(
        Rule::StaleFence,
        &[
            op(1, 0, 10, acquire("l", "alice", 100), acquired(30)),
            op(2, 110, 120, acquire("l", "bob", 100), acquired(60)),
            op(1, 130, 140, set_fenced("a", "x", "l", 30), written(71)),
        ],
    );
}

#[test]
fn reads_from_the_future() {
    breaks(
        Rule::Future,
        &[
            op(2, 0, 10, get("a"), found("x", 17, 20)),
            op(1, 20, 30, set("a", "x"), written(17)),
        ],
    );
    breaks(
        Rule::Future,
        &[
            op(1, 0, 30, set("a", "x"), written(17)),
            op(2, 20, 40, get("a"), found("x", 17, 12)),
        ],
    );
}

#[test]
fn one_write_at_two_revisions() {
    breaks(
        Rule::AppliedTwice,
        &[
            op(1, 0, 10, set("a", "x"), unknown()),
            op(2, 20, 30, get("a"), found("x", 17, 20)),
            op(2, 40, 50, get("a"), found("x", 34, 40)),
        ],
    );
}

/// Who judges a live server is told what contradicts what, and not only that something does.
#[test]
fn the_counterexample_has_both_sides() {
    let history = [
        op(1, 0, 10, set("b", "w"), written(3)),
        op(1, 20, 30, set("a", "x"), written(17)),
        op(1, 40, 50, set("a", "y"), written(40)),
        op(3, 60, 70, set("b", "v"), written(42)),
        op(2, 80, 90, get("a"), found("x", 17, 33)),
    ];
    let judged = dkv::check::judge(&history);
    let shown = judged.counterexample.expect("it is wrong").operations;
    let has = |wanted: &Operation| shown.contains(wanted);
    assert!(
        has(&history[1]) && has(&history[2]) && has(&history[4]),
        "{shown:?}"
    );
    assert!(shown.is_sorted_by_key(|it| it.invoked_ns));
    let get_back = |it: &&Operation| matches!(it.action, Action::Get { .. });
    let read = shown.iter().find(get_back).expect("it is the wrong one");
    assert!(matches!(read.outcome, Outcome::Read { .. }));
}
