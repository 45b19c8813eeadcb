//! Histories that look odd and are legal: condemning one would be a lie.

use crate::check::history::{Action, Condition, Operation, Outcome};
use crate::tale::{
    absent, acquire, acquired, delete, deleted, failed, found, get, get_stale, has_order, is,
    not_acquired, not_deleted, not_written, op, release, released, replayed, set, set_fenced,
    set_if, unknown, written,
};

#[track_caller]
fn is_legal(history: &[Operation]) {
    assert_eq!(replayed(history), [], "the replay condemns it");
    assert!(has_order(history), "the search condemns it");
}

#[test]
fn nothing_at_all() {
    is_legal(&[]);
}

#[test]
fn a_read_under_way_sees_the_old_value_or_the_new_one() {
    is_legal(&[
        op(1, 0, 10, set("a", "x"), written(1)),
        op(1, 20, 60, set("a", "y"), written(2)),
        op(2, 30, 50, get("a"), found("x", 1, 1)),
        op(3, 30, 50, get("a"), found("y", 2, 2)),
    ]);
}

#[test]
fn writes_that_overlap_may_take_any_order() {
    is_legal(&[
        op(1, 0, 50, set("a", "x"), written(2)),
        op(2, 10, 40, set("a", "y"), written(1)),
        op(3, 60, 70, get("a"), found("x", 2, 2)),
    ]);
}

#[test]
fn a_write_without_an_answer_may_show_late_or_never() {
    is_legal(&[
        op(1, 0, 10, set("a", "x"), unknown()),
        op(2, 20, 30, get("a"), absent(0)),
        op(2, 40, 50, get("a"), found("x", 1, 1)),
        op(3, 60, 70, set("a", "never"), unknown()),
        op(2, 80, 90, get("a"), found("x", 1, 1)),
    ]);
}

#[test]
fn a_delete_without_an_answer_explains_an_absence() {
    is_legal(&[
        op(1, 0, 10, set("a", "x"), written(1)),
        op(2, 20, 30, delete("a"), unknown()),
        op(1, 40, 50, get("a"), absent(2)),
        op(1, 60, 70, set_if("a", "y", Condition::Absent), written(3)),
    ]);
}

#[test]
fn a_write_nobody_saw_explains_a_presence() {
    is_legal(&[
        op(1, 0, 10, set("a", "x"), unknown()),
        op(
            2,
            20,
            30,
            set_if("a", "y", Condition::Absent),
            not_written(1),
        ),
        op(2, 40, 50, delete("a"), deleted(2)),
        op(2, 60, 70, delete("a"), not_deleted(2)),
    ]);
}

#[test]
fn conditions_hold_where_they_are_checked() {
    is_legal(&[
        op(1, 0, 10, set("a", "x"), written(1)),
        op(1, 20, 60, set_if("a", "y", is("x")), written(2)),
        op(2, 25, 65, set_if("a", "z", is("x")), not_written(2)),
        op(3, 70, 80, get("a"), found("y", 2, 2)),
    ]);
}

#[test]
fn what_failed_for_sure_is_not_there() {
    is_legal(&[
        op(1, 0, 10, set("a", "x"), failed()),
        op(2, 20, 30, get("a"), absent(0)),
    ]);
}

#[test]
fn a_stale_read_may_be_of_the_past() {
    is_legal(&[
        op(1, 0, 10, set("a", "x"), written(1)),
        op(1, 20, 30, set("a", "y"), written(2)),
        op(2, 40, 50, get_stale("a"), found("x", 1, 1)),
    ]);
}

#[test]
fn reads_without_a_revision_are_placed_where_they_fit() {
    let seen = |outcome| match outcome {
        Outcome::Read { found, .. } => Outcome::Read {
            found,
            revision: None,
        },
        other => other,
    };
    is_legal(&[
        op(1, 0, 10, set("a", "x"), written(1)),
        op(1, 20, 90, delete("a"), deleted(2)),
        op(2, 30, 40, get("a"), seen(found("x", 1, 1))),
        op(2, 50, 60, get("a"), seen(absent(2))),
    ]);
}

#[test]
fn a_lease_ends_and_the_next_owner_has_the_greater_fence() {
    let renew = Action::Renew {
        lock: "l".to_owned(),
        owner: "alice".to_owned(),
        ttl_ms: 100,
    };
    let not_renewed = Outcome::NotRenewed { revision: Some(2) };
    is_legal(&[
        op(1, 0, 10, acquire("l", "alice", 100), acquired(1)),
        op(2, 20, 30, acquire("l", "bob", 100), not_acquired(1)),
        // The end of the lease takes the revision 2.
        op(2, 100, 120, acquire("l", "bob2", 100), acquired(3)),
        op(1, 105, 112, renew, not_renewed),
        op(
            1,
            125,
            130,
            set_fenced("a", "x", "l", 1),
            Outcome::FenceStale,
        ),
        op(2, 135, 140, set_fenced("a", "y", "l", 3), written(4)),
        op(2, 150, 160, release("l", "bob2"), released(5)),
        op(1, 170, 180, acquire("l", "alice2", 100), acquired(6)),
    ]);
}

#[test]
fn a_renewal_replaces_the_lease_by_a_shorter_one() {
    let renew = |ttl_ms| Action::Renew {
        lock: "l".to_owned(),
        owner: "alice".to_owned(),
        ttl_ms,
    };
    let renewed = Outcome::Renewed {
        fence: 1,
        revision: Some(2),
    };
    is_legal(&[
        op(1, 0, 10, acquire("l", "alice", 900), acquired(1)),
        op(1, 20, 30, renew(50), renewed),
        op(2, 80, 90, acquire("l", "bob", 900), acquired(4)),
        op(2, 100, 110, release("l", "bob"), released(5)),
    ]);
    is_legal(&[
        op(1, 0, 10, acquire("l", "alice", 900), acquired(1)),
        op(1, 20, 30, renew(50), unknown()),
        op(2, 80, 90, acquire("l", "bob", 900), acquired(4)),
    ]);
}

#[test]
fn a_release_without_an_answer_may_have_let_the_next_one_in() {
    is_legal(&[
        op(1, 0, 10, acquire("l", "alice", 0), acquired(1)),
        op(1, 20, 30, release("l", "alice"), unknown()),
        op(2, 40, 50, acquire("l", "bob", 0), acquired(3)),
    ]);
}

#[test]
fn an_owner_that_asks_again_is_told_its_fence_again() {
    is_legal(&[
        op(1, 0, 10, acquire("l", "alice", 0), unknown()),
        op(2, 20, 30, set("a", "x"), written(2)),
        op(1, 40, 50, acquire("l", "alice", 0), acquired(1)),
        op(1, 60, 70, acquire("l", "alice", 0), acquired(1)),
    ]);
}
