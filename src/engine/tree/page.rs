//! A page: a few kilobytes of rows in key order, in one piece of memory.
//!
//! ```text
//! slots     [head, place] [head, place] ...            8 bytes a row, in key order
//! bytes     [key length: u16][key][value] ...          rows in the same order, no gaps
//! outlined  [value] ...                                values too large to move about
//! ```
//!
//! A page is copied as a whole when a view holds it, so its rows carry no reference
//! counts: copying some thirty counted rows would touch thirty cold lines of memory,
//! copying three kilobytes touches memory in order. A slot's `head` is the first four
//! bytes of the key after what all keys of the page have in common; most searches
//! look at heads only until they know the row.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::engine::Value;

/// Values above this many bytes are kept beside the page, so that neither a copy of
/// the page nor a `get` copies them.
pub(super) const VALUE_INLINE_BYTES_MAX: usize = 1_024;

/// The longest key of a row, bytes: its length is stored in two. The rooms above keep
/// names far below it.
pub(in crate::engine) const KEY_BYTES_MAX: usize = u16::MAX as usize;

/// What an outlined value counts for in a page's weight, bytes: copying the page
/// takes another reference on each of them.
const OUTLINED_WEIGHT: usize = 128;

/// Room a page asks for beyond what it needs now, bytes: a few small rows.
const ROOM_BYTES: usize = 256;

/// Marks a slot whose value is outlined; the other bits are the row's offset.
const OUTLINED: u32 = 1 << 31;

const KEY_LENGTH_BYTES: usize = 2;
const SLOT_BYTES: usize = size_of::<Slot>();

