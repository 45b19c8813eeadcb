//! What is refused, and in which words.

use super::*;
use crate::base::types::ShardId;
use crate::server::settings::{ShardKind, WantedShard};

fn node(id: Option<&str>) -> ServeConfig {
    ServeConfig {
        node_id: id.map(str::to_owned),
        shards: vec![WantedShard {
            id: ShardId(100),
            kind: ShardKind::Dstore,
            engine: None,
        }],
        ..ServeConfig::default()
    }
}

fn text(members: &str) -> ClusterText {
    let members = members.split(',').filter(|it| !it.is_empty());
    ClusterText {
        peer_listen: None,
        peer_advertise: None,
        members: members.map(|it| member(it).unwrap()).collect(),
        join: None,
        heartbeat: Duration::from_millis(50),
        election_timeout: Duration::from_millis(500),
        compaction_overhead: 5_000,
    }
}

#[track_caller]
fn refused(text: ClusterText, node: &ServeConfig, expected: &str) {
    let error = settle(text, node).unwrap_err();
    assert!(error.message().contains(expected), "{expected}: {error}");
}

const THREE: &str = "node-1=127.0.0.1:63001,node-2=127.0.0.1:63002,node-3=127.0.0.1:63003";

#[test]
fn a_member_listens_where_the_list_has_it() {
    let config = settle(text(THREE), &node(Some("node-2"))).unwrap();
    assert_eq!(config.peer_listen.to_string(), "127.0.0.1:63002");
    assert_eq!(config.peer_advertise.as_deref(), Some("127.0.0.1:63002"));
    assert_eq!(config.members.len(), 3);
    assert_eq!(remark(&config), None);
    let elsewhere = ClusterText {
        peer_listen: Some("127.0.0.1:7000".parse().unwrap()),
        ..text(THREE)
    };
    let config = settle(elsewhere, &node(Some("node-2"))).unwrap();
    assert_eq!(config.peer_listen.port(), 7000, "as said");
    assert_eq!(config.peer_advertise.as_deref(), Some("127.0.0.1:63002"));
}

#[test]
fn one_member_may_take_any_port_and_nobody_else() {
    let config = settle(text("node-1=127.0.0.1:0"), &node(Some("node-1"))).unwrap();
    assert_eq!(config.peer_listen.port(), 0);
    assert_eq!(config.peer_advertise, None);
    let two = text("node-1=127.0.0.1:0,node-2=127.0.0.1:1");
    refused(two, &node(Some("node-1")), "give it a port");
}

#[test]
fn a_list_that_cannot_be_is_refused() {
    refused(text(THREE), &node(None), "--node-id node-1");
    refused(text(THREE), &node(Some("node-4")), "not this node");
    refused(
        text("node-1=a:1,node-1=b:1"),
        &node(Some("node-1")),
        "node-1 twice",
    );
    refused(
        text("node-1=a:1,node-2=a:1"),
        &node(Some("node-1")),
        "node-1 and node-2 the same address a:1",
    );
    refused(
        text("node-1=db1.example:63001"),
        &node(Some("node-1")),
        "--peer-listen 0.0.0.0:63001",
    );
    let both = ClusterText {
        join: Some("a:1".to_owned()),
        ..text(THREE)
    };
    refused(both, &node(Some("node-1")), "give one of them");
    let local = ServeConfig {
        node_id: Some("node-1".to_owned()),
        ..ServeConfig::default()
    };
    refused(text(THREE), &local, "--shards 100=dstore");
    for wrong in [
        "node-1",
        "=a:1",
        "node 1=a:1",
        "node-1=a",
        "node-1=:1",
        "node-1=a:b",
        "node-1=a:99999",
        "node-1=::1:63001",
        "node-1=http://a:1",
    ] {
        assert!(member(wrong).is_err(), "{wrong}");
    }
    assert_eq!(member("a=[::1]:1").unwrap().address, "[::1]:1");
    assert!(peer_address("a:0").is_err());
}

#[test]
fn an_even_number_of_members_is_remarked_on() {
    for (members, survived) in [("node-1=a:1,node-2=b:1", "none"), ("node-1=a:1", "")] {
        let told = ClusterText {
            peer_listen: Some("127.0.0.1:1".parse().unwrap()),
            ..text(members)
        };
        let config = settle(told, &node(Some("node-1"))).unwrap();
        match survived {
            "" => assert_eq!(remark(&config), None),
            survived => assert!(remark(&config).unwrap().contains(survived)),
        }
    }
}

#[test]
fn timers_must_fit_together() {
    let timers = |heartbeat, election_timeout| ClusterText {
        heartbeat: Duration::from_millis(heartbeat),
        election_timeout: Duration::from_millis(election_timeout),
        ..text("")
    };
    let node = node(Some("node-1"));
    refused(timers(9, 500), &node, "write 10ms or more");
    refused(timers(50, 60_001), &node, "write 1m or less");
    refused(timers(50, 199), &node, "--election-timeout 200ms or more");
    refused(timers(100, 300), &node, "or --heartbeat 75ms or less");
    for (heartbeat, election_timeout) in [(10, 40), (50, 200), (15_000, 60_000)] {
        assert!(settle(timers(heartbeat, election_timeout), &node).is_ok());
    }
}

#[test]
fn nobody_is_let_in_unnoticed_and_nobody_is_told_nonsense() {
    let at = |listen: &str| ClusterText {
        peer_listen: Some(listen.parse().unwrap()),
        ..text("")
    };
    let member = node(Some("node-1"));
    refused(at("192.168.1.1:63001"), &member, "--insecure");
    refused(at("127.0.0.1:8080"), &member, "the same port");
    refused(at("0.0.0.0:8080"), &member, "--insecure");
    let open = ServeConfig {
        insecure: true,
        ..node(Some("node-1"))
    };
    refused(at("0.0.0.0:8080"), &open, "the same port");
    refused(at("0.0.0.0:63001"), &open, "--peer-advertise");
    let everywhere = ServeConfig {
        listen: vec![ListenAddress::Tcp("0.0.0.0:8080".parse().unwrap())],
        ..open
    };
    refused(at("10.0.0.1:63001"), &everywhere, "--advertise");
    assert!(settle(at("127.0.0.1:0"), &member).is_ok());
    // A node without replicated shards does not listen there.
    let alone = ServeConfig {
        listen: vec![ListenAddress::Tcp("127.0.0.1:63001".parse().unwrap())],
        ..ServeConfig::default()
    };
    assert!(settle(text(""), &alone).is_ok());
}
