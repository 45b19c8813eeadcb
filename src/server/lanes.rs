//! Lanes: a read waits for the earlier writes of its own lane to its shard.

use std::collections::{BTreeSet, HashMap, VecDeque};

use crate::base::types::ShardId;

/// Which lane of which shard. Lane 0 is unordered and has no entry.
type LaneKey = (u64, ShardId);

/// The lanes that have writes under way, with the reads `R` that wait for them.
pub(super) struct Lanes<R> {
    lanes: HashMap<LaneKey, Lane<R>>,
}

struct Lane<R> {
    /// The number of the next write.
    next: u64,
    /// Writes under way.
    open: BTreeSet<u64>,
    /// Reads, each behind the writes with smaller numbers.
    parked: VecDeque<(u64, R)>,
}

/// A write's place in its lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    lane: LaneKey,
    number: u64,
}

impl<R> Default for Lanes<R> {
    fn default() -> Self {
        Self {
            lanes: HashMap::new(),
        }
    }
}

impl<R> Lanes<R> {
    /// A write begins; `None` in lane 0.
    pub(super) fn begin(&mut self, lane: u64, shard: ShardId) -> Option<Place> {
        if lane == 0 {
            return None;
        }
        let key = (lane, shard);
        let lane = self.lanes.entry(key).or_insert_with(|| Lane {
            next: 0,
            open: BTreeSet::new(),
            parked: VecDeque::new(),
        });
        let number = lane.next;
        lane.next += 1;
        lane.open.insert(number);
        Some(Place { lane: key, number })
    }

    /// Keeps a read until the writes before it are done; gives it back if there are
    /// none.
    pub(super) fn park(&mut self, lane: u64, shard: ShardId, read: R) -> Option<R> {
        let Some(lane) = self.lanes.get_mut(&(lane, shard)) else {
            return Some(read);
        };
        lane.parked.push_back((lane.next, read));
        None
    }

    /// A write is done: hands over the reads that waited for it last.
    pub(super) fn end(&mut self, place: Option<Place>, freed: &mut VecDeque<R>) {
        let Some(Place { lane: key, number }) = place else {
            return;
        };
        let lane = self
            .lanes
            .get_mut(&key)
            .expect("a lane stays while it has writes under way");
        let was_open = lane.open.remove(&number);
        assert!(was_open, "a write ends once");
        let first_open = lane.open.first().copied().unwrap_or(u64::MAX);
        while let Some((_, read)) = lane
            .parked
            .pop_front_if(|(behind, _)| *behind <= first_open)
        {
            freed.push_back(read);
        }
        if lane.open.is_empty() {
            self.lanes.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARD: ShardId = ShardId(100);

    fn end(lanes: &mut Lanes<&'static str>, place: Option<Place>) -> Vec<&'static str> {
        let mut freed = VecDeque::new();
        lanes.end(place, &mut freed);
        freed.into()
    }

    #[test]
    fn a_read_waits_for_earlier_writes_and_not_for_later_ones() {
        let mut lanes = Lanes::default();
        let first = lanes.begin(1, SHARD);
        let second = lanes.begin(1, SHARD);
        assert_eq!(lanes.park(1, SHARD, "behind two"), None);
        let third = lanes.begin(1, SHARD);
        assert_eq!(lanes.park(1, SHARD, "behind three"), None);
        assert_eq!(end(&mut lanes, second), [""; 0]);
        assert_eq!(end(&mut lanes, first), ["behind two"]);
        assert_eq!(end(&mut lanes, third), ["behind three"]);
        assert_eq!(lanes.park(1, SHARD, "free"), Some("free"));
    }

    #[test]
    fn lanes_and_shards_do_not_wait_for_each_other() {
        let mut lanes = Lanes::default();
        let place = lanes.begin(1, SHARD);
        assert_eq!(lanes.park(2, SHARD, "another lane"), Some("another lane"));
        assert_eq!(
            lanes.park(1, ShardId(7), "another shard"),
            Some("another shard")
        );
        assert_eq!(lanes.park(0, SHARD, "unordered"), Some("unordered"));
        assert_eq!(lanes.begin(0, SHARD), None);
        assert_eq!(end(&mut lanes, place), [""; 0]);
    }
}
