//! Members that take in all rows of another one, on disks that fail.

use std::time::Duration;

use tokio::time::sleep;

use super::member::in_simulated_time;
use super::three::Three;
use crate::base::ErrorKind;

/// Time for a member to be sent all rows, and to find that its disk has failed.
const A_WHILE: Duration = Duration::from_secs(4);

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
