//! The operations on one key in the form the search works with: numbers for values, slots for
//! operations under way, classes for writes without an answer.

use std::collections::{HashMap, HashSet};

use crate::check::history::{Action, Condition, Operation, Outcome};

/// What a key holds: nothing, something nobody ever saw, or a value.
pub(super) type State = u32;

pub(super) const ABSENT: State = 0;
pub(super) const UNSEEN: State = 1;

/// One operation as a step from state to state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Step {
    /// The state was this.
    Was(State),
    /// The state was not this, and nothing changed.
    WasNot(State),
    /// Was there, then gone.
    Remove,
    /// The state becomes this, if the condition holds.
    Become(State, When),
}

/// The condition of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum When {
    Always,
    Is(State),
    IsNot(State),
}

/// What happens, in time order.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    Invoked(usize),
    Returned(usize),
}

/// An operation of the key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// It has an answer, and a slot while it is under way.
    Answered { step: Step, slot: u32 },
    /// Nobody knows; one of a class of equals.
    Open { class: usize },
}

pub(super) struct KeyHistory {
    pub(super) operations: Vec<Kind>,
    /// The step of each class of writes without an answer.
    pub(super) classes: Vec<Step>,
    events: Vec<Event>,
}

impl Step {
    /// The state after it, if it can follow `state`.
    pub(super) fn after(self, state: State) -> Option<State> {
        match self {
            Self::Was(expected) => (state == expected).then_some(state),
            Self::WasNot(other) => (state != other).then_some(state),
            Self::Remove => (state != ABSENT).then_some(ABSENT),
            Self::Become(new, when) => when.holds(state).then_some(new),
        }
    }

    /// True if it never changes anything.
    pub(super) fn is_look(self) -> bool {
        matches!(self, Self::Was(_) | Self::WasNot(_))
    }
}

impl When {
    fn holds(self, state: State) -> bool {
        match self {
            Self::Always => true,
            Self::Is(expected) => state == expected,
            Self::IsNot(other) => state != other,
        }
    }
}

impl KeyHistory {
    /// `None` if more operations are under way at once than are told apart.
    pub(super) fn new(operations: &[&Operation]) -> Option<Self> {
        let events = events(operations);
        let slots = slots(operations, &events)?;
        let mut values = Values::of(operations);
        let mut classes: Vec<Step> = Vec::new();
        let mut kinds = Vec::new();
        for (at, operation) in operations.iter().enumerate() {
            let step = step(operation, &mut values);
            kinds.push(if operation.is_unknown() {
                let known = classes.iter().position(|class| *class == step);
                let class = known.unwrap_or_else(|| {
                    classes.push(step);
                    classes.len() - 1
                });
                Kind::Open { class }
            } else {
                let slot = slots[at];
                Kind::Answered { step, slot }
            });
        }
        Some(Self {
            operations: kinds,
            classes,
            events,
        })
    }

    pub(super) fn events(&self) -> impl Iterator<Item = Event> {
        self.events.iter().copied()
    }
}

/// Invocations before returns of the same moment: what touches overlaps.
fn events(operations: &[&Operation]) -> Vec<Event> {
    let mut events = Vec::new();
    for (at, operation) in operations.iter().enumerate() {
        events.push((operation.invoked_ns, 0, Event::Invoked(at)));
        if !operation.is_unknown() {
            events.push((operation.returned_ns, 1, Event::Returned(at)));
        }
    }
    events.sort_by_key(|(time, order, _)| (*time, *order));
    events.into_iter().map(|(_, _, event)| event).collect()
}

/// A number for each operation that no other has while it is under way.
fn slots(operations: &[&Operation], events: &[Event]) -> Option<Vec<u32>> {
    let mut slots = vec![0; operations.len()];
    let mut free: Vec<u32> = (0..u128::BITS).rev().collect();
    for event in events {
        match event {
            Event::Invoked(at) if !operations[*at].is_unknown() => {
                slots[*at] = free.pop()?;
            }
            Event::Invoked(_) => {}
            Event::Returned(at) => free.push(slots[*at]),
        }
    }
    Some(slots)
}

/// Numbers for values. Those that no answer and no condition names are all the same.
struct Values<'a> {
    named: HashSet<&'a str>,
    numbers: HashMap<&'a str, State>,
}

impl<'a> Values<'a> {
    fn of(operations: &[&'a Operation]) -> Self {
        let mut named = HashSet::new();
        for operation in operations {
            if let Outcome::Read {
                found: Some(found), ..
            } = &operation.outcome
            {
                named.insert(found.value.as_str());
            }
            if let Action::Set {
                condition: Some(Condition::Value(value) | Condition::Unchanged { value, .. }),
                ..
            } = &operation.action
            {
                named.insert(value);
            }
        }
        Self {
            named,
            numbers: HashMap::new(),
        }
    }

    fn number(&mut self, value: &'a str) -> State {
        if !self.named.contains(value) {
            return UNSEEN;
        }
        let next = UNSEEN + 1 + u32::try_from(self.numbers.len()).expect("a history fits memory");
        *self.numbers.entry(value).or_insert(next)
    }
}

fn step<'a>(operation: &'a Operation, values: &mut Values<'a>) -> Step {
    let failed = matches!(operation.outcome, Outcome::NotWritten { .. });
    match (&operation.action, &operation.outcome) {
        (Action::Set { condition, .. }, _) if failed => match condition {
            None => panic!("a set without a condition cannot fail by it"),
            Some(Condition::Absent) => Step::WasNot(ABSENT),
            Some(Condition::Present) => Step::Was(ABSENT),
            Some(Condition::Value(value) | Condition::Unchanged { value, .. }) => {
                Step::WasNot(values.number(value))
            }
        },
        (
            Action::Set {
                value, condition, ..
            },
            _,
        ) => {
            let when = match condition {
                None => When::Always,
                Some(Condition::Absent) => When::Is(ABSENT),
                Some(Condition::Present) => When::IsNot(ABSENT),
                Some(Condition::Value(value) | Condition::Unchanged { value, .. }) => {
                    When::Is(values.number(value))
                }
            };
            Step::Become(values.number(value), when)
        }
        (Action::Delete { .. }, Outcome::NotDeleted { .. }) => Step::Was(ABSENT),
        (Action::Delete { .. }, _) => Step::Remove,
        (
            _,
            Outcome::Read {
                found: Some(found), ..
            },
        ) => Step::Was(values.number(&found.value)),
        _ => Step::Was(ABSENT),
    }
}
