//! What is repeated, under which id, and what is said when it ends.

use std::time::Duration;

use super::fake::{Fake, Fault};
use super::reach::{LONG, client_of, client_with};
use crate::base::ErrorKind;
use crate::client::Condition;
use crate::proto::v1;
use crate::proto::v1::request_frame::Request;

fn refuse(kind: v1::ErrorKind) -> Fault {
    Fault::Refuse(kind, String::new())
}

#[tokio::test]
async fn writes_are_numbered_and_acknowledge_what_was_answered() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    for _ in 0..3 {
        client.set("k", "v").await.unwrap();
    }
    client.get("k").await.unwrap();
    client.with_lane().delete("k").await.unwrap();
    let ids = fake.request_ids();
    assert_eq!(ids, [(1, 1, 0), (2, 2, 0), (3, 3, 0), (4, 4, 0)]);
}

#[tokio::test]
async fn a_write_in_doubt_is_repeated_under_its_id_and_applied_once() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    fake.script([Fault::ServeAndBreak, Fault::Break]);
    let revision = client.set("k", "v").await.unwrap();
    assert_eq!(revision.0, 1, "the first try was applied, no other");
    assert_eq!(fake.request_ids(), [(1, 1, 0), (1, 1, 1), (1, 1, 2)]);
}

#[tokio::test]
async fn an_open_write_holds_back_what_is_acknowledged() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    client.set("k", "v").await.unwrap();
    fake.script([Fault::Silence]);
    let open = client.clone();
    let open = tokio::spawn(async move { open.set("slow", "v").await });
    while fake.seen().len() < 2 {
        tokio::task::yield_now().await;
    }
    client.set("k", "v").await.unwrap();
    assert_eq!(fake.request_ids()[2], (3, 2, 0));
    open.abort();
    let _ = open.await;
    client.set("k", "v").await.unwrap();
    assert_eq!(
        fake.request_ids()[3],
        (4, 4, 0),
        "nobody repeats 2 any more"
    );
}

/// The server refuses a later attempt of a client it has never heard of: a try that
/// surely was not applied must not count as one.
#[tokio::test]
async fn a_try_that_was_not_applied_is_no_attempt() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    fake.script([
        refuse(v1::ErrorKind::Unavailable),
        refuse(v1::ErrorKind::NotLeader),
        refuse(v1::ErrorKind::Timeout),
    ]);
    client.set("k", "v").await.unwrap();
    let attempts: Vec<_> = fake.request_ids().iter().map(|id| id.2).collect();
    assert_eq!(attempts, [0, 0, 0, 1]);
}

#[tokio::test]
async fn a_write_that_stays_in_doubt_is_a_timeout_and_a_read_is_not() {
    let fake = Fake::local(1).await;
    fake.script([Fault::Break, Fault::Break, Fault::Break]);
    let written = client_of(&[&fake]).await.set("k", "v").await;
    assert!(
        written.is_ok(),
        "a lost connection is no refusal: {written:?}"
    );
    let client = client_with(&[&fake], Duration::from_millis(300), 1).await;
    fake.always(Some(Fault::Break));
    let error = client.set("k", "v").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.message().contains("is unknown"), "{error}");
    assert!(error.message().contains(&fake.endpoint), "{error}");
    let error = client.get("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

#[tokio::test]
async fn a_refusal_after_a_try_in_doubt_does_not_settle_it() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    fake.script([
        Fault::ServeAndBreak,
        refuse(v1::ErrorKind::LimitExceeded),
        refuse(v1::ErrorKind::LimitExceeded),
        Fault::ServeAndBreak,
        refuse(v1::ErrorKind::FenceStale),
    ]);
    let error = client.set("k", "v").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.message().contains("told to say LIMIT_EXCEEDED"));
    let error = client.set("k", "v").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded, "first try: {error}");
    let error = client.set("k", "v").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::FenceStale, "by the log: {error}");
}

#[tokio::test]
async fn what_cannot_get_better_is_not_repeated() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    for kind in [
        v1::ErrorKind::Invalid,
        v1::ErrorKind::NotFound,
        v1::ErrorKind::FenceStale,
        v1::ErrorKind::Denied,
        v1::ErrorKind::Internal,
    ] {
        let before = fake.seen().len();
        fake.script([refuse(kind)]);
        let error = client.set("k", "v").await.unwrap_err();
        assert!(error.message().contains(kind.as_str_name()), "{error}");
        assert_eq!(fake.seen().len(), before + 1);
    }
}

#[tokio::test]
async fn retries_end_with_what_was_said_last() {
    let fake = Fake::local(1).await;
    let client = client_with(&[&fake], LONG, 1).await;
    fake.always(Some(refuse(v1::ErrorKind::Unavailable)));
    let error = client.set("k", "v").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "nothing was applied");
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn a_silent_server_is_given_up_at_the_deadline() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    client.set("k", "v").await.unwrap();
    fake.always(Some(Fault::Silence));
    // Long enough to be sent, however busy the machine is.
    let limit = Duration::from_secs(2);
    let client = client.with_timeout(limit).unwrap();
    let started = tokio::time::Instant::now();
    let error = client.set("k", "v").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.message().contains("is unknown"), "{error}");
    // Deadlines are whole milliseconds of a clock that has them begin a little earlier.
    assert!(started.elapsed() + Duration::from_millis(1) >= limit);
    let error = client.get("k").await.unwrap_err();
    // A read that was not answered has changed nothing.
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let frames = fake.state.lock().seen.clone();
    let deadlines = frames[1..].iter().map(|frame| frame.deadline_ms);
    assert!(deadlines.into_iter().all(|ms| (1..=2_000).contains(&ms)));
    // A longer deadline armed before a shorter one must not hide it.
    let patient = client.with_timeout(LONG).unwrap();
    let waiting = tokio::spawn(async move { patient.get("k").await });
    while fake.seen().len() < 4 {
        tokio::task::yield_now().await;
    }
    assert!(client.get("k").await.is_err());
    assert!(!waiting.is_finished(), "its own deadline is far");
    waiting.abort();
}

#[tokio::test]
async fn options_arrive_as_they_were_given() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await.with_bucket("b");
    let options = crate::client::SetOptions {
        delete_in: Some(Duration::from_micros(1_500)),
        condition: Some(Condition::Absent),
        fence: Some(crate::client::Fence::new(
            "jobs",
            crate::base::types::FenceToken(7),
        )),
        ..crate::client::SetOptions::default()
    };
    client.set_with("k", "v", options).await.unwrap();
    let Some(Request::Set(set)) = fake.seen().pop() else {
        panic!("a set was sent");
    };
    assert_eq!(set.target.unwrap().bucket, "b");
    assert_eq!((set.expire_in_ms, set.delete_in_ms), (0, 2));
    assert_eq!(set.fence.unwrap().token, 7);
    let kind = set.condition.unwrap().kind;
    assert_eq!(kind, Some(v1::condition::Kind::Absent(true)));
}
