//! Clusters of fakes: who is asked, what is made of the answers, and when it is given up.

use std::time::Duration;

use super::Cluster;
use crate::base::ErrorKind;
use crate::base::types::{NodeId, ShardId};
use crate::client::tests::fake::Fake;
use crate::client::tests::fake_cluster::{FakeMember, cluster, id};
use crate::client::{Client, ClientOptions};
use crate::proto::v1;

async fn at(endpoints: &[&str]) -> Cluster {
    within(Duration::from_millis(700), endpoints).await
}

async fn within(timeout: Duration, endpoints: &[&str]) -> Cluster {
    let options = ClientOptions {
        endpoints: endpoints.iter().map(|&it| it.to_owned()).collect(),
        timeout,
        ..ClientOptions::to("127.0.0.1:1")
    };
    Client::connect(options).await.unwrap().cluster().unwrap()
}

async fn complaints(member: &FakeMember) -> Vec<String> {
    let overview = at(&[&member.endpoint]).await.overview().await.unwrap();
    overview.complaints()
}

#[tokio::test]
async fn one_endpoint_leads_to_all_members() {
    let mut members = cluster(3).await;
    let asked = at(&[&members[1].endpoint]).await;
    let overview = asked.overview().await.unwrap();
    assert_eq!(overview.answers().count(), 3);
    assert_eq!(overview.complaints(), Vec::<String>::new());
    let leader = overview.leader(ShardId(100)).unwrap();
    assert_eq!(leader.member.name, "node-1");

    members[2].stop().await;
    let overview = asked.overview().await.unwrap();
    let gone = overview.named("node-3").unwrap().status.as_ref();
    assert!(gone.unwrap_err().contains("connection refused"), "{gone:?}");
    let complaints = overview.complaints();
    let go_on = "2 of 3 voters answer, which is a majority: reads and writes go on";
    assert_eq!(complaints[0], go_on);
    assert!(complaints[1].starts_with("node-3 cannot"), "{complaints:?}");
    members[0].stop().await;
    let complaints = asked.overview().await.unwrap().complaints();
    assert!(
        complaints[0].contains("nothing can be written"),
        "{complaints:?}"
    );
}

#[tokio::test]
async fn another_node_at_a_members_address_is_no_member() {
    let members = cluster(2).await;
    members[1].state.lock().status.node = id(7);
    let said = complaints(&members[0]).await.join("\n");
    assert!(said.contains("another node, node-2, answers"), "{said}");
}

#[tokio::test]
async fn what_is_no_cluster_is_said_to_be_none() {
    let members = cluster(1).await;
    let others = cluster(1).await;
    others[0].state.lock().status.cluster = id(8);
    let both = at(&[&members[0].endpoint, &others[0].endpoint]).await;
    let error = both.overview().await.unwrap_err();
    assert!(error.message().contains("different clusters"), "{error}");
    members[0].state.lock().status.cluster.clear();
    let error = at(&[&members[0].endpoint]).await.overview().await;
    assert!(error.unwrap_err().message().contains("in no cluster"));
    let old = Fake::local(1).await;
    let error = at(&[&old.endpoint]).await.overview().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let error = at(&["127.0.0.1:1"]).await.overview().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    members[0].state.lock().status.node.clear();
    let error = at(&[&members[0].endpoint])
        .await
        .status()
        .await
        .unwrap_err();
    assert!(error.message().contains("a node id of 0 bytes"), "{error}");
}

