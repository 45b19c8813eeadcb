//! Which node is asked, and which never.

use std::time::Duration;

use super::fake::{Fake, Fault};
use super::reach::{client_of, client_with, nobody};
use crate::base::ErrorKind;
use crate::base::types::NodeId;
use crate::client::{Client, ClientOptions};
use crate::proto::v1;

async fn client_at(endpoints: Vec<String>) -> Client {
    let options = ClientOptions {
        endpoints,
        retries: 1,
        ..ClientOptions::default()
    };
    Client::connect(options).await.unwrap()
}

#[tokio::test]
async fn nobody_anywhere_is_said_with_what_would_help() {
    let (one, two) = (nobody(), nobody());
    let client = client_at(vec![one.clone(), two.clone()]).await;
    for error in [
        client.set("k", "v").await.unwrap_err(),
        client.describe().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(
            error.message(),
            format!(
                "cannot reach dkv at {one} (connection refused), {two} (connection refused): \
                 is `dkv serve` running? Where it listens is given with --endpoints"
            )
        );
    }
}

#[tokio::test]
async fn a_node_that_is_down_is_passed_over_without_a_retry() {
    let fake = Fake::replicated(1).await;
    let options = ClientOptions {
        endpoints: vec![nobody(), fake.endpoint.clone()],
        retries: 0,
        ..ClientOptions::default()
    };
    let client = Client::connect(options).await.unwrap();
    for lane in 0..4 {
        let client = client.with_lane();
        client.set(format!("k{lane}"), "v").await.unwrap();
    }
    assert_eq!(client.describe().await.unwrap().name, "alice");
}

#[tokio::test]
async fn a_replicated_shard_fails_over() {
    let mut one = Fake::replicated(9).await;
    let two = Fake::replicated(9).await;
    let client = client_of(&[&one, &two]).await;
    client.set("k", "v").await.unwrap();
    one.stop().await;
    client.set("k", "w").await.unwrap();
    assert!(!two.seen().is_empty());
}

#[tokio::test]
async fn a_local_shard_never_fails_over() {
    let mut one = Fake::local(1).await;
    let two = Fake::local(2).await;
    let client = client_with(&[&one, &two], Duration::from_millis(500), 1).await;
    for _ in 0..5 {
        client.with_lane().set("k", "v").await.unwrap();
    }
    one.stop().await;
    for _ in 0..3 {
        let error = client.with_lane().get("k").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.message().contains(&one.endpoint), "{error}");
    }
    assert!(two.seen().is_empty(), "it has another shard 100");
}

/// A node that comes back with an empty directory has another shard of that number.
#[tokio::test]
async fn another_shard_behind_the_same_endpoint_is_not_written() {
    let fake = Fake::local(1).await;
    let client = client_with(&[&fake], super::reach::LONG, 0).await;
    client.set("k", "v").await.unwrap();
    fake.state.lock().identity = [2; 16];
    fake.script([Fault::Break]);
    client.get("k").await.unwrap_err();
    let before = fake.seen().len();
    let error = client.set("k", "v").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    for identity in [[1; 16], [2; 16]] {
        let identity = NodeId(identity).to_string();
        assert!(error.message().contains(&identity), "{error}");
    }
    assert_eq!(fake.seen().len(), before, "nothing was sent");
}

#[tokio::test]
async fn a_reply_of_another_shard_is_refused() {
    let fake = Fake::local(1).await;
    let client = client_of(&[&fake]).await;
    client.set("k", "v").await.unwrap();
    fake.script([Fault::Impersonate([2; 16])]);
    let error = client.get("k").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    for identity in [[1; 16], [2; 16]] {
        let identity = NodeId(identity).to_string();
        assert!(error.message().contains(&identity), "{error}");
    }
}

#[tokio::test]
async fn the_leader_is_followed_when_a_node_names_it() {
    let (one, two) = (Fake::replicated(9).await, Fake::replicated(9).await);
    let client = client_of(&[&one]).await;
    one.script([Fault::Refuse(
        v1::ErrorKind::NotLeader,
        two.endpoint.clone(),
    )]);
    client.set("k", "v").await.unwrap();
    client.set("k", "v").await.unwrap();
    assert_eq!((one.seen().len(), two.seen().len()), (1, 2));
}

#[tokio::test]
async fn a_follower_that_forwards_is_asked_once() {
    let (one, two) = (Fake::replicated(9).await, Fake::replicated(9).await);
    one.state.lock().leader = two.endpoint.clone();
    let client = client_of(&[&one, &two]).await;
    for _ in 0..3 {
        client.get("k").await.unwrap();
    }
    assert_eq!((one.seen().len(), two.seen().len()), (1, 2));
}
