//! What those who watch are interested in, and how they ask for it.

use bytes::Bytes;

use dkv::proto::v1;
use dkv::proto::v1::watch_create::What;

use crate::check::dice::Dice;
use crate::check::watched::told::{Kind, Wanted};
use crate::hearing::Start;
use crate::words::bytes;

/// The one watch of each stream.
pub(crate) const WATCH_ID: u64 = 7;

/// Keys, by the first and the first one behind; empty: all that come.
const RANGES: [(&str, &str); 11] = [
    ("", ""),
    ("", ""),
    ("0-", "1-"),
    ("", "5"),
    ("brief-", "brief."),
    ("brief-3", "brief-5"),
    ("1-2", "1-2\0"),
    ("account-", "counter-1"),
    ("counter-0", "counter-0\0"),
    ("list-", "list."),
    ("pair-", ""),
];

const KINDS: [&[Kind]; 6] = [
    &[],
    &[],
    &[],
    &[Kind::Set],
    &[Kind::Expire],
    &[Kind::Delete, Kind::Set],
];

pub(crate) fn draw(dice: &mut Dice) -> Wanted {
    let (start, end) = *dice.pick(&RANGES);
    Wanted {
        start: start.to_owned(),
        end: (!end.is_empty()).then(|| end.to_owned()),
        kinds: dice.pick(&KINDS).to_vec(),
        previous: dice.percent(50),
    }
}

/// A request for that, of a member that belongs to those who decide.
pub(crate) fn create(wanted: &Wanted, start: Start) -> v1::WatchCreate {
    v1::WatchCreate {
        watch_id: WATCH_ID,
        what: Some(what(wanted)),
        from_revision: match start {
            Start::From(from) => from,
            Start::Now | Start::Initial => 0,
        },
        initial: start == Start::Initial,
        previous: wanted.previous,
        kinds: wanted.kinds.iter().map(|it| kind(*it).into()).collect(),
        ..v1::WatchCreate::default()
    }
}

fn what(wanted: &Wanted) -> What {
    let start = bytes(&wanted.start);
    match &wanted.end {
        Some(end) if end.strip_suffix('\0') == Some(&wanted.start) => What::Key(start),
        end => What::Range(v1::KeyRange {
            start,
            end: end.as_deref().map_or_else(Bytes::new, bytes),
        }),
    }
}

fn kind(kind: Kind) -> v1::EventKind {
    match kind {
        Kind::Set => v1::EventKind::Set,
        Kind::Delete => v1::EventKind::Delete,
        Kind::Expire => v1::EventKind::Expire,
    }
}
