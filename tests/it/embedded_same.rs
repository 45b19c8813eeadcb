//! The same requests, over the wire and in the process, get the same answers.

use std::fmt::Debug;
use std::time::Duration;

use dkv::base::types::{FenceToken, OwnerId, Revision, ShardId};
use dkv::base::{Error, limits};
use dkv::client::{
    BucketSettings, Compare, Condition, Fence, KeyRange, LockInfo, LockOptions, Op, Record,
    Relation, ScanOptions, SetOptions, Txn,
};
use dkv::embedded::block_on;
use dkv::server::Ephemeral;
use dkv::{Client, ClientOptions, LocalStore};

const HOUR: Duration = Duration::from_secs(3_600);
const ALICE: OwnerId = OwnerId([1; 16]);
const BOB: OwnerId = OwnerId([2; 16]);

/// What was asked and what came back, a line each.
#[derive(Default)]
struct Script(Vec<String>);

impl Script {
    fn note<T: Debug>(&mut self, what: &str, answer: Result<T, Error>) {
        let answer = match answer {
            Ok(answer) => format!("{answer:?}"),
            Err(error) => format!(
                "{:?}: {} ({:?})",
                error.kind(),
                error.message(),
                error.compacted_floor()
            ),
        };
        self.0.push(format!("{what} -> {answer}"));
    }
}

/// Up to the next minute: what is left of a timer depends on when one looks.
fn coarse(duration: &mut Option<Duration>) {
    if let Some(duration) = duration {
        *duration = Duration::from_secs(duration.as_secs().div_ceil(60) * 60);
    }
}

fn steady(mut record: Record) -> Record {
    coarse(&mut record.expire_in);
    coarse(&mut record.delete_in);
    record
}

fn steady_lock(mut lock: LockInfo) -> LockInfo {
    coarse(&mut lock.remaining);
    lock.age = Duration::ZERO;
    lock
}

#[tokio::test]
async fn every_request_is_answered_as_over_the_wire() {
    let server = Ephemeral::start().await.unwrap();
    let client = Client::connect(ClientOptions::to(server.endpoint())).await;
    let over_the_wire = script(&client.unwrap()).await;
    let store = LocalStore::in_memory().await.unwrap();
    let in_the_process = script(&store).await;
    for (one, other) in over_the_wire.iter().zip(&in_the_process) {
        assert_eq!(one, other);
    }
    assert_eq!(over_the_wire.len(), in_the_process.len());
    // And without a runtime.
    let alone = std::thread::spawn(|| {
        let store = block_on(LocalStore::in_memory()).unwrap();
        block_on(script(&store))
    });
    assert_eq!(alone.join().unwrap(), over_the_wire);
}

async fn script(client: &Client) -> Vec<String> {
    let mut script = Script::default();
    sets(client, &mut script).await;
    timers(client, &mut script).await;
    Box::pin(ranges(client, &mut script)).await;
    Box::pin(many(client, &mut script)).await;
    Box::pin(buckets(client, &mut script)).await;
    locks(client, &mut script).await;
    guards(client, &mut script).await;
    limits_and_names(client, &mut script).await;
    script.0
}

fn conditions() -> Vec<Option<Condition>> {
    vec![
        None,
        Some(Condition::Absent),
        Some(Condition::Present),
        Some(Condition::Revision(Revision(1))),
        Some(Condition::Revision(Revision(2))),
        Some(Condition::Value("1".into())),
        Some(Condition::Value("other".into())),
    ]
}

async fn sets(client: &Client, script: &mut Script) {
    for key in ["a", "b", ""] {
        for condition in conditions() {
            let options = SetOptions {
                return_previous: true,
                condition: condition.clone(),
                ..SetOptions::default()
            };
            let answer = client.set_with(key, "1", options).await;
            script.note(&format!("set {key} if {condition:?}"), answer);
            script.note("get", client.get(key).await);
            script.note("has", client.has(key).await);
        }
        script.note("expire", client.expire(key, None).await);
        script.note("get expired", client.get(key).await);
        script.note("has expired", client.has(key).await);
        script.note("persist expired", client.persist(key, None).await);
        script.note("delete", client.delete(key).await);
        script.note("delete again", client.delete(key).await);
        script.note("get deleted", client.get(key).await);
    }
}

async fn timers(client: &Client, script: &mut Script) {
    let times = [None, Some(HOUR), Some(Duration::ZERO), Some(Duration::MAX)];
    for expire_in in times {
        for delete_in in times {
            for keep_timers in [false, true] {
                let options = SetOptions {
                    expire_in,
                    delete_in,
                    keep_timers,
                    ..SetOptions::default()
                };
                let answer = client.set_with("timed", "1", options).await;
                script.note("set with timers", answer);
                let record = client.get("timed").await;
                script.note("get", record.map(|it| it.map(steady)));
            }
            let touched = client.touch("timed", expire_in, delete_in, None).await;
            script.note("touch", touched);
        }
    }
    script.note("persist", client.persist("timed", None).await);
    script.note("touch nothing", client.touch("no", None, None, None).await);
    script.note("get", client.get("timed").await.map(|it| it.map(steady)));
}

