//! Where the events of each key are: a chain through the events, newest first, and the keys
//! that are gone, in order.
//!
//! Every change of a shard goes through here, twice: when its event comes, and when it is
//! dropped. So both must touch little memory: a change looks up the hash of its row, and links
//! its event to the row's last one. No key is compared, none is copied; two rows that hash
//! alike share a chain, and only who reads the past tells them apart.
//!
//! Who reads needs a logarithm of a chain, not all of it: each link also jumps back over as
//! many as a skew-binary number says (Myers, "An applicative random-access stack", 1983).

use std::collections::hash_map::RandomState;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};
use std::ops::Bound;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::base::types::Revision;
use crate::machine::keys;
use crate::machine::outcome::Event;

/// The events that are kept, oldest first.
type Events = VecDeque<Arc<Event>>;

/// Of one event: what its row hashes to, and earlier events of it.
#[derive(Debug, Clone, Copy)]
struct Link {
    hash: u64,
    /// The row's event before it.
    before: u64,
    /// An earlier one, `span` links back.
    jump: u64,
    span: u64,
}

/// No event: none has this position.
const NONE: u64 = u64::MAX;

/// An event's position counts from the first event ever, so that it stays while others are
/// dropped; links to those that are gone lead nowhere.
#[derive(Debug)]
pub(super) struct Index {
    /// The hash of a row, to the position of its newest event.
    newest: HashMap<u64, u64, BuildHasherDefault<Hashed>>,
    /// One for each event.
    links: VecDeque<Link>,
    /// Events dropped so far: the position of the first link.
    dropped: u64,
    /// The rows whose last event took them away.
    gone: BTreeSet<Bytes>,
    /// Nobody outside can choose keys that hash alike. No answer depends on it: only which
    /// rows share a chain does.
    seed: u64,
    /// The row being looked up: an event has its parts only.
    row: BytesMut,
}

impl Default for Index {
    fn default() -> Self {
        Self {
            newest: HashMap::default(),
            links: VecDeque::new(),
            dropped: 0,
            gone: BTreeSet::new(),
            seed: RandomState::new().hash_one(0),
            row: BytesMut::new(),
        }
    }
}

impl Index {
    /// Notes the newest event.
    pub(super) fn push(&mut self, event: &Event) {
        self.row.clear();
        keys::put_data(&mut self.row, &event.bucket, &event.key);
        let hash = self.hash(&self.row);
        let position = self.dropped + self.links.len() as u64;
        let before = self.newest.insert(hash, position).unwrap_or(NONE);
        let (jump, span) = self.jump_from(before);
        self.links.push_back(Link {
            hash,
            before,
            jump,
            span,
        });
        match (event.previous.is_none(), event.record.is_none()) {
            (_, true) => drop(self.gone.insert(Bytes::copy_from_slice(&self.row))),
            (true, false) => drop(self.gone.remove(&self.row[..])),
            (false, false) => {}
        }
    }

    /// Where a link behind `before` jumps to: two jumps of the same span become one.
    fn jump_from(&self, before: u64) -> (u64, u64) {
        let Some(last) = self.link(before) else {
            return (NONE, 1);
        };
        match self.link(last.jump) {
            Some(further) if further.span == last.span => (further.jump, 2 * last.span + 1),
            _ => (before, 1),
        }
    }

    /// Forgets the oldest event, which `left` no longer has.
    pub(super) fn drop_first(&mut self, event: &Event, left: &Events) {
        let link = self.links.pop_front().expect("every event has a link");
        let position = self.dropped;
        self.dropped += 1;
        if self.newest.get(&link.hash) == Some(&position) {
            self.newest.remove(&link.hash);
        }
        if event.record.is_none() {
            let row = keys::data(&event.bucket, &event.key);
            if self.first_after(&row, event.revision, left).is_none() {
                self.gone.remove(&row);
            }
        }
    }

    /// The oldest event of a row that is newer than `revision`.
    pub(super) fn first_after<'a>(
        &self,
        row: &[u8],
        revision: Revision,
        events: &'a Events,
    ) -> Option<&'a Event> {
        let event = |at: u64| {
            &*events[self
                .place(at)
                .expect("only links that lead there are followed")]
        };
        let is_after = |at: &u64| self.link(*at).is_some() && event(*at).revision > revision;
        let newest = *self.newest.get(&self.hash(row))?;
        let mut at = Some(newest).filter(is_after)?;
        while let Some(link) = self.link(at) {
            let earlier = [link.jump, link.before].into_iter().find(is_after);
            match earlier {
                Some(earlier) => at = earlier,
                None => break,
            }
        }
        let oldest = event(at);
        if is_of(oldest, row) {
            return Some(oldest);
        }
        // Another row hashes alike: each event says whose it is.
        let chain = std::iter::successors(Some(newest), |at| Some(self.link(*at)?.before));
        let after = chain.take_while(is_after).map(event);
        after.filter(|event| is_of(event, row)).last()
    }

    /// The events of a row, newest first; `before`: only those of earlier revisions.
    pub(super) fn newest_first<'a>(
        &'a self,
        row: &'a [u8],
        before: Option<Revision>,
        events: &'a Events,
    ) -> impl Iterator<Item = &'a Arc<Event>> {
        let event = move |at: u64| events.get(self.place(at)?);
        let is_too_new = |at: &u64| match (event(*at), before) {
            (Some(event), Some(before)) => event.revision >= before,
            _ => false,
        };
        let mut first = self.newest.get(&self.hash(row)).copied();
        while let Some(link) = first.filter(is_too_new).and_then(|at| self.link(at)) {
            let further = Some(link.jump).filter(is_too_new);
            first = further.or(Some(link.before));
        }
        let chain = std::iter::successors(first, |at| Some(self.link(*at)?.before));
        let chain = chain.map_while(event);
        // Another row may hash alike: each event says whose it is.
        chain.filter(move |event| is_of(event, row))
    }

    /// The rows of a range that have events and are not there any more, in order.
    pub(super) fn gone_in<'a>(
        &'a self,
        start: &[u8],
        end: &[u8],
    ) -> impl DoubleEndedIterator<Item = &'a Bytes> + use<'a> {
        let bounds = (Bound::Included(start), Bound::Excluded(end.max(start)));
        self.gone.range::<[u8], _>(bounds)
    }

    fn place(&self, position: u64) -> Option<usize> {
        let place = position.checked_sub(self.dropped)?;
        usize::try_from(place).ok()
    }

    fn link(&self, position: u64) -> Option<Link> {
        self.links.get(self.place(position)?).copied()
    }

    fn hash(&self, row: &[u8]) -> u64 {
        #[cfg(test)]
        if self.seed == tests::ALL_ALIKE {
            return 7;
        }
        xxh3_64_with_seed(row, self.seed)
    }

    /// How many keys have events, and how many of them are gone.
    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.newest.len(), self.gone.len())
    }
}

/// True if an event changed this row of `data`.
fn is_of(event: &Event, row: &[u8]) -> bool {
    let bucket = event.bucket.len();
    row.get(1 + bucket..) == Some(&event.key[..])
        && usize::from(row[0]) == bucket
        && row[1..=bucket] == *event.bucket.as_bytes()
}

/// Hashes what is a hash already.
#[derive(Debug, Default)]
struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only hashes are looked up");
    }
}

#[cfg(test)]
mod tests;
