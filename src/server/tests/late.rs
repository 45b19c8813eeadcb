//! Entries that are applied after whoever wrote them gave up.

use std::time::Duration;

use tokio::time::sleep;

use super::member::in_simulated_time;
use super::three::Three;
use super::world::{contents, kv, set, store};
use crate::base::ErrorKind;
use crate::base::time::Timer;
use crate::kv::KvCommand;

/// The leader looked for what is due when the outcome of an entry came, and nobody waited
/// for this one's any more.
#[test]
fn a_key_outlived_its_ttl_because_its_writer_had_given_up() {
    in_simulated_time(async {
        let three = Box::pin(Three::found(4)).await;
        let leader = three.leader();
        let KvCommand::Set(mut write) = set("short", "life") else {
            unreachable!("it is a set");
        };
        write.delete = Timer::InMs(200);
        let command = kv(KvCommand::Set(write));
        let patience = Duration::from_millis(1);
        let given_up = three.write_within(patience, leader, command).await;
        assert_eq!(given_up.unwrap_err().kind(), ErrorKind::Timeout);
        let has_it = || contents(&store(three.node(leader))).contains_key("short");
        three.drive(sleep(Duration::from_millis(100))).await;
        assert!(has_it(), "it was applied all the same");
        three.drive(sleep(Duration::from_secs(2))).await;
        assert!(!has_it(), "nothing swept it");
    });
}