impl<'a> Value<'a> {
    /// The bytes.
    pub(super) fn as_slice(self) -> &'a [u8] {
        match self {
            Self::Inline(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    /// The bytes, to keep.
    pub(super) fn to_bytes(self) -> Bytes {
        match self {
            Self::Inline(bytes) => Bytes::copy_from_slice(bytes),
            Self::Shared(bytes) => bytes.clone(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    head: u32,
    place: u32,
}

impl Slot {
    fn offset(self) -> usize {
        (self.place & !OUTLINED) as usize
    }

    fn is_outlined(self) -> bool {
        self.place & OUTLINED != 0
    }
}

/// Rows in key order; no key twice.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Bytes that all keys have in common, at least.
    prefix_bytes: usize,
    slots: Vec<Slot>,
    bytes: Vec<u8>,
    outlined: Vec<Bytes>,
}

impl Clone for Page {
    /// A copy is taken to be changed, so it gets the room for it at once.
    fn clone(&self) -> Self {
        let mut slots = Vec::with_capacity(self.slots.len() + 4);
        slots.extend_from_slice(&self.slots);
        let mut bytes = Vec::with_capacity(self.bytes.len() + ROOM_BYTES);
        bytes.extend_from_slice(&self.bytes);
        Self {
            prefix_bytes: self.prefix_bytes,
            slots,
            bytes,
            outlined: self.outlined.clone(),
        }
    }
}

impl Page {
    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// True without rows.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// What a copy of the page costs, in bytes or their like.
    pub(super) fn weight(&self) -> usize {
        self.bytes.len() + self.slots.len() * SLOT_BYTES + self.outlined.len() * OUTLINED_WEIGHT
    }

    /// The key of row `at`.
    pub(super) fn key(&self, at: usize) -> &[u8] {
        self.key_of(self.slots[at])
    }

    /// The value of row `at`.
    pub(super) fn value(&self, at: usize) -> Value<'_> {
        let slot = self.slots[at];
        if slot.is_outlined() {
            return Value::Shared(&self.outlined[self.outlined_before(at)]);
        }
        Value::Inline(&self.bytes[self.value_start(at)..self.end(at)])
    }

    /// Where the row of `key` is, or where it would be.
    pub(super) fn find(&self, key: &[u8]) -> Result<usize, usize> {
        let Some(first) = self.slots.first() else {
            return Err(0);
        };
        let prefix = &self.key_of(*first)[..self.prefix_bytes];
        let shared = prefix.len().min(key.len());
        match key[..shared].cmp(&prefix[..shared]) {
            Ordering::Less => return Err(0),
            Ordering::Greater => return Err(self.len()),
            Ordering::Equal if key.len() < prefix.len() => return Err(0),
            Ordering::Equal => {}
        }
        let head = head(&key[prefix.len()..]);
        let from = self.slots.partition_point(|slot| slot.head < head);
        let same = self.slots[from..].partition_point(|slot| slot.head == head);
        match self.slots[from..from + same].binary_search_by(|slot| self.key_of(*slot).cmp(key)) {
            Ok(at) => Ok(from + at),
            Err(at) => Err(from + at),
        }
    }

    /// Adds a row at `at`, where `find` said its key belongs.
    pub(super) fn insert(&mut self, at: usize, key: &[u8], value: &[u8]) {
        let key_length = u16::try_from(key.len()).expect("the tree refuses longer keys");
        self.make_fit_prefix(key);
        let outlined = value.len() > VALUE_INLINE_BYTES_MAX;
        let inline = if outlined { &[][..] } else { value };
        let start = self.start(at);
        let row_bytes = KEY_LENGTH_BYTES + key.len() + inline.len();
        self.resize(at, start, 0, row_bytes);
        let row = &mut self.bytes[start..start + row_bytes];
        row[..KEY_LENGTH_BYTES].copy_from_slice(&key_length.to_le_bytes());
        row[KEY_LENGTH_BYTES..][..key.len()].copy_from_slice(key);
        row[KEY_LENGTH_BYTES + key.len()..].copy_from_slice(inline);
        if outlined {
            let rank = self.outlined_before(at);
            self.outlined.insert(rank, Bytes::copy_from_slice(value));
        }
        let slot = Slot {
            head: head(&key[self.prefix_bytes..]),
            place: place(start, outlined),
        };
        if self.slots.len() == self.slots.capacity() {
            self.slots.reserve_exact(8);
        }
        self.slots.insert(at, slot);
    }

    /// Gives row `at` another value.
    pub(super) fn replace(&mut self, at: usize, value: &[u8]) {
        let outlined = value.len() > VALUE_INLINE_BYTES_MAX;
        let inline = if outlined { &[][..] } else { value };
        let start = self.value_start(at);
        let old_bytes = self.end(at) - start;
        self.resize(at + 1, start, old_bytes, inline.len());
        self.bytes[start..start + inline.len()].copy_from_slice(inline);
        let rank = self.outlined_before(at);
        match (self.slots[at].is_outlined(), outlined) {
            (true, true) => self.outlined[rank] = Bytes::copy_from_slice(value),
            (true, false) => drop(self.outlined.remove(rank)),
            (false, true) => self.outlined.insert(rank, Bytes::copy_from_slice(value)),
            (false, false) => {}
        }
        self.slots[at].place = place(self.slots[at].offset(), outlined);
    }

    /// Takes row `at` out.
    pub(super) fn remove(&mut self, at: usize) {
        if self.slots[at].is_outlined() {
            let rank = self.outlined_before(at);
            self.outlined.remove(rank);
        }
        let start = self.start(at);
        let row_bytes = self.end(at) - start;
        self.slots.remove(at);
        self.resize(at, start, row_bytes, 0);
    }

    /// Moves the rows from `at` on into a page of their own.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        let start = self.start(at);
        let rank = self.outlined_before(at);
        let mut right = Self {
            prefix_bytes: 0,
            bytes: self.bytes[start..].to_vec(),
            slots: self.slots[at..].to_vec(),
            outlined: self.outlined.split_off(rank),
        };
        for slot in &mut right.slots {
            slot.place -= place(start, false);
        }
        right.measure_prefix();
        self.slots.truncate(at);
        self.bytes.truncate(start);
        self.shrink();
        self.measure_prefix();
        right
    }

    /// Takes over all rows of `right`, whose keys are above all of this page.
    pub(super) fn append(&mut self, right: Self) {
        let base = place(self.bytes.len(), false);
        self.bytes.reserve_exact(right.bytes.len());
        self.bytes.extend_from_slice(&right.bytes);
        let moved = right.slots.iter().map(|slot| Slot {
            head: slot.head,
            place: slot.place + base,
        });
        self.slots.extend(moved);
        self.outlined.extend(right.outlined);
        self.measure_prefix();
    }

    /// Where to cut the page into halves of about the same weight, each with a row.
    ///
    /// # Panics
    /// With less than two rows.
    pub(super) fn middle(&self) -> usize {
        assert!(self.len() >= 2, "a page of one row cannot be cut");
        let half = self.weight() / 2;
        let mut outlined = 0;
        for (at, slot) in self.slots.iter().enumerate() {
            outlined += usize::from(slot.is_outlined());
            let weight = self.end(at) + (at + 1) * SLOT_BYTES + outlined * OUTLINED_WEIGHT;
            if weight >= half {
                return (at + 1).clamp(1, self.len() - 1);
            }
        }
        self.len() - 1
    }

    fn key_of(&self, slot: Slot) -> &[u8] {
        let start = slot.offset() + KEY_LENGTH_BYTES;
        &self.bytes[start..start + self.key_bytes(slot)]
    }

    fn key_bytes(&self, slot: Slot) -> usize {
        let at = slot.offset();
        usize::from(u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]))
    }

