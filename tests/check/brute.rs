//! The search against one without any cleverness, on small random histories, most of them
//! illegal: both must always agree.

use std::collections::BTreeMap;

use crate::check::dice::Dice;
use crate::check::history::{Action, Condition, Operation, Outcome};
use crate::tale::{
    absent, delete, deleted, found, get, has_order, is, not_deleted, not_written, op, set, set_if,
    unknown, written,
};

/// Whether any order explains the answers: tries them all.
fn any_order(left: &BTreeMap<usize, &Operation>, state: Option<&str>) -> bool {
    let must = |it: &&Operation| !it.is_unknown();
    if !left.values().any(must) {
        return true;
    }
    let first_end = left.values().filter(|it| must(it)).map(|it| it.returned_ns);
    let first_end = first_end.min().unwrap_or(u64::MAX);
    left.iter().any(|(at, operation)| {
        let mut rest = left.clone();
        rest.remove(at);
        operation.invoked_ns <= first_end
            && after(operation, state).is_some_and(|state| any_order(&rest, state))
    })
}

/// The state after an operation, if its answer fits the state before.
fn after<'a>(operation: &'a Operation, state: Option<&'a str>) -> Option<Option<&'a str>> {
    let holds = |condition: &Option<Condition>| match condition {
        None => true,
        Some(Condition::Absent) => state.is_none(),
        Some(Condition::Value(value)) => state == Some(value),
        Some(_) => unreachable!("not drawn here"),
    };
    match (&operation.action, &operation.outcome) {
        (Action::Get { .. }, Outcome::Read { found, .. }) => {
            (found.as_ref().map(|found| found.value.as_str()) == state).then_some(state)
        }
        (Action::Set { condition, .. }, Outcome::NotWritten { .. }) => {
            (!holds(condition)).then_some(state)
        }
        (
            Action::Set {
                condition, value, ..
            },
            _,
        ) => holds(condition).then_some(Some(value)),
        (Action::Delete { .. }, Outcome::NotDeleted { .. }) => state.is_none().then_some(state),
        (Action::Delete { .. }, _) => state.is_some().then_some(None),
        _ => unreachable!("not drawn here"),
    }
}

fn draw(dice: &mut Dice) -> Vec<Operation> {
    let values = ["v0", "v1", "v2", "v3", "v4", "v5", "v6"];
    let count = usize::try_from(dice.within(2, 7)).unwrap();
    let mut draw_one = |at: usize| {
        let from = dice.below(20);
        let to = from + dice.below(12);
        let other = *dice.pick(&values[..count]);
        let (action, outcome) = match dice.below(10) {
            0 | 1 => (get("a"), absent(0)),
            2..=4 => (get("a"), found(other, 0, 0)),
            5 if dice.percent(50) => (delete("a"), deleted(0)),
            5 => (delete("a"), not_deleted(0)),
            6 => (set_if("a", values[at], is(other)), written(0)),
            7 => (set_if("a", values[at], Condition::Absent), not_written(0)),
            _ => (set("a", values[at]), written(0)),
        };
        let is_write = !matches!(action, Action::Get { .. });
        let outcome = if is_write && dice.percent(25) {
            unknown()
        } else {
            outcome
        };
        op(u32::try_from(at).unwrap(), from, to, action, outcome)
    };
    (0..count).map(&mut draw_one).collect()
}

#[test]
fn the_search_agrees_with_trying_every_order() {
    let mut dice = Dice::new(7);
    let (mut legal, mut illegal) = (0, 0);
    for round in 0..60_000 {
        let history = draw(&mut dice);
        let expected = any_order(&history.iter().enumerate().collect(), None);
        assert_eq!(has_order(&history), expected, "round {round}: {history:#?}");
        legal += u32::from(expected);
        illegal += u32::from(!expected);
    }
    assert!(legal > 5_000 && illegal > 5_000, "{legal} {illegal}");
}
