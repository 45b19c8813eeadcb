//! The lanes: their numbers on the wire, and what may wait in each.

use crate::base::limits;
use crate::raft::Lane;

/// Every lane, at its number.
pub(super) const LANES: [Lane; 3] = [Lane::Data, Lane::Heartbeat, Lane::Snapshot];

/// The lane's number on the wire, and its place in tables.
pub(super) fn number(lane: Lane) -> u32 {
    match lane {
        Lane::Data => 0,
        Lane::Heartbeat => 1,
        Lane::Snapshot => 2,
    }
}

/// The same, as an index.
pub(super) fn place(lane: Lane) -> usize {
    number(lane) as usize
}

/// The lane of a number from the wire.
pub(super) fn of_number(number: u32) -> Option<Lane> {
    LANES.get(usize::try_from(number).ok()?).copied()
}

/// What may wait for the network, bytes.
pub(super) fn queue_bytes_max(lane: Lane) -> usize {
    match lane {
        Lane::Data => limits::PEER_DATA_BYTES_MAX,
        Lane::Heartbeat => limits::PEER_HEARTBEAT_BYTES_MAX,
        Lane::Snapshot => limits::PEER_SNAPSHOT_BYTES_MAX,
    }
}

/// For people.
pub(super) fn name(lane: Lane) -> &'static str {
    match lane {
        Lane::Data => "data",
        Lane::Heartbeat => "heartbeat",
        Lane::Snapshot => "snapshot",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lanes_are_each_others() {
        for (at, lane) in LANES.into_iter().enumerate() {
            assert_eq!((place(lane), of_number(number(lane))), (at, Some(lane)));
        }
        assert_eq!(of_number(3), None);
        assert_eq!(of_number(u32::MAX), None);
    }
}
