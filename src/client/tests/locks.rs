//! Locks that are kept, lost in time, and given up.

use std::time::Duration;

use super::fake::{Fake, Fault};
use super::reach::client_of;
use crate::base::limits;
use crate::client::LockOptions;
use crate::proto::v1::request_frame::Request;

fn options(ttl_ms: u64, wait_ms: u64) -> LockOptions {
    LockOptions {
        ttl: Some(Duration::from_millis(ttl_ms)),
        wait: Duration::from_millis(wait_ms),
    }
}

fn renewals(fake: &Fake) -> usize {
    let seen = fake.seen();
    seen.iter()
        .filter(|it| matches!(it, Request::Renew(_)))
        .count()
}

fn releases(fake: &Fake) -> Vec<bytes::Bytes> {
    let seen = fake.seen().into_iter();
    seen.filter_map(|it| match it {
        Request::Release(release) => Some(release.owner),
        _ => None,
    })
    .collect()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(super::reach::LONG, waiting)
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen"));
}

#[tokio::test]
async fn a_guard_renews_until_it_is_released() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    let guard = client.lock("jobs", options(300, 0)).await.unwrap().unwrap();
    assert_eq!(guard.token().0, 1);
    assert_eq!(guard.fence().name, "jobs");
    until("a fourth renewal", || renewals(&fake) >= 4).await;
    assert!(!guard.is_lost());
    assert!(
        client
            .lock("jobs", options(300, 0))
            .await
            .unwrap()
            .is_none()
    );
    let owner = guard.owner();
    assert!(guard.release().await.unwrap());
    assert_eq!(releases(&fake), [owner.0.to_vec()], "once");
}

#[tokio::test]
async fn a_guard_is_lost_before_its_lease_can_end() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    let guard = client.lock("jobs", options(900, 0)).await.unwrap().unwrap();
    until("a renewal", || renewals(&fake) >= 1).await;
    fake.always(Some(Fault::Silence));
    // Nothing is renewed from here on, so the lease ends less than 900 ms from here. A
    // busy machine may be late to run this test; twice the lease would be an error.
    let silent_from = tokio::time::Instant::now();
    guard.lost().await;
    let after = silent_from.elapsed();
    assert!(guard.is_lost());
    assert!(after <= Duration::from_millis(1_400), "{after:?}");
    assert!(after >= Duration::from_millis(200), "{after:?}: too early");
    guard.lost().await;
}

#[tokio::test]
async fn a_guard_is_lost_at_once_when_another_holds_the_lock() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    let guard = client
        .lock("jobs", options(3_000, 0))
        .await
        .unwrap()
        .unwrap();
    client.release("jobs", guard.owner()).await.unwrap();
    let started = tokio::time::Instant::now();
    guard.lost().await;
    assert!(started.elapsed() < Duration::from_millis(2_500));
}

#[tokio::test]
async fn a_lock_that_was_waited_for_is_renewed_before_it_is_handed_out() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    fake.script([Fault::Late(Duration::from_millis(120))]);
    let guard = client.lock("jobs", options(100, 5_000)).await.unwrap();
    let guard = guard.expect("granted after the wait");
    assert_eq!(renewals(&fake), 1);
    assert!(!guard.is_lost(), "the lease counts from the renewal");
    let Request::Acquire(acquire) = &fake.seen()[0] else {
        panic!("an acquisition came first");
    };
    assert!(acquire.wait_ms > 4_000 && acquire.wait_ms <= 5_000);
    let deadline_ms = fake.state.lock().seen[0].deadline_ms;
    assert!(deadline_ms <= 20_000, "the wait is not in the deadline");
}

#[tokio::test]
async fn a_dropped_guard_and_a_dropped_acquisition_release() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    let guard = client
        .lock("jobs", options(3_000, 0))
        .await
        .unwrap()
        .unwrap();
    drop(guard);
    until("a release", || releases(&fake).len() == 1).await;
    fake.script([Fault::Silence]);
    let waiting = client.lock("jobs", options(3_000, 10_000));
    let dropped = tokio::time::timeout(Duration::from_millis(50), waiting).await;
    assert!(dropped.is_err());
    until("a release of the place in the queue", || {
        releases(&fake).len() == 2
    })
    .await;
    let Some(Request::Acquire(acquire)) = fake
        .seen()
        .into_iter()
        .rfind(|it| matches!(it, Request::Acquire(_)))
    else {
        panic!("it was asked for");
    };
    assert_eq!(releases(&fake)[1], acquire.owner);
}

/// A wait keeps its sequence open for long: under the client id of the other writes
/// it would hold back what they acknowledge.
#[tokio::test]
async fn a_wait_does_not_hold_back_other_writes() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    fake.script([Fault::Silence]);
    let waiting = client.clone();
    let waiting = tokio::spawn(async move { waiting.lock("jobs", options(3_000, 10_000)).await });
    until("an acquisition", || fake.seen().len() == 1).await;
    client.set("k", "v").await.unwrap();
    client.set("k", "v").await.unwrap();
    assert_eq!(fake.request_ids()[1..], [(1, 1, 0), (2, 2, 0)]);
    waiting.abort();
}

/// All waits of a client shared one client id: one long wait kept its sequence open, and
/// after 4,095 others nobody could begin to wait any more.
#[tokio::test]
async fn one_long_wait_blocked_all_others_after_4095_of_them() {
    const WAIT: Duration = Duration::from_secs(10);
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    fake.script([Fault::Silence]);
    let waiting = client.clone();
    let waiting = tokio::spawn(async move { waiting.lock("jobs", options(3_000, 10_000)).await });
    until("an acquisition", || fake.seen().len() == 1).await;
    let others = async {
        for _ in 0..limits::SESSION_OUTCOMES_MAX {
            let owner = client.mint_owner();
            client.acquire("other", owner, None, WAIT).await.unwrap();
        }
    };
    tokio::time::timeout(super::reach::LONG, others)
        .await
        .expect("they do not wait for the first");
    let seen = fake.seen();
    let ids = seen.iter().map(|it| match it {
        Request::Acquire(acquire) => acquire.request_id.as_ref().unwrap(),
        other => panic!("{other:?}"),
    });
    let clients: std::collections::HashSet<_> = ids.map(|id| &id.client).collect();
    assert_eq!(
        clients.len(),
        seen.len(),
        "each wait is a client of its own"
    );
    waiting.abort();
}
