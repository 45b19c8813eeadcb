//! An entry of a group is none that its log cannot take: that would end the node, and, sent again,
//! the next one.

use super::member::{LONG, drive, in_simulated_time, member_with_log, submit};
use super::world::{kv, set, store};
use crate::base::ErrorKind;
use crate::server::settings::EngineKind;

/// Two of the values below are more than one append of such segments may have.
const SEGMENT_BYTES: u64 = 64 << 10;

/// Those that came while others were written became one entry, which the log refused; the group
/// stopped, and the node with it.
#[test]
fn writes_that_wait_together_become_entries_that_the_log_takes() {
    in_simulated_time(async {
        let (world, node) = Box::pin(member_with_log(41, EngineKind::Memory, SEGMENT_BYTES)).await;
        let shard = store(&node);
        let told: Vec<_> = (0..8)
            .map(|n| submit(&shard, &format!("key-{n}"), LONG))
            .collect();
        for told in told {
            let told = drive(&world, told).await.expect("it answers");
            told.unwrap().unwrap();
        }
        assert_eq!(node.fatal.reason(), None);
    });
}

#[test]
fn a_write_that_the_log_cannot_take_is_refused_and_the_group_goes_on() {
    in_simulated_time(async {
        let (world, node) = Box::pin(member_with_log(42, EngineKind::Memory, SEGMENT_BYTES)).await;
        let shard = store(&node);
        let too_large = kv(set("key", &"v".repeat(40_000)));
        let due = tokio::time::Instant::now() + LONG;
        let refused = shard.submit(vec![too_large], due, Box::new(|_| {}));
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::LimitExceeded);
        let told = drive(&world, submit(&shard, "small", LONG)).await;
        told.expect("it answers").unwrap().unwrap();
        assert_eq!(node.fatal.reason(), None);
    });
}