    fn start(&self, at: usize) -> usize {
        self.slots
            .get(at)
            .map_or(self.bytes.len(), |slot| slot.offset())
    }

    fn end(&self, at: usize) -> usize {
        self.start(at + 1)
    }

    fn value_start(&self, at: usize) -> usize {
        let slot = self.slots[at];
        slot.offset() + KEY_LENGTH_BYTES + self.key_bytes(slot)
    }

    fn outlined_before(&self, at: usize) -> usize {
        if self.outlined.is_empty() {
            return 0;
        }
        self.slots[..at]
            .iter()
            .filter(|slot| slot.is_outlined())
            .count()
    }

    /// Makes `old_bytes` at `start` into `new_bytes`, and moves the rows from slot
    /// `moved` on along.
    fn resize(&mut self, moved: usize, start: usize, old_bytes: usize, new_bytes: usize) {
        let length = self.bytes.len();
        if new_bytes > old_bytes {
            let more = new_bytes - old_bytes;
            if self.bytes.capacity() - length < more {
                self.bytes.reserve_exact(more.max(ROOM_BYTES));
            }
            self.bytes.resize(length + more, 0);
        }
        if new_bytes != old_bytes {
            self.bytes
                .copy_within(start + old_bytes..length, start + new_bytes);
            self.bytes.truncate(length + new_bytes - old_bytes);
            for slot in &mut self.slots[moved..] {
                slot.place = place(slot.offset() + new_bytes - old_bytes, slot.is_outlined());
            }
        }
        let spare_bytes = self.bytes.capacity() - self.bytes.len();
        if spare_bytes > self.bytes.len() / 2 + 2 * ROOM_BYTES {
            self.shrink();
        }
    }

    /// Gives memory back, but for a little room.
    fn shrink(&mut self) {
        self.bytes.shrink_to(self.bytes.len() + ROOM_BYTES);
        self.slots.shrink_to(self.slots.len() + 4);
        self.outlined.shrink_to(self.outlined.len());
    }

    /// Shortens the common prefix so that `key` has it too.
    fn make_fit_prefix(&mut self, key: &[u8]) {
        let Some(first) = self.slots.first() else {
            self.prefix_bytes = key.len();
            return;
        };
        let prefix = &self.key_of(*first)[..self.prefix_bytes];
        let common = common_bytes(prefix, key);
        if common < self.prefix_bytes {
            self.prefix_bytes = common;
            self.measure_heads();
        }
    }

    /// Finds the longest common prefix again. The first and the last key of a sorted
    /// page have in common what all of them have.
    fn measure_prefix(&mut self) {
        if !self.is_empty() {
            self.prefix_bytes = common_bytes(self.key(0), self.key(self.len() - 1));
            self.measure_heads();
        }
    }

    fn measure_heads(&mut self) {
        for at in 0..self.slots.len() {
            self.slots[at].head = head(&self.key(at)[self.prefix_bytes..]);
        }
    }

    /// Panics unless the page is as its documentation says.
    #[cfg(test)]
    pub(super) fn check(&self) {
        assert!(self.bytes.len() < OUTLINED as usize);
        let mut expected = 0;
        for at in 0..self.len() {
            assert_eq!(
                self.start(at),
                expected,
                "row {at} starts where the last one ends"
            );
            assert!(
                self.value_start(at) <= self.end(at),
                "row {at} holds its key"
            );
            assert!(
                at == 0 || self.key(at - 1) < self.key(at),
                "row {at} is in order"
            );
            let (common, rest) = self.key(at).split_at(self.prefix_bytes);
            assert_eq!(
                common,
                &self.key(0)[..self.prefix_bytes],
                "row {at} has the prefix"
            );
            assert_eq!(self.slots[at].head, head(rest), "row {at} has its head");
            expected = self.end(at);
        }
        let outlined = self.slots.iter().filter(|slot| slot.is_outlined()).count();
        assert_eq!(self.outlined.len(), outlined);
    }
}

fn place(offset: usize, outlined: bool) -> u32 {
    let offset = u32::try_from(offset).expect("a page is far below 2 GiB");
    if outlined { offset | OUTLINED } else { offset }
}

/// The first four bytes, in an order that never contradicts that of the keys.
fn head(key: &[u8]) -> u32 {
    if let Some(four) = key.first_chunk::<4>() {
        return u32::from_be_bytes(*four);
    }
    let mut padded = [0; 4];
    padded[..key.len()].copy_from_slice(key);
    u32::from_be_bytes(padded)
}

/// How many bytes two keys begin with alike.
pub(super) fn common_bytes(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
