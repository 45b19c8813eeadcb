//! Members that take in all rows of another one, on disks that fail.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::member::in_simulated_time;
use super::three::Three;
use super::world::store;
use crate::base::ErrorKind;

/// Time for a member to be sent all rows, and to find that its disk has failed.
const A_WHILE: Duration = Duration::from_secs(3);

/// It takes fewer writes to take them in.
const WRITES_MAX: u64 = 100;

/// One write of a member that takes rows in fails. False: it needs fewer, and none did.
async fn fails_at(write: u64) -> bool {
    let three = Box::pin(Three::found(6)).await;
    let away = (three.leader() + 1) % 3;
    three.cut_off(away);
    three.leave_behind(away).await;
    let disk = &three.places[away].world.disk;
    disk.fail_write_after(write);
    three.heal();
    three.drive(sleep(A_WHILE)).await;
    if !disk.has_failed_write() {
        return false;
    }
    let fatal = &three.node(away).fatal;
    assert!(fatal.reason().is_some(), "goes on after write {write}");
    let failure = three.drive(fatal.raised()).await;
    assert_eq!(failure.kind(), ErrorKind::Internal);
    true
}

/// Its engine was of no use any more, no snapshot could be taken in, and nothing else came that
/// would have shown it: the member went on for ever with what it had.
#[test]
fn a_member_whose_disk_fails_while_it_takes_rows_in_stops() {
    in_simulated_time(async {
        let mut write = 0;
        while Box::pin(fails_at(write)).await {
            write += 1;
            assert!(write < WRITES_MAX, "it never ends");
        }
        assert!(write > 5, "only {write} writes: nothing was taken in");
    });
}

/// A leader waited ten seconds for an answer that was lost, two minutes for the last one, and sent
/// that member nothing meanwhile.
#[test]
fn a_lost_answer_holds_a_snapshot_up_for_seconds_at_most() {
    in_simulated_time(async {
        for seed in 10..16 {
            let three = Box::pin(Three::found(seed)).await;
            let away = (three.leader() + 1) % 3;
            three.cut_off(away);
            three.leave_behind(away).await;
            three.heal();
            three.lose(50);
            three.drive(sleep(Duration::from_millis(500))).await;
            three.heal();
            let barrier = store(three.node(away)).barrier(Instant::now() + 10 * A_WHILE);
            let told = timeout(3 * A_WHILE, barrier.unwrap());
            let told = three.drive(told).await;
            assert!(told.is_ok_and(|it| it.is_ok()), "seed {seed}: still behind");
        }
    });
}