async fn ranges(client: &Client, script: &mut Script) {
    for i in 0..30 {
        let answer = client.set(format!("key:{i:02}"), vec![b'v'; 200_000]).await;
        script.note("set large", answer);
    }
    let range = |start: &str, end: &str| KeyRange {
        start: start.to_owned().into(),
        end: end.to_owned().into(),
    };
    let ranges = [
        KeyRange::all(),
        KeyRange::prefix("key:0"),
        range("key:05", "key:15"),
        range("z", "a"),
        range("a", "a"),
    ];
    for (range, limit) in ranges.iter().flat_map(|it| [(it, 0), (it, 7)]) {
        let mut scan = client.scan(ScanOptions {
            range: range.clone(),
            limit,
            keys_only: limit > 0,
            include_expired: true,
            ..ScanOptions::default()
        });
        loop {
            let page = scan.next_page().await;
            let ended = !matches!(page, Ok(Some(_)));
            let keys = |page: Vec<Record>| page.into_iter().map(|it| (it.key, it.value.len()));
            script.note(
                "page",
                page.map(|it| it.map(|it| keys(it).collect::<Vec<_>>())),
            );
            if ended {
                break;
            }
            // A later page sees what the first one saw.
            script.note("meanwhile", client.set("key:29x", "new").await);
            script.note("meanwhile", client.delete("key:29x").await);
        }
        script.note("revision", Ok(scan.revision()));
    }
    for range in ranges {
        script.note("delete range", client.delete_range(range, None).await);
    }
}

async fn many(client: &Client, script: &mut Script) {
    let ops = vec![
        Op::set("m:a", "1"),
        Op::incr("m:a", 4),
        Op::incr("m:text", 1),
        Op::set("m:text", "text"),
        Op::incr("m:text", 1),
        Op::expire("m:a"),
        Op::persist("m:a"),
        Op::delete("m:a"),
        Op::get("m:a"),
    ];
    script.note("batch with a get", client.batch(ops.clone(), None).await);
    let writes = ops[..ops.len() - 1].to_vec();
    let outcomes = client.batch(writes, None).await.unwrap();
    for outcome in outcomes {
        script.note("of a batch", outcome);
    }
    script.note("empty batch", client.batch(Vec::new(), None).await);
    for compare in [
        Compare::absent("m:a"),
        Compare::exists("m:a"),
        Compare::value("m:text", Relation::Greater, "m"),
        Compare::count(&KeyRange::prefix("m:"), Relation::Equal, 1),
        Compare::fence("deploy", Relation::Equal, None),
    ] {
        let txn = Txn {
            compares: vec![compare],
            then: vec![Op::set("m:a", "then"), Op::get("m:text")],
            otherwise: vec![Op::delete_range(&KeyRange::prefix("m:a")), Op::get("m:a")],
            fence: None,
        };
        script.note("txn", client.txn(txn).await);
    }
    let twice = Txn {
        then: vec![Op::delete("m:a"), Op::delete("m:a")],
        ..Txn::default()
    };
    script.note("txn writing twice", client.txn(twice).await);
    script.note("incr", client.incr("m:n", i64::MAX).await);
    script.note("incr", client.incr("m:n", 1).await);
    script.note("incr", client.incr("m:text", 1).await);
}

async fn buckets(client: &Client, script: &mut Script) {
    let settings = BucketSettings {
        delete_in: HOUR,
        quota_keys: 2,
        ..BucketSettings::default()
    };
    for name in ["", "b", "b", "a/b"] {
        let created = client.bucket_create(name, settings).await;
        script.note(&format!("create bucket {name}"), created);
    }
    let other = client.bucket_create("b", BucketSettings::default()).await;
    script.note("create bucket with other settings", other);
    let bucket = client.with_bucket("b");
    for key in ["a", "b", "c"] {
        script.note("set in a bucket", bucket.set(key, "1").await);
    }
    let record = bucket.get("a").await;
    script.note("get in a bucket", record.map(|it| it.map(steady)));
    script.note("bucket", client.bucket_info("b").await);
    let updated = client.bucket_update("b", BucketSettings::default()).await;
    script.note("update bucket", updated);
    script.note("update bucket c", client.bucket_update("c", settings).await);
    for _ in 0..2 {
        script.note("drop bucket", client.bucket_drop("b").await);
    }
    script.note("get in no bucket", bucket.get("a").await);
}

