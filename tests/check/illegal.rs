//! Histories that cannot be, each with the rule it breaks, and whether the search, which sees
//! neither revisions nor locks, has to find it, too.

use crate::check::history::{Action, Condition, Operation, Outcome};
use crate::check::verdict::Rule;
use crate::tale::{
    absent, acquire, acquired, delete, deleted, failed, found, get, has_order, is, not_acquired,
    not_written, op, release, released, replayed, set, set_fenced, set_if, unknown, written,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Search {
    Finds,
    CannotSee,
}
use Search::{CannotSee, Finds};

#[track_caller]
fn breaks(rule: Rule, search: Search, history: &[Operation]) {
    let rules = replayed(history);
    assert!(rules.contains(&rule), "{rule:?} was expected: {rules:?}");
    assert_eq!(!has_order(history), search == Finds, "the search");
}

#[test]
fn a_lost_write() {
    breaks(
        Rule::State,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(2, 20, 30, get("a"), absent(1)),
        ],
    );
}

#[test]
fn a_lost_write_whose_revision_is_given_again() {
    breaks(
        Rule::RevisionTwice,
        CannotSee,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(1, 20, 30, set("a", "y"), written(1)),
            op(2, 40, 50, get("a"), found("y", 1, 1)),
        ],
    );
}

#[test]
fn a_stale_read_that_admits_it() {
    breaks(
        Rule::Order,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(1, 20, 30, set("a", "y"), written(2)),
            op(2, 40, 50, get("a"), found("x", 1, 1)),
        ],
    );
}

#[test]
fn a_stale_read_that_claims_to_be_new() {
    breaks(
        Rule::State,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(1, 20, 30, set("a", "y"), written(2)),
            op(2, 40, 50, get("a"), found("x", 1, 2)),
        ],
    );
}

#[test]
fn a_stale_read_without_a_revision() {
    let unplaced = Outcome::Read {
        found: None,
        revision: None,
    };
    breaks(
        Rule::State,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(2, 40, 50, get("a"), unplaced),
        ],
    );
}

#[test]
fn reads_that_go_back() {
    breaks(
        Rule::Order,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(1, 20, 90, set("a", "y"), written(2)),
            op(2, 30, 40, get("a"), found("y", 2, 2)),
            op(3, 50, 60, get("a"), found("x", 1, 1)),
        ],
    );
}

#[test]
fn a_write_applied_twice() {
    breaks(
        Rule::AppliedTwice,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(2, 20, 30, set("a", "y"), written(2)),
            op(2, 40, 50, get("a"), found("x", 3, 3)),
        ],
    );
}

#[test]
fn a_write_without_an_answer_applied_twice() {
    breaks(
        Rule::AppliedTwice,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), unknown()),
            op(2, 20, 30, get("a"), found("x", 1, 1)),
            op(2, 40, 50, delete("a"), deleted(2)),
            op(2, 60, 70, get("a"), found("x", 3, 3)),
        ],
    );
}

#[test]
fn a_write_applied_twice_that_nobody_reads_in_between() {
    breaks(
        Rule::Unexplained,
        CannotSee,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(1, 20, 30, set("b", "y"), written(3)),
            op(2, 40, 50, get("b"), found("y", 3, 3)),
        ],
    );
}

#[test]
fn a_read_from_the_future() {
    breaks(
        Rule::Future,
        Finds,
        &[
            op(2, 0, 10, get("a"), found("x", 1, 1)),
            op(1, 20, 30, set("a", "x"), written(1)),
        ],
    );
}

#[test]
fn a_value_nobody_wrote() {
    let history = [
        op(1, 0, 10, set("a", "x"), written(1)),
        op(2, 20, 30, get("a"), found("z", 1, 1)),
    ];
    breaks(Rule::Invented, Finds, &history);
}

#[test]
fn a_value_of_another_key() {
    breaks(
        Rule::Invented,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(2, 20, 30, get("b"), found("x", 1, 1)),
        ],
    );
}

#[test]
fn a_write_that_failed_and_is_there() {
    breaks(
        Rule::FailedButThere,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), failed()),
            op(2, 20, 30, get("a"), found("x", 1, 1)),
        ],
    );
}

#[test]
fn a_conditional_set_that_should_have_failed() {
    breaks(
        Rule::Condition,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(1, 20, 30, set("a", "y"), written(2)),
            op(2, 40, 50, set_if("a", "z", is("x")), written(3)),
        ],
    );
}

#[test]
fn two_that_both_created_a_key() {
    breaks(
        Rule::Condition,
        Finds,
        &[
            op(1, 0, 30, set_if("a", "x", Condition::Absent), written(1)),
            op(2, 10, 40, set_if("a", "y", Condition::Absent), written(2)),
        ],
    );
}

#[test]
fn a_conditional_set_that_should_have_succeeded() {
    breaks(
        Rule::State,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(2, 20, 30, set_if("a", "y", is("x")), not_written(1)),
        ],
    );
}

