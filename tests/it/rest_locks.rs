//! Locks and buckets over REST.

use std::io::Write;
use std::net::TcpStream;
use std::thread;

use serde_json::{Value, json};

use crate::harness::cluster::until;
use crate::harness::{Node, rest};

const OTHER: &str = "00112233445566778899aabbccddeeff";

fn post(node: &Node, path: &str, body: &str) -> (u16, Value) {
    rest(node.address(), "POST", path, &[], body)
}

fn get(node: &Node, path: &str) -> (u16, Value) {
    rest(node.address(), "GET", path, &[], "")
}

#[track_caller]
fn is_refused(answer: &(u16, Value), status: u16, kind: &str, said: &str) {
    let error = &answer.1["error"];
    assert_eq!(
        (answer.0, error["kind"].as_str()),
        (status, Some(kind)),
        "{error}"
    );
    assert!(error["message"].as_str().unwrap().contains(said), "{error}");
}

#[test]
fn a_lock_is_taken_kept_and_given_up() {
    let node = Node::start();
    let (status, taken) = post(&node, "/v1/locks/a%2Fb/acquire", "");
    let fence = taken["fence"].as_u64().unwrap();
    assert_eq!(
        (status, &taken["acquired"], fence),
        (200, &json!(true), 1),
        "{taken}"
    );
    let owner = taken["owner"].as_str().unwrap();
    let again = post(
        &node,
        "/v1/locks/a%2Fb/acquire",
        &json!({"owner": owner}).to_string(),
    );
    assert_eq!(again.1["fence"], fence);
    let second = post(&node, "/v1/locks/a%2Fb/acquire", "{}");
    is_refused(&second, 409, "Conflict", "somebody else has lock `a/b`");
    let other = json!({"owner": OTHER, "ttl": "30s"}).to_string();
    let renewed = post(&node, "/v1/locks/a%2Fb/renew", &other);
    is_refused(&renewed, 409, "Conflict", "does not have lock");
    let stranger = json!({"owner": OTHER}).to_string();
    is_refused(
        &post(&node, "/v1/locks/a%2Fb/release", &stranger),
        409,
        "Conflict",
        "goes on",
    );
    let kept = json!({"owner": owner, "ttl": 30}).to_string();
    let (status, renewed) = post(&node, "/v1/locks/a%2Fb/renew", &kept);
    assert_eq!(
        (status, &renewed["renewed"], &renewed["fence"]),
        (200, &json!(true), &json!(1))
    );
    let (status, info) = get(&node, "/v1/locks/a%2Fb");
    assert_eq!(
        (status, &info["owner"], &info["name"]),
        (200, &json!(owner), &json!("a/b"))
    );
    assert!(
        (1..=30_000).contains(&info["remaining_ms"].as_u64().unwrap()),
        "{info}"
    );
    let fenced = format!("/v1/keys/k?shard=200&fence=a%2Fb@{fence}");
    assert_eq!(
        rest(node.address(), "PUT", &fenced, &[], r#"{"value":"v"}"#).0,
        400,
        "locks only"
    );
    let mine = json!({"owner": owner}).to_string();
    for _ in 0..2 {
        let (status, released) = post(&node, "/v1/locks/a%2Fb/release", &mine);
        assert_eq!(
            (status, &released["released"]),
            (200, &json!(true)),
            "nobody has it then"
        );
    }
    is_refused(
        &get(&node, "/v1/locks/a%2Fb"),
        404,
        "NotFound",
        "nobody has lock `a/b`",
    );
}

#[test]
fn locks_are_listed_and_revoked() {
    let node = Node::start();
    for name in ["a1", "a2", "a3", "%ff"] {
        assert_eq!(post(&node, &format!("/v1/locks/{name}/acquire"), "").0, 200);
    }
    let names = |path: &str| {
        let (status, page) = get(&node, path);
        assert_eq!(status, 200, "{page}");
        let locks = page["locks"].as_array().unwrap();
        let name = |lock: &Value| {
            lock["name"]
                .as_str()
                .or(lock["name_b64"].as_str())
                .map(str::to_owned)
        };
        let names: Vec<_> = locks.iter().filter_map(name).collect();
        (names.join(" "), page["more"].as_bool().unwrap())
    };
    assert_eq!(names("/v1/locks"), ("a1 a2 a3 /w==".to_owned(), false));
    assert_eq!(
        names("/v1/locks?prefix=a&limit=2"),
        ("a1 a2".to_owned(), true)
    );
    assert_eq!(
        names("/v1/locks?prefix=a&limit=2&after=a2"),
        ("a3".to_owned(), false)
    );
    assert_eq!(names("/v1/locks?prefix=%ff"), ("/w==".to_owned(), false));
    assert_eq!(post(&node, "/v1/locks/%ff/revoke", "").1["revoked"], true);
    assert_eq!(post(&node, "/v1/locks/%ff/revoke", "").1["revoked"], false);
    assert_eq!(get(&node, "/v1/locks/%ff").0, 404);
}

#[test]
fn whoever_waits_is_served_in_turn_and_whoever_goes_away_is_not() {
    let node = Node::start();
    let (_, taken) = post(&node, "/v1/locks/l/acquire", "");
    let late = post(&node, "/v1/locks/l/acquire", r#"{"wait":"200ms"}"#);
    is_refused(&late, 409, "Conflict", "nothing is queued");
    let waiters = || get(&node, "/v1/locks/l").1["waiters"].as_u64().unwrap();
    until("it does not queue any more", || waiters() == 0);
    let mut leaves = TcpStream::connect(node.address()).unwrap();
    let body = r#"{"wait":"1h"}"#;
    let head = "POST /v1/locks/l/acquire HTTP/1.1\r\nHost: localhost\r\n";
    let request =
        format!("{head}Content-Type: application/json\r\nContent-Length: 13\r\n\r\n{body}");
    leaves.write_all(request.as_bytes()).unwrap();
    until("it queues", || waiters() == 1);
    drop(leaves);
    until("it left the queue", || waiters() == 0);
    thread::scope(|scope| {
        let waits = scope.spawn(|| post(&node, "/v1/locks/l/acquire", r#"{"wait":"1m","ttl":60}"#));
        until("it queues", || waiters() == 1);
        let mine = json!({"owner": taken["owner"]}).to_string();
        assert_eq!(post(&node, "/v1/locks/l/release", &mine).0, 200);
        let (status, granted) = waits.join().unwrap();
        assert_eq!(
            (status, &granted["acquired"]),
            (200, &json!(true)),
            "{granted}"
        );
        assert!(granted["fence"].as_u64() > taken["fence"].as_u64());
    });
}

#[test]
fn a_node_that_stops_breaks_off_those_who_wait() {
    let mut node = Node::start();
    assert_eq!(post(&node, "/v1/locks/l/acquire", "").0, 200);
    let address = node.address().to_owned();
    let waits = thread::spawn(move || {
        rest(
            &address,
            "POST",
            "/v1/locks/l/acquire",
            &[],
            r#"{"wait":"1h"}"#,
        )
    });
    until("it queues", || get(&node, "/v1/locks/l").1["waiters"] == 1);
    assert_eq!(node.terminate(), 0);
    let (status, answer) = waits.join().unwrap();
    assert!(matches!(status, 503 | 504), "{status} {answer}");
}

/// Without an owner of its own a repetition would be somebody else, who waits for the first.
#[test]
fn an_acquisition_that_comes_twice_is_one() {
    let node = Node::start();
    let acquire = |key: &str| {
        let header = format!("Idempotency-Key: {OTHER}-{key}");
        rest(
            node.address(),
            "POST",
            "/v1/locks/l/acquire",
            &[&header],
            "",
        )
    };
    let (first, second) = (acquire("1"), acquire("1-retry"));
    assert_eq!((first.0, &first.1), (200, &second.1));
    assert_eq!(acquire("2").0, 409);
    is_refused(&acquire("x"), 400, "Invalid", "CLIENT-SEQUENCE");
}

#[test]
fn what_makes_no_sense_of_a_lock_is_refused() {
    let node = Node::start();
    let mine = json!({"owner": OTHER}).to_string();
    for (path, body, said) in [
        ("acquire", r#"{"owner":"xx"}"#, "32 hexadecimal digits"),
        ("acquire", r#"{"tll":1}"#, "unknown field `tll`"),
        ("acquire", r#"{"ttl":1,"ttl_seconds":1}"#, "give one"),
        ("acquire", r#"{"ttl":"soon"}"#, "not a duration"),
        ("acquire", "[", "the JSON body"),
        ("renew", &mine, "missing field `ttl`"),
        ("renew", r#"{"ttl":1}"#, "missing field `owner`"),
        ("release", "{}", "missing field `owner`"),
        ("acquire?bucket=b", "", "no parameter `bucket`"),
        ("acquire?shard=x", "", "not a number"),
    ] {
        is_refused(
            &post(&node, &format!("/v1/locks/l/{path}"), body),
            400,
            "Invalid",
            said,
        );
    }
    let form = ["Content-Type: application/x-www-form-urlencoded"];
    assert_eq!(
        rest(node.address(), "POST", "/v1/locks/l/acquire", &form, "").0,
        415
    );
    assert_eq!(
        rest(node.address(), "POST", "/v1/locks/l/renew", &[], "").0,
        415
    );
    is_refused(&get(&node, "/v1/locks/a/b"), 404, "NotFound", "written %2F");
    is_refused(
        &get(&node, "/v1/locks?limit=0"),
        400,
        "Invalid",
        "1 to 10000 locks",
    );
    assert_eq!(
        get(&node, "/v1/locks").1["locks"],
        json!([]),
        "nothing was taken"
    );
    assert_eq!(get(&node, "/v1/locks/l/acquire").0, 405);
}

#[test]
fn buckets_are_made_changed_and_dropped() {
    let node = Node::start();
    let ask = |method: &str, path: &str, body: &str| rest(node.address(), method, path, &[], body);
    let put = ask("PUT", "/v1/buckets/b", r#"{"ttl":"1h","quota_keys":2}"#);
    assert_eq!((put.0, &put.1["created"]), (201, &json!(true)));
    let put = ask(
        "PUT",
        "/v1/buckets/b",
        r#"{"ttl_seconds":3600,"quota_keys":2}"#,
    );
    assert_eq!((put.0, &put.1["created"]), (200, &json!(false)));
    is_refused(
        &ask("PUT", "/v1/buckets/b", ""),
        409,
        "Conflict",
        "other settings",
    );
    let patch = ask("PATCH", "/v1/buckets/b", r#"{"quota_keys":1}"#);
    assert_eq!((patch.0, &patch.1["updated"]), (200, &json!(true)));
    assert_eq!(ask("PATCH", "/v1/buckets/b", "{}").1["updated"], false);
    assert_eq!(ask("PUT", "/v1/keys/k?bucket=b", r#"{"value":"v"}"#).0, 201);
    assert_eq!(
        ask("PUT", "/v1/keys/k2?bucket=b", r#"{"value":"v"}"#).0,
        507
    );
    let (status, bucket) = ask("GET", "/v1/buckets/b", "");
    let expected = json!({
        "name": "b", "expire_in_ms": 0, "delete_in_ms": 3_600_000, "no_history": false,
        "quota_bytes": 0, "quota_keys": 1, "keys": 1, "bytes": 2, "create_revision": 1,
        "dropping": false,
    });
    assert_eq!((status, bucket), (200, expected));
}

#[test]
fn buckets_are_listed_and_dropped() {
    let node = Node::start();
    let ask = |method: &str, path: &str, body: &str| rest(node.address(), method, path, &[], body);
    for name in ["b", "b2"] {
        assert_eq!(ask("PUT", &format!("/v1/buckets/{name}"), "").0, 201);
    }
    assert_eq!(ask("PUT", "/v1/keys/k?bucket=b", r#"{"value":"v"}"#).0, 201);
    let page = ask("GET", "/v1/buckets?limit=1", "").1;
    assert_eq!(
        (&page["buckets"][0]["name"], &page["more"]),
        (&json!("b"), &json!(true))
    );
    let page = ask("GET", "/v1/buckets?after=b&prefix=b", "").1;
    assert_eq!(
        (&page["buckets"][0]["name"], &page["more"]),
        (&json!("b2"), &json!(false))
    );
    let dropped = ask("DELETE", "/v1/buckets/b", "").1;
    assert_eq!(
        (&dropped["dropped"], &dropped["deleted"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(ask("DELETE", "/v1/buckets/b", "").1["dropped"], false);
    is_refused(
        &ask("GET", "/v1/buckets/b", ""),
        404,
        "NotFound",
        "no bucket `b`",
    );
    is_refused(
        &ask("PATCH", "/v1/buckets/b", "{}"),
        404,
        "NotFound",
        "PUT makes it",
    );
    is_refused(
        &ask("PUT", "/v1/buckets/b%20", ""),
        400,
        "Invalid",
        "not a bucket name",
    );
    is_refused(
        &ask("PUT", "/v1/buckets/b?bucket=c", ""),
        400,
        "Invalid",
        "no parameter",
    );
    let fixed = ask("PATCH", "/v1/buckets/b2", r#"{"no_history":true}"#);
    is_refused(&fixed, 409, "Conflict", "is fixed");
}