async fn locks(client: &Client, script: &mut Script) {
    let zero = Duration::ZERO;
    for owner in [ALICE, BOB] {
        let answer = client.acquire("deploy", owner, Some(HOUR), zero).await;
        script.note("acquire", answer);
        let waited = client.acquire("deploy", owner, None, Duration::from_millis(20));
        script.note("acquire, waiting", waited.await);
        script.note("renew", client.renew("deploy", owner, Some(HOUR)).await);
        let info = client.lock_info("deploy").await;
        script.note("info", info.map(|it| it.map(steady_lock)));
    }
    let token = client.lock_info("deploy").await.unwrap().unwrap().fence;
    for (name, token) in [
        ("deploy", token),
        ("deploy", FenceToken(token.0 - 1)),
        ("nobody", token),
        ("", token),
    ] {
        let fence = Some(Fence::new(name, token));
        let options = SetOptions {
            fence: fence.clone(),
            ..SetOptions::default()
        };
        script.note("set", client.set_with("fenced", "1", options).await);
        let again = fence.clone();
        script.note("touch", client.touch("fenced", None, None, again).await);
        script.note("delete", client.delete_with("fenced", fence.clone()).await);
        let range = KeyRange::prefix("fen");
        script.note("delete range", client.delete_range(range, fence).await);
    }
    script.note("release", client.release("deploy", BOB).await);
    script.note("release", client.release("deploy", ALICE).await);
    script.note("release", client.release("deploy", ALICE).await);
    for i in 0..5 {
        let name = format!("job:{i}");
        script.note("acquire", client.acquire(name, ALICE, None, zero).await);
    }
    for prefix in ["job:", "job:3", "none"] {
        let mut list = client.lock_list(prefix);
        while let Some(page) = list.next_page().await.unwrap() {
            script.note(
                "list",
                Ok(page.into_iter().map(steady_lock).collect::<Vec<_>>()),
            );
        }
    }
    script.note("revoke", client.revoke("job:1").await);
    script.note("revoke", client.revoke("job:1").await);
    let endless = client.acquire("deploy", ALICE, None, Duration::MAX).await;
    script.note("acquire for ever", endless);
    script.note("acquire", client.acquire("", ALICE, None, zero).await);
}

async fn guards(client: &Client, script: &mut Script) {
    let options = LockOptions::default();
    let guard = client.lock("guarded", options).await.unwrap().unwrap();
    script.note("token", Ok(guard.token()));
    let busy = client.lock("guarded", options).await;
    script.note("busy", busy.map(|guard| guard.is_some()));
    let waits = LockOptions {
        wait: Duration::from_secs(30),
        ..options
    };
    let (waited, released) = tokio::join!(client.lock("guarded", waits), async {
        while client.lock_info("guarded").await.unwrap().unwrap().waiters == 0 {}
        guard.release().await
    });
    script.note("released", released);
    let waited = waited.unwrap().unwrap();
    script.note("waited", Ok(waited.token()));
    script.note("released", waited.release().await);
}

async fn limits_and_names(client: &Client, script: &mut Script) {
    let long = |bytes: usize| vec![b'x'; bytes];
    for bytes in [limits::KEY_BYTES_MAX, limits::KEY_BYTES_MAX + 1] {
        script.note("set", client.set(long(bytes), "1").await);
        script.note("get", client.get(long(bytes)).await.map(|it| it.is_some()));
        let range = KeyRange::prefix(long(bytes));
        script.note("delete", client.delete_range(range, None).await);
        script.note("info", client.lock_info(long(bytes)).await);
    }
    for bytes in [limits::VALUE_BYTES_MAX, limits::VALUE_BYTES_MAX + 1] {
        script.note("set", client.set("large", long(bytes)).await);
    }
    // The message tells the bytes, to which over the wire a request id belongs.
    let refused = client.set("large", long(limits::REQUEST_BYTES_MAX)).await;
    let refused = refused.unwrap_err().message().to_owned();
    script.note("set", Ok(refused.replace(|c: char| c.is_ascii_digit(), "")));
    for shard in [200, 700] {
        let elsewhere = client.with_shard(ShardId(shard));
        script.note("set", elsewhere.set("a", "1").await);
        let zero = Duration::ZERO;
        let acquired = elsewhere.acquire("deploy", ALICE, None, zero).await;
        script.note("acquire", acquired);
    }
    for bucket in ["other", "not a name", &"b".repeat(256)] {
        let inside = client.with_bucket(bucket);
        script.note("set", inside.set("a", "1").await);
        script.note("get", inside.get("a").await);
        script.note("scan", inside.scan(ScanOptions::default()).collect().await);
    }
    script.note("timeout", client.with_timeout(Duration::ZERO).map(drop));
}
