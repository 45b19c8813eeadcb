//! Against a fake etcd: what is asked, what is told, and what is left behind.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::fake::Fake;
use super::*;
use crate::client::ClientOptions;
use crate::perf::interrupt::Interrupt;
use crate::perf::options::Stop;
use crate::perf::run::run;
use crate::perf::target::{Target, TargetAddress};
use crate::perf::test::Test;

fn options(addresses: &[&str], tests: &[Test]) -> PerfOptions {
    let addresses = addresses.iter().map(|address| (*address).to_owned());
    PerfOptions {
        target: Some(TargetAddress::Etcd(addresses.collect())),
        client: ClientOptions {
            connections: 2,
            timeout: Duration::from_secs(5),
            ..ClientOptions::default()
        },
        tests: tests.to_vec(),
        threads: 4,
        keys: 40,
        large_value_bytes: 100_000,
        stop: Stop::Ops(100),
        warm_up: Duration::ZERO,
        ..PerfOptions::default()
    }
}

async fn connected(fake: &Fake) -> Target {
    let options = options(&[&fake.address], &[]);
    Target::connect(&options).await.unwrap()
}

async fn refusal(address: &str) -> Error {
    let connected = Target::connect(&options(&[address], &[])).await;
    connected.err().expect("that is no etcd")
}