#[test]
fn a_key_deleted_twice() {
    breaks(
        Rule::Condition,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(1, 20, 40, delete("a"), deleted(2)),
            op(2, 20, 40, delete("a"), deleted(3)),
        ],
    );
}

#[test]
fn a_delete_that_came_undone() {
    breaks(
        Rule::State,
        Finds,
        &[
            op(1, 0, 10, set("a", "x"), written(1)),
            op(1, 20, 30, delete("a"), deleted(2)),
            op(2, 40, 50, get("a"), found("x", 1, 2)),
        ],
    );
}

#[test]
fn writes_whose_revisions_are_not_in_the_order_of_time() {
    breaks(
        Rule::Order,
        CannotSee,
        &[
            op(1, 0, 10, set("a", "x"), written(2)),
            op(1, 20, 30, set("b", "y"), written(1)),
        ],
    );
}

#[test]
fn a_write_without_an_answer_at_a_revision_before_it_began() {
    breaks(
        Rule::Order,
        CannotSee,
        &[
            op(1, 0, 10, set("a", "x"), written(2)),
            op(1, 20, 30, set("b", "y"), unknown()),
            op(2, 40, 50, get("b"), found("y", 1, 2)),
        ],
    );
}

#[test]
fn two_holders() {
    breaks(
        Rule::TwoHolders,
        CannotSee,
        &[
            op(1, 0, 10, acquire("l", "alice", 100), acquired(1)),
            op(2, 20, 30, acquire("l", "bob", 100), acquired(2)),
        ],
    );
}

#[test]
fn two_holders_though_the_first_had_renewed() {
    let renew = Action::Renew {
        lock: "l".to_owned(),
        owner: "alice".to_owned(),
        ttl_ms: 500,
    };
    let renewed = Outcome::Renewed {
        fence: 1,
        revision: Some(2),
    };
    breaks(
        Rule::TwoHolders,
        CannotSee,
        &[
            op(1, 0, 10, acquire("l", "alice", 50), acquired(1)),
            op(1, 20, 30, renew, renewed),
            op(2, 200, 210, acquire("l", "bob", 900), acquired(4)),
        ],
    );
}

#[test]
fn two_holders_of_a_lock_that_never_ends() {
    breaks(
        Rule::TwoHolders,
        CannotSee,
        &[
            op(1, 0, 10, acquire("l", "alice", 0), acquired(1)),
            op(2, 900_000, 900_010, acquire("l", "bob", 0), acquired(3)),
        ],
    );
}

#[test]
fn a_fence_that_goes_back() {
    breaks(
        Rule::Fence,
        CannotSee,
        &[
            op(1, 0, 10, acquire("l", "alice", 100), acquired(3)),
            op(1, 20, 30, release("l", "alice"), released(4)),
            op(2, 40, 50, acquire("l", "bob", 100), acquired(2)),
        ],
    );
}

#[test]
fn a_fence_that_is_given_twice() {
    breaks(
        Rule::Fence,
        CannotSee,
        &[
            op(1, 0, 10, acquire("l", "alice", 100), acquired(1)),
            op(1, 20, 30, release("l", "alice"), unknown()),
            op(2, 25, 50, acquire("l", "bob", 100), acquired(1)),
        ],
    );
}

#[test]
fn a_write_under_the_fence_of_an_earlier_holder() {
    breaks(
        Rule::StaleFence,
        CannotSee,
        &[
            op(1, 0, 10, acquire("l", "alice", 100), acquired(1)),
            op(2, 110, 120, acquire("l", "bob", 100), acquired(3)),
            op(1, 130, 140, set_fenced("a", "x", "l", 1), written(4)),
        ],
    );
}

#[test]
fn a_write_under_the_fence_of_a_lock_that_was_released() {
    breaks(
        Rule::StaleFence,
        CannotSee,
        &[
            op(1, 0, 10, acquire("l", "alice", 100), acquired(1)),
            op(1, 20, 30, release("l", "alice"), released(2)),
            op(1, 40, 50, set_fenced("a", "x", "l", 1), written(3)),
        ],
    );
}

#[test]
fn a_lock_that_was_refused_though_nobody_held_it() {
    breaks(
        Rule::Refused,
        CannotSee,
        &[
            op(1, 0, 10, acquire("l", "alice", 100), acquired(1)),
            op(1, 20, 30, release("l", "alice"), released(2)),
            op(2, 40, 50, acquire("l", "bob", 100), not_acquired(2)),
        ],
    );
}

#[test]
fn a_holder_whose_write_was_refused() {
    breaks(
        Rule::Refused,
        CannotSee,
        &[
            op(1, 0, 10, acquire("l", "alice", 100), acquired(1)),
            op(1, 20, 30, set_fenced("a", "x", "l", 1), Outcome::FenceStale),
        ],
    );
}
