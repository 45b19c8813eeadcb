//! The cluster over REST.

use serde_json::{Value, json};

use crate::harness::cluster::{Cluster, until};
use crate::harness::{Node, rest};

fn post(address: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    rest(address, "POST", path, &[], &body)
}

#[test]
fn members_are_seen_and_changed() {
    let cluster = Cluster::up(3);
    cluster.is_led_by(0);
    let [first, second, third] = &cluster.members[..] else {
        panic!("there are three");
    };
    let status = |address: &str| {
        let (code, status) = rest(address, "GET", "/v1/cluster", &[], "");
        assert_eq!(code, 200, "{status}");
        status
    };
    let seen = status(&first.endpoint);
    assert_eq!(seen["members"].as_array().unwrap().len(), 3, "{seen}");
    let group = &seen["groups"][0];
    assert_eq!(
        (&group["role"], &group["leader"]),
        (&json!("leader"), &seen["node"])
    );
    assert_eq!(group["peers"].as_array().unwrap().len(), 2, "{group}");
    assert_eq!(group["state_hash"].as_str().unwrap().len(), 16);
    // The leader counted it among the voters before it was told so.
    let follows = || status(&second.endpoint)["groups"][0]["role"] == "follower";
    until("node-2 knows that it votes", follows);
    // Who does not lead says who does, and is asked there.
    let promote = json!({"name": third.name});
    let (code, told) = post(&second.endpoint, "/v1/cluster/promote", &promote);
    assert_eq!(
        (code, &told["error"]["kind"]),
        (503, &json!("NotLeader")),
        "{told}"
    );
    assert_eq!(told["error"]["leader"], first.endpoint.as_str());
    let (code, done) = post(&first.endpoint, "/v1/cluster/promote", &promote);
    assert_eq!(
        (code, &done["done"]),
        (200, &json!("node-3 is a voter already"))
    );
    let transfer = json!({"name": second.name, "wait": "20s"});
    let (code, done) = post(&first.endpoint, "/v1/cluster/transfer-leader", &transfer);
    assert_eq!(code, 200, "{done}");
    assert!(
        done["done"]
            .as_str()
            .unwrap()
            .starts_with("node-2 leads shard"),
        "{done}"
    );
    let gone = json!({"name": third.name, "wait": "20s"});
    let leads = || status(&second.endpoint)["groups"][0]["role"] == "leader";
    until("node-2 knows that it leads", leads);
    let (code, done) = post(&second.endpoint, "/v1/cluster/remove", &gone);
    assert_eq!(code, 200, "{done}");
    let members = || {
        status(&second.endpoint)["members"]
            .as_array()
            .unwrap()
            .len()
    };
    until("it is no member", || members() == 2);
}

#[test]
fn a_node_of_its_own_has_no_members_and_makes_snapshots() {
    let node = Node::start();
    let address = node.address();
    let (code, status) = rest(address, "GET", "/v1/cluster", &[], "");
    assert_eq!((code, &status["members"]), (200, &json!([])), "{status}");
    assert!(status.get("cluster").is_none());
    node.dkv(&["kv", "set", "a", "1"]).exits(0);
    let (code, done) = rest(address, "POST", "/v1/cluster/snapshot", &[], "");
    assert_eq!(code, 200, "{done}");
    assert_eq!(done["done"], "the state of shard 100, 200 is durable");
    let (_, done) = post(address, "/v1/cluster/snapshot", &json!({"shard": 100}));
    assert!(done["shards"][0]["index"].as_u64().unwrap() > 0, "{done}");
    for (path, body, code, kind) in [
        ("join", json!({"address": "127.0.0.1:9"}), 400, "Invalid"),
        ("promote", json!({"name": "x"}), 400, "Invalid"),
        ("remove", json!({"name": "x"}), 400, "Invalid"),
        ("transfer-leader", json!({"name": "x"}), 400, "Invalid"),
        ("transfer-leader", json!({"nmae": "x"}), 400, "Invalid"),
        ("snapshot", json!({"shard": 7}), 404, "NotFound"),
    ] {
        let (status, answer) = post(address, &format!("/v1/cluster/{path}"), &body);
        let error = &answer["error"];
        assert_eq!(
            (status, &error["kind"]),
            (code, &json!(kind)),
            "{path}: {error}"
        );
    }
    assert_eq!(
        rest(address, "GET", "/v1/cluster?shard=100", &[], "").0,
        400
    );
}
