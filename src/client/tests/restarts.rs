//! A server that goes away and comes back.

use std::time::Duration;

use tokio::time::Instant;

use super::fake::{Fake, Fault};
use super::reach::{LONG, client_of, client_with, nobody};
use crate::base::ErrorKind;
use crate::client::{Client, ClientOptions, LockOptions};
use crate::proto::v1::request_frame::Request;

/// As long as a quick restart: longer than three retries took.
const GONE: Duration = Duration::from_millis(300);

/// Far below any time limit given here.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Three retries were over after 70 ms, whatever the time limit: a write with 20 seconds
/// did not survive a restart of 0.3 seconds.
#[tokio::test]
async fn a_write_gave_up_long_before_its_time_while_the_server_was_restarted() {
    let mut fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    client.set("k", "v").await.unwrap();
    fake.stop().await;
    let (writer, reader) = (client.clone(), client.with_lane());
    let write = tokio::spawn(async move { writer.set("k", "w").await });
    let read = tokio::spawn(async move { reader.has("k").await });
    tokio::time::sleep(GONE).await;
    fake.restart().await;
    assert_eq!(write.await.unwrap().unwrap().0, 2);
    assert!(read.await.unwrap().unwrap());
}

/// The same for a write that was sent, and whose answer the restart swallowed.
#[tokio::test]
async fn a_write_in_doubt_gave_up_while_the_server_was_restarted() {
    let mut fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    client.set("k", "v").await.unwrap();
    fake.script([Fault::Late(LONG)]);
    let writer = client.clone();
    let write = tokio::spawn(async move { writer.set("k", "w").await });
    while fake.seen().len() < 2 {
        tokio::task::yield_now().await;
    }
    fake.stop().await;
    tokio::time::sleep(GONE).await;
    fake.restart().await;
    assert_eq!(write.await.unwrap().unwrap().0, 2, "applied once");
    assert_eq!(fake.request_ids()[1..], [(2, 2, 0), (2, 2, 1)]);
}

/// A wait of 30 seconds for a lock ended 70 ms after the server went away.
#[tokio::test]
async fn a_wait_for_a_lock_gave_up_while_the_server_was_restarted() {
    let mut fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    fake.script([Fault::Silence]);
    let waiting = client.clone();
    let owner = client.mint_owner();
    let waiting = tokio::spawn(async move {
        let wait = Duration::from_secs(30);
        waiting.acquire("jobs", owner, None, wait).await
    });
    while fake.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    fake.stop().await;
    tokio::time::sleep(GONE).await;
    fake.restart().await;
    assert!(waiting.await.unwrap().unwrap().is_some());
    let acquisitions = fake.seen();
    assert_eq!(acquisitions.len(), 2);
    for acquisition in acquisitions {
        let Request::Acquire(acquire) = acquisition else {
            panic!("only the lock is asked for");
        };
        assert_eq!(acquire.owner.as_ref(), owner.0, "the place is kept");
    }
}

#[tokio::test]
async fn a_server_never_reached_is_given_up_at_once_however_long_the_wait() {
    let options = ClientOptions {
        endpoints: vec![nobody()],
        timeout: LONG,
        ..ClientOptions::default()
    };
    let client = Client::connect(options).await.unwrap();
    let wait = LockOptions {
        wait: LONG,
        ..LockOptions::default()
    };
    let started = Instant::now();
    for error in [
        client.set("k", "v").await.unwrap_err(),
        client.lock("jobs", wait).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains("is `dkv serve` running?"));
    }
    assert!(started.elapsed() < AT_ONCE);
}

#[tokio::test]
async fn no_retries_is_one_try_even_of_a_server_known_before() {
    let mut fake = Fake::local(1).await;
    let client = client_with(&[&fake], LONG, 0).await;
    client.set("k", "v").await.unwrap();
    let started = Instant::now();
    fake.script([Fault::Break]);
    client.set("k", "w").await.unwrap_err();
    assert_eq!(fake.seen().len(), 2, "one try");
    fake.stop().await;
    client.set("k", "w").await.unwrap_err();
    let wait = LockOptions {
        wait: LONG,
        ..LockOptions::default()
    };
    client.lock("jobs", wait).await.unwrap_err();
    assert!(started.elapsed() < AT_ONCE);
}

/// Another shard of the same number does not become the right one by waiting.
#[tokio::test]
async fn a_stranger_is_given_up_after_the_retries() {
    let fake = Fake::local(1).await;
    let client = client_with(&[&fake], LONG, 2).await;
    client.set("k", "v").await.unwrap();
    fake.state.lock().identity = [2; 16];
    fake.script([Fault::Break]);
    let started = Instant::now();
    let error = client.get("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.message().contains("began with"), "{error}");
    assert!(started.elapsed() < AT_ONCE);
}
