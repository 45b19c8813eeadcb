//! A client that appends to lists in optimistic transactions of the library, which read at one
//! revision, and are tried again if somebody was faster.

use bytes::Bytes;
use dkv::base::{Error, ErrorKind};
use dkv::client::{Client, Transaction as Optimistic};

use crate::check::dice::Dice;
use crate::check::txn::player::{Part, elements_in, lists_in_use};
use crate::check::txn::told::{End, Step};
use crate::wire::{bytes, text};

/// See the module.
#[derive(Debug)]
pub(crate) struct Author {
    client: Client,
    number: u32,
    turns: u64,
}

impl Author {
    pub(crate) fn new(client: Client, number: u32) -> Self {
        let turns = 0;
        Self {
            client,
            number,
            turns,
        }
    }

    /// Reads two lists, and appends to one of them.
    pub(crate) async fn turn(&mut self, dice: &mut Dice) -> Part {
        self.turns += 1;
        let lists = lists_in_use(self.turns);
        let (read, appended) = (dice.pick(&lists).clone(), dice.pick(&lists).clone());
        let element = u64::from(self.number) * 1_000_000 + self.turns;
        let done = self
            .client
            .transaction(|tx| append(tx, read.clone(), appended.clone(), element))
            .await;
        let append = Step::Append {
            list: appended,
            element,
        };
        let (steps, end) = match done {
            Ok(mut steps) => {
                steps.push(append);
                (steps, End::Committed)
            }
            Err(error) => (vec![append], ended(&error)),
        };
        Part {
            steps,
            revision: None,
            end,
        }
    }
}

async fn append(
    tx: Optimistic,
    read: String,
    appended: String,
    element: u64,
) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    for list in [&read, &appended] {
        let elements = elements_of(tx.get(bytes(list)).await?);
        let list = list.clone();
        steps.push(Step::Read { list, elements });
    }
    let Some(Step::Read { elements, .. }) = steps.last() else {
        unreachable!("it was just pushed");
    };
    let all = elements.iter().chain([&element]);
    let all: Vec<String> = all.map(ToString::to_string).collect();
    tx.set(bytes(&appended), bytes(&all.join(",")));
    Ok(steps)
}

fn elements_of(value: Option<Bytes>) -> Vec<u64> {
    elements_in(&value.map_or_else(String::new, |value| text(&value)))
}

/// What is known of the commit after an error.
fn ended(error: &Error) -> End {
    let why = format!("{:?}: {error}", error.kind());
    match error.kind() {
        ErrorKind::Timeout | ErrorKind::Internal | ErrorKind::Corrupt => End::Unknown { why },
        _ => End::Aborted { why },
    }
}