#[tokio::test]
async fn everything_unhealthy_has_its_sentence() {
    let members = cluster(3).await;
    members[2].shard(|it| it.state_hash = 78);
    assert!(complaints(&members[0]).await[0].contains("DIFFERENT"));
    members[2].shard(|it| {
        it.state_hash = 77;
        it.leader = id(2);
    });
    let said = complaints(&members[0]).await;
    assert_eq!(
        said,
        ["shard 100 is led by node-1, but node-3 takes node-2 for it"]
    );
    members[2].shard(|it| {
        it.leader = id(1);
        it.joint = true;
    });
    assert!(complaints(&members[0]).await[0].contains("a change of its members"));
    members[2].shard(|it| it.joint = false);
    members[0].shard(|it| it.voters.truncate(2));
    assert!(complaints(&members[0]).await[0].contains("a change of its members"));
    members[0].shard(|it| {
        it.voters.push(id(3));
        it.committed_index = 10_008;
        it.applied_index = 10_007;
    });
    members[1].shard(|it| it.applied_index = 10_007);
    let said = complaints(&members[0]).await;
    assert_eq!(said, ["node-3 is 10001 entries behind in shard 100"]);
    members[2].shard(|it| it.applied_index = 8);
    members[1].state.lock().status.read_only_because = "the disk is full".to_owned();
    let said = complaints(&members[0]).await;
    assert_eq!(said, ["node-2 refuses writes: the disk is full"]);
    members[1].state.lock().status.read_only_because.clear();
    members[0].shard(|it| {
        it.role = v1::Role::Follower as i32;
        it.leader.clear();
    });
    for follower in &members[1..] {
        follower.shard(|it| it.leader.clear());
    }
    assert_eq!(complaints(&members[0]).await, ["shard 100 has no leader"]);
}

/// A member whose certificate was revoked answered its clients, and the cluster was healthy
/// while nothing reached it any more.
#[tokio::test]
async fn who_does_not_answer_its_leader_is_not_healthy() {
    let members = cluster(3).await;
    let heard = |node: u8, answered_ms_ago| v1::PeerProgress {
        node: id(node),
        matched_index: 7,
        answered_ms_ago,
    };
    members[0].shard(|it| it.peers = vec![heard(2, Some(40)), heard(3, Some(5_000))]);
    assert_eq!(complaints(&members[0]).await, Vec::<String>::new());
    members[0].shard(|it| it.peers = vec![heard(2, None), heard(3, Some(9_900))]);
    let why = ": the logs of both say why";
    assert_eq!(
        complaints(&members[0]).await,
        [
            format!("node-2 has not answered node-1, which leads shard 100, yet{why}"),
            format!("node-3 has not answered node-1, which leads shard 100, for 9 s{why}"),
        ]
    );
}

/// A learner that was to vote was called healthy: whoever then took another member out had
/// fewer voters than it thought.
#[tokio::test]
async fn who_is_on_the_way_in_or_out_is_not_healthy_yet() {
    let members = cluster(3).await;
    members[0].state.lock().status.members[2].voter = false;
    members[0].state.lock().status.members[2].wants_vote = true;
    members[0].shard(|it| it.voters.truncate(2));
    let said = complaints(&members[0]).await;
    assert_eq!(said, ["node-3 has no vote yet: it is to catch up first"]);
    members[0].state.lock().status.members[2].wants_vote = false;
    assert_eq!(complaints(&members[0]).await, Vec::<String>::new());
    members[0].state.lock().status.members[2].leaving = true;
    let said = complaints(&members[0]).await;
    assert_eq!(said, ["node-3 is being taken out"]);
}

/// A node that was taken out, and never heard of it, told of a change that never ends, and
/// later that all was well.
#[tokio::test]
async fn a_node_that_was_taken_out_does_not_say_who_the_members_are() {
    let members = cluster(3).await;
    for member in &members[..2] {
        member.state.lock().status.members.truncate(2);
        member.shard(|it| {
            it.voters.truncate(2);
            it.term = 4;
        });
    }
    members[2].shard(|it| it.leader = id(3));
    let said = complaints(&members[2]).await;
    assert_eq!(said.len(), 1, "{said:?}");
    let endpoint = &members[2].endpoint;
    let out = format!("node-3, which answers at {endpoint}, is no member any more");
    assert!(said[0].starts_with(&out), "{said:?}");
    assert_eq!(complaints(&members[0]).await, Vec::<String>::new());
}