fn value(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn every_call_does_what_it_says() {
    let fake = Fake::start().await;
    let target = connected(&fake).await;
    let lane = target.lane(3);
    assert_eq!(lane.get("p:a").await.unwrap(), None);
    lane.set("p:a", value("alice\0")).await.unwrap();
    assert_eq!(lane.get("p:a").await.unwrap(), Some(value("alice\0")));
    assert!(lane.has("p:a").await.unwrap() && !lane.has("p:b").await.unwrap());
    assert!(
        lane.modify("p:b", value("bob")).await.unwrap(),
        "it was absent"
    );
    assert!(lane.modify("p:b", value("bob2")).await.unwrap());
    assert_eq!(lane.get("p:b").await.unwrap(), Some(value("bob2")));
    let many = ["p:b", "p:c"].map(str::to_owned);
    lane.batch(&many, value("both")).await.unwrap();
    assert_eq!(lane.get("p:c").await.unwrap(), Some(value("both")));
    lane.txn(&many, value("again")).await.unwrap();
    assert_eq!(lane.get("p:c").await.unwrap(), Some(value("again")));
    let missing = ["p:z", "p:c"].map(str::to_owned);
    let error = lane.txn(&missing, value("never")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(lane.get("p:c").await.unwrap(), Some(value("again")));
    assert!(lane.delete("p:c").await.unwrap());
    lane.set("other", value("x")).await.unwrap();
    lane.set("q", value("x")).await.unwrap();
    assert_eq!(lane.scan("p:", 0, &|| true).await.unwrap(), 2);
    assert_eq!(lane.scan("p:", 1, &|| true).await.unwrap(), 1);
    assert_eq!(lane.scan_from("p:", "p:b", 9).await.unwrap(), 1);
    assert!(lane.delete("p:a").await.unwrap() && !lane.delete("p:a").await.unwrap());
    target.clear("p:").await.unwrap();
    let left: Vec<_> = fake.state.rows.lock().keys.keys().cloned().collect();
    assert_eq!(left, ["other", "q"]);
}

#[tokio::test]
async fn many_keys_are_scanned_and_cleared_page_by_page() {
    let fake = Fake::start().await;
    for number in 0..25_000 {
        let key = Bytes::from(format!("p:{number:05}"));
        fake.state.rows.lock().keys.insert(key, (1, value("v")));
    }
    let target = connected(&fake).await;
    let lane = target.lane(0);
    assert_eq!(lane.scan("p:1", 0, &|| true).await.unwrap(), 10_000);
    assert_eq!(lane.scan("p:", 1_234, &|| true).await.unwrap(), 1_234);
    let asked = fake.state.asked.load(Ordering::Relaxed);
    target.clear("p:").await.unwrap();
    assert!(fake.state.rows.lock().keys.is_empty());
    assert_eq!(fake.state.asked.load(Ordering::Relaxed) - asked, 6);
}

#[tokio::test]
async fn locks_of_a_client_share_a_lease_that_ends_with_the_run() {
    let fake = Fake::start().await;
    let target = connected(&fake).await;
    for client in 0..2 {
        let lane = target.lane(client);
        lane.lock_cycle("p:lock").await.unwrap();
        lane.lock_cycle("p:lock").await.unwrap();
    }
    assert_eq!(fake.state.rows.lock().leases.len(), 2);
    assert!(fake.state.rows.lock().keys.is_empty());
    // One has run out by itself.
    fake.state.rows.lock().leases.pop_first();
    target.clear("p:").await.unwrap();
    assert!(fake.state.rows.lock().leases.is_empty());
}

#[tokio::test]
async fn whole_runs_take_turns_over_the_members_and_leave_nothing_behind() {
    let (one, two) = (Fake::start().await, Fake::start().await);
    // Two members would share their keys; tests that read would miss them here.
    let both = options(&[&one.address, &two.address], &[Test::Set]);
    let measured = run(&both, &Interrupt::new(), |_| {}).await.unwrap();
    assert_eq!((measured.rows[0].ops, measured.rows[0].errors), (100, 0));
    let name = format!("etcd://{},{}", one.address, two.address);
    assert_eq!(measured.rows[0].target, name);
    let asked = |fake: &Fake| fake.state.asked.load(Ordering::Relaxed);
    assert!(asked(&one) > 20 && asked(&two) > 20);

    let fake = Fake::start().await;
    let tests = [
        Test::Set,
        Test::SetLarge,
        Test::Get,
        Test::Mixed,
        Test::Delete,
    ];
    let measured = run(
        &options(&[&fake.address], &tests),
        &Interrupt::new(),
        |_| {},
    )
    .await
    .unwrap();
    assert!(measured.stopped.is_none() && measured.left.is_none());
    for row in &measured.rows {
        assert_eq!(
            (row.ops, row.errors, row.connections),
            (100, 0, 2),
            "{row:?}"
        );
    }
    assert!(fake.state.rows.lock().keys.is_empty());
}

#[tokio::test]
async fn a_majority_is_promised_where_there_is_one() {
    let fake = Fake::start().await;
    let target = connected(&fake).await;
    let promise = target.promise().await.unwrap();
    assert_eq!(promise.acknowledged_when, "on disk (fdatasync)");
    *fake.state.members.lock() = (4, 1);
    let promise = target.promise().await.unwrap();
    assert_eq!(
        promise.acknowledged_when,
        "a majority of 3 has it on disk (fdatasync)"
    );
    assert_eq!(promise.reads, "linearizable");
}

#[tokio::test]
async fn refusals_are_counted_and_told_in_the_servers_words() {
    let fake = Fake::start().await;
    let lane = connected(&fake).await.lane(0);
    let full = Status::resource_exhausted("etcdserver: mvcc: database space exceeded");
    *fake.state.refusal.lock() = Some(full);
    let error = lane.set("a", value("v")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    assert!(
        error.message().ends_with("mvcc: database space exceeded"),
        "{error}"
    );
}

#[tokio::test]
async fn a_target_that_is_no_etcd_is_told_what_it_is() {
    let dkv = crate::client::tests::fake::Fake::local(1).await;
    let error = refusal(&dkv.endpoint).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error.message().contains("is not an etcd: there is"),
        "{error}"
    );
    let redis = crate::perf::target::redis::fake::Fake::start().await;
    let error = refusal(&redis.address).await;
    assert!(
        error.message().contains("is not an etcd: there is"),
        "{error}"
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let error = refusal(&address).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error
            .message()
            .contains("no etcd can be reached at 127.0.0.1"),
        "{error}"
    );
}
