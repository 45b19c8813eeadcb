//! What players do, and the keys they do it to.

use super::asked::Ask;
use super::bank;

/// What a player does with its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Workload {
    /// Appends to lists and reads them, in transactions over several of them.
    Lists,
    /// Moves money between accounts.
    Bank,
    /// Sets one of two keys if the other is not there.
    Skew,
    /// Adds to counters: alone, in batches, in transactions.
    Sums,
    /// Writes keys of its own, in a bucket of its own that it drops now and then.
    Lane,
}

/// Lists in use at once. They are retired, so that none grows too long to be written whole.
const LISTS: u64 = 4;
/// Turns of one player on one set of lists.
const TURNS_OF_A_GENERATION: u64 = 30;
const PAIRS: u64 = 2;
const COUNTERS: u64 = 3;

impl Workload {
    pub(crate) const ALL: [Self; 5] = [Self::Lists, Self::Bank, Self::Skew, Self::Sums, Self::Lane];

    /// The workload with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "lists" => Self::Lists,
            "bank" => Self::Bank,
            "skew" => Self::Skew,
            "sums" => Self::Sums,
            "lane" => Self::Lane,
            _ => return None,
        })
    }

    /// What must be there before the first turn. It is asked for until it is refused, or done:
    /// asking again changes nothing.
    pub(crate) fn founding(self) -> Option<Ask> {
        (self == Self::Bank).then(|| Ask::Commit {
            unchanged: accounts().into_iter().map(|key| (key, 0)).collect(),
            puts: accounts()
                .into_iter()
                .map(|key| (key, Some(bank::BALANCE.to_string())))
                .collect(),
            adds: Vec::new(),
        })
    }
}

/// The lists of a player's turn.
pub(crate) fn lists_in_use(turn: u64) -> Vec<String> {
    let generation = turn / TURNS_OF_A_GENERATION;
    let name = |it| format!("list-{generation}-{it}");
    (0..LISTS).map(name).collect()
}

pub(super) fn accounts() -> Vec<String> {
    (0..bank::ACCOUNTS)
        .map(|it| format!("account-{it}"))
        .collect()
}

pub(super) const ACCOUNT_PREFIX: &str = "account-";

/// A pair, and its left and right key.
pub(super) fn pair(number: u64) -> (String, [String; 2]) {
    let pair = format!("pair-{}", number % PAIRS);
    let sides = ["left", "right"].map(|side| format!("{pair}-{side}"));
    (pair, sides)
}

pub(super) fn pairs() -> Vec<(String, [String; 2])> {
    (0..PAIRS).map(pair).collect()
}

pub(super) fn counters() -> Vec<String> {
    (0..COUNTERS).map(|it| format!("counter-{it}")).collect()
}