/// The line said "reads and writes go on" and that there was no leader.
#[tokio::test]
async fn nothing_goes_on_without_a_leader() {
    let mut members = cluster(3).await;
    members[0].stop().await;
    let said = complaints(&members[1]).await;
    assert_eq!(said[0], "2 of 3 voters answer, which is a majority");
    let lost = "shard 100 has no leader that answers: node-1 led it last";
    assert!(said.iter().any(|it| it == lost), "{said:?}");
}

#[tokio::test]
async fn a_change_is_made_where_the_leader_is() {
    let members = cluster(3).await;
    members[1].refuse(v1::ErrorKind::NotLeader, &members[0].endpoint);
    let asked = at(&[&members[1].endpoint]).await;
    assert_eq!(asked.promote("node-3").await.unwrap(), "did promote node-3");
    assert_eq!(members[0].asked(), ["promote node-3"]);
    let shard = Some(ShardId(100));
    asked.transfer_leader("node-2", shard).await.unwrap();
    asked.add_learner("127.0.0.1:9").await.unwrap();
    asked.leave().await.unwrap();
    let expected = ["transfer 100 node-2", "add 127.0.0.1:9", "remove node-2"];
    assert_eq!(members[1].asked()[1..], expected);
    let snapshots = asked.snapshot(&members[2].endpoint, None).await.unwrap();
    assert_eq!(snapshots[0].index.0, 7);
    assert_eq!(members[2].asked(), ["snapshot 0"]);
    let two = at(&[&members[0].endpoint, &members[1].endpoint]).await;
    assert_eq!(two.leave().await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn a_change_waits_for_a_leader_and_for_no_other_refusal() {
    let members = cluster(2).await;
    for _ in 0..2 {
        members[0].refuse(v1::ErrorKind::NotLeader, "");
        members[1].refuse(v1::ErrorKind::Unavailable, "");
    }
    let asked = at(&[&members[0].endpoint, &members[1].endpoint]).await;
    assert!(asked.remove("node-2").await.is_ok());
    assert_eq!((members[0].asked().len(), members[1].asked().len()), (3, 2));
    members[0].refuse(v1::ErrorKind::Invalid, "");
    let error = asked.remove("node-2").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert_eq!(members[0].asked().len(), 4);
}

/// A member that keeps naming a dead leader is asked now and then, not in a circle.
#[tokio::test]
async fn a_change_without_a_leader_ends_in_time_and_says_what_is_known() {
    let members = cluster(2).await;
    for _ in 0..100 {
        members[1].refuse(v1::ErrorKind::NotLeader, "127.0.0.1:1");
    }
    let endpoints = ["127.0.0.1:2", &members[1].endpoint];
    // Time for a second try on a busy machine, too.
    let asked = within(Duration::from_secs(3), &endpoints).await;
    let error = asked.remove("node-2").await.unwrap_err();
    assert!(error.message().contains("nothing was changed"), "{error}");
    assert!(
        matches!(error.kind(), ErrorKind::NotLeader | ErrorKind::Unavailable),
        "{error}"
    );
    let tries = members[1].asked().len();
    assert!((2..=60).contains(&tries), "{tries}");
    // Whoever breaks off in the middle may have done it.
    let other = cluster(1).await;
    for _ in 0..100 {
        let broken = tonic::Status::unavailable("the connection broke");
        other[0].state.lock().refusals.push_back(broken);
    }
    let error = at(&[&other[0].endpoint]).await.remove("node-1").await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn nodes_are_called_by_their_names() {
    let members = cluster(1).await;
    let overview = at(&[&members[0].endpoint]).await.overview().await.unwrap();
    assert_eq!(overview.name_of(NodeId([1; 16])), "node-1");
    assert_eq!(overview.committed(ShardId(100)).0, 7);
    assert_eq!(overview.shard_ids(), [ShardId(100)]);
}
