//! Against a fake Redis: what is asked, what is told, and what is left behind.

use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::fake::Fake;
use super::*;
use crate::client::ClientOptions;
use crate::perf::interrupt::Interrupt;
use crate::perf::options::Stop;
use crate::perf::run::run;
use crate::perf::target::{Lane, Target, TargetAddress};
use crate::perf::test::Test;

fn options(address: &str, tests: &[Test]) -> PerfOptions {
    PerfOptions {
        target: Some(TargetAddress::Redis(address.to_owned())),
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
    Target::connect(&options(&fake.address, &[])).await.unwrap()
}

async fn refusal(address: &str) -> Error {
    let connected = Target::connect(&options(address, &[])).await;
    connected.err().expect("that is no Redis")
}

fn value(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

#[tokio::test]
async fn every_call_does_what_it_says() {
    let fake = Fake::start().await;
    for pipeline in [false, true] {
        let options = PerfOptions {
            pipeline,
            ..options(&fake.address, &[])
        };
        let target = Target::connect(&options).await.unwrap();
        let lane = target.lane(3);
        assert_eq!(lane.get("p:a").await.unwrap(), None);
        lane.set("p:a", value("\r\nalice\0")).await.unwrap();
        assert_eq!(lane.get("p:a").await.unwrap(), Some(value("\r\nalice\0")));
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
        assert_eq!(lane.scan("p:", 0, &|| true).await.unwrap(), 2);
        assert_eq!(lane.scan("p:", 1, &|| true).await.unwrap(), 1);
        let error = lane.scan_from("p:", "p:b", 1).await.unwrap_err();
        assert!(error.message().contains("in no order"), "{error}");
        assert!(lane.delete("p:a").await.unwrap() && !lane.delete("p:a").await.unwrap());
        target.clear("p:").await.unwrap();
        let left: Vec<_> = fake.state.keys.lock().keys().cloned().collect();
        assert_eq!(left, ["other"]);
    }
}

#[tokio::test]
async fn many_keys_are_scanned_and_cleared_page_by_page() {
    let fake = Fake::start().await;
    for number in 0..2_500 {
        let key = Bytes::from(format!("p:{number:04}"));
        fake.state.keys.lock().insert(key, value("v"));
    }
    let target = connected(&fake).await;
    let lane = target.lane(0);
    assert_eq!(lane.scan("p:", 0, &|| true).await.unwrap(), 2_500);
    assert_eq!(lane.scan("p:", 1_234, &|| true).await.unwrap(), 1_234);
    assert_eq!(lane.scan("p:2", 0, &|| true).await.unwrap(), 500);
    target.clear("p:2").await.unwrap();
    assert_eq!(fake.state.keys.lock().len(), 2_000);
}

#[tokio::test]
async fn a_lock_is_held_by_one_and_released_by_nobody_else() {
    let fake = Fake::start().await;
    let target = connected(&fake).await;
    let lane = target.lane(0);
    lane.lock_cycle("lock").await.unwrap();
    assert!(fake.state.keys.lock().is_empty());
    // Restarted servers know no scripts.
    fake.state.scripts.lock().clear();
    lane.lock_cycle("lock").await.unwrap();
    assert!(fake.state.keys.lock().is_empty());
    fake.state.keys.lock().insert(value("lock"), value("bob"));
    let error = lane.lock_cycle("lock").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(fake.state.keys.lock()[&value("lock")], value("bob"));
}

#[tokio::test]
async fn whole_runs_leave_nothing_behind() {
    let fake = Fake::start().await;
    for pipeline in [false, true] {
        fake.state.connected.store(0, Ordering::Relaxed);
        let options = PerfOptions {
            pipeline,
            ..options(
                &fake.address,
                &[
                    Test::Set,
                    Test::SetLarge,
                    Test::Get,
                    Test::Mixed,
                    Test::Delete,
                ],
            )
        };
        let measured = run(&options, &Interrupt::new(), |_| {}).await.unwrap();
        assert!(measured.stopped.is_none() && measured.left.is_none());
        assert_eq!(measured.rows.len(), 5);
        for row in &measured.rows {
            assert_eq!((row.ops, row.errors), (100, 0), "{row:?}");
            assert_eq!(row.target, format!("redis://{}", fake.address));
            assert_eq!(row.connections, if pipeline { 2 } else { 4 });
        }
        assert!(fake.state.keys.lock().is_empty());
        // Of 64 clients that write the keys, or of all together.
        let connected = fake.state.connected.load(Ordering::Relaxed);
        assert!(connected <= if pipeline { 2 } else { 66 }, "{connected}");
    }
}

/// What makes a pipeline one: commands of many clients in one write.
#[tokio::test]
async fn clients_that_share_a_connection_do_not_wait_for_each_other() {
    let fake = Fake::start().await;
    let pipeline = Pipeline::to(fake.address.clone());
    pipeline.ask(&[b"PING"]).await.unwrap();
    assert_eq!(fake.state.at_once_max.load(Ordering::Relaxed), 1);
    let asked = (0..50).map(|number: u32| {
        let pipeline = pipeline.clone();
        async move {
            let text = number.to_string();
            pipeline
                .ask(&[b"SET", text.as_bytes(), text.as_bytes()])
                .await?;
            let reply = pipeline.ask(&[b"GET", text.as_bytes()]).await?;
            assert_eq!(reply, Reply::Bulk(text.into()), "answers keep their order");
            Ok::<_, Lost>(())
        }
    });
    for done in futures_util::future::join_all(asked).await {
        done.unwrap();
    }
    assert!(fake.state.at_once_max.load(Ordering::Relaxed) > 10);
    assert_eq!(fake.state.connected.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_lost_connection_is_an_error_and_the_next_command_connects_anew() {
    let fake = Fake::start().await;
    for pipeline in [false, true] {
        let options = PerfOptions {
            pipeline,
            ..options(&fake.address, &[])
        };
        fake.state.dies_after.store(0, Ordering::Relaxed);
        let lane = Target::connect(&options).await.unwrap().lane(0);
        fake.state.dies_after.store(3, Ordering::Relaxed);
        let mut told = Vec::new();
        for _ in 0..8 {
            told.push(lane.has("a").await.is_ok());
        }
        // The greeting was the first.
        let right = [true, true, false, true, true, true, false, true];
        assert_eq!(told, right, "pipeline {pipeline}");
        fake.state.dies_after.store(1, Ordering::Relaxed);
        let _ = lane.has("a").await;
        let _ = lane.has("a").await;
        fake.state.dies_after.store(0, Ordering::Relaxed);
        assert!(matches!(lane, Lane::Redis(_)));
    }
}

/// The next reply would be that of a command nobody waits for any more.
#[tokio::test]
async fn a_client_that_gave_up_does_not_read_the_late_answer_as_its_next() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut late = 100;
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut question = [0; 64];
            tokio::spawn(async move {
                while matches!(socket.read(&mut question).await, Ok(1..)) {
                    tokio::time::sleep(Duration::from_millis(late)).await;
                    let answer: &[u8] = if late > 0 { b":1\r\n" } else { b":0\r\n" };
                    let _ = socket.write_all(answer).await;
                }
            });
            late = 0;
        }
    });
    let server = Arc::new(Server {
        address,
        timeout: Duration::from_millis(20),
        idle: Mutex::default(),
        scripts: Default::default(),
        nonce: 0,
    });
    let lane = RedisLane::new(server, None, 0);
    let error = lane.has("a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.message().contains("no answer in time"), "{error}");
    tokio::time::sleep(Duration::from_millis(120)).await;
    assert!(!lane.has("a").await.unwrap());
}

#[tokio::test]
async fn what_is_promised_is_asked_from_the_server() {
    let fake = Fake::start().await;
    let target = connected(&fake).await;
    let promise = target.promise().await.unwrap();
    assert!(
        promise.acknowledged_when.starts_with("unknown"),
        "{promise:?}"
    );
    *fake.state.settings.lock() = vec![("appendonly", "yes"), ("appendfsync", "always")];
    let promise = target.promise().await.unwrap();
    assert_eq!(promise.acknowledged_when, "on disk (appendfsync always)");
}

#[tokio::test]
async fn refusals_are_told_in_the_servers_words() {
    let fake = Fake::start().await;
    *fake.state.refusal.lock() = Some("NOAUTH Authentication required.");
    let error = refusal(&fake.address).await;
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(error.message().contains("asks for a password"), "{error}");
    *fake.state.refusal.lock() = None;
    let lane = connected(&fake).await.lane(0);
    *fake.state.refusal.lock() = Some("READONLY You can't write against a read only replica.");
    let error = lane.set("a", value("v")).await.unwrap_err();
    assert!(
        error.message().contains("answered: READONLY You can't"),
        "{error}"
    );
}

#[tokio::test]
async fn a_target_that_is_no_redis_is_told_what_it_is() {
    let dkv = crate::client::tests::fake::Fake::local(1).await;
    let error = refusal(&dkv.endpoint).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(
        error.message().contains("is not a Redis: there is"),
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
            .contains("no Redis can be reached at 127.0.0.1"),
        "{error}"
    );
}
