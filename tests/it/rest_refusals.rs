//! What a refusal over REST says beside its message: who answered, and of which revision.

use crate::harness::{Answer, Node, http_raw};

/// `head` is a method and a path, and further headers in lines of their own.
fn ask(node: &Node, head: &str, body: &str) -> Answer {
    let (line, headers) = head.split_once('\n').unwrap_or((head, "X-Nothing: more"));
    let content = match body.starts_with('{') {
        true => "Content-Type: application/json\r\n",
        false => "",
    };
    let request = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n\
         {content}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    http_raw(node.address(), request.as_bytes())
}

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    let mut lines = answer.head.lines();
    lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// Who read that a key is not there, or that its condition did not hold, was not told as of
/// when: the answer that says so had no revision, where the other one has it.
#[test]
fn a_refusal_that_was_decided_by_what_is_there_says_as_of_when() {
    let node = Node::start();
    let put = ask(&node, "PUT /v1/keys/a", "1");
    assert_eq!(put.status, 201, "{put:?}");
    let on = header(&put, "x-dkv-node").expect("it has one").to_owned();
    let acquire = "{\"owner\":\"0123456789abcdef0123456789abcdef\"}";
    let other = "{\"owner\":\"ffffffffffffffffffffffffffffffff\"}";
    let taken = ask(&node, "POST /v1/locks/job/acquire?shard=100", acquire);
    assert_eq!(taken.status, 200, "{taken:?}");
    let revision = header(&taken, "x-dkv-revision")
        .expect("it has one")
        .to_owned();
    let renew = "{\"owner\":\"ffffffffffffffffffffffffffffffff\",\"ttl\":\"1s\"}";
    let guarded = "{\"operations\":[{\"type\":\"delete\",\"key\":\"a\",\
                   \"conditions\":[{\"type\":\"key_not_exists\"}]}]}";
    for (head, body, status) in [
        ("GET /v1/keys/none", "", 404),
        ("PUT /v1/keys/a\nIf-None-Match: *", "2", 412),
        ("PUT /v1/keys/a\nIf-Match: 77", "2", 412),
        ("DELETE /v1/keys/a\nIf-Match: 77", "", 412),
        ("POST /v1/transaction", guarded, 409),
        ("GET /v1/locks/none?shard=100", "", 404),
        ("POST /v1/locks/job/acquire?shard=100", other, 409),
        ("POST /v1/locks/job/renew?shard=100", renew, 409),
        ("POST /v1/locks/job/release?shard=100", other, 409),
        ("GET /v1/buckets/none", "", 404),
        ("PATCH /v1/buckets/none", "{}", 404),
    ] {
        let refused = ask(&node, head, body);
        assert_eq!(refused.status, status, "{head}: {refused:?}");
        assert_eq!(
            header(&refused, "x-dkv-revision"),
            Some(&*revision),
            "{head}: {refused:?}"
        );
        assert_eq!(
            header(&refused, "x-dkv-shard"),
            Some("100"),
            "{head}: {refused:?}"
        );
        assert_eq!(
            header(&refused, "x-dkv-node"),
            Some(&*on),
            "{head}: {refused:?}"
        );
        assert_eq!(
            header(&refused, "cache-control"),
            Some("no-cache"),
            "{head}: {refused:?}"
        );
    }
}

/// What was refused for itself has looked at nothing; the node that says so is known.
#[test]
fn a_refusal_of_the_request_itself_says_which_node_it_was() {
    let node = Node::start();
    let put = ask(&node, "PUT /v1/keys/a", "1");
    let on = header(&put, "x-dkv-node").expect("it has one").to_owned();
    for head in [
        "GET /v1/keys/a?at=x",
        "GET /v1/keys/a?bucket=none",
        "GET /v1/nothing",
    ] {
        let refused = ask(&node, head, "");
        assert!(refused.status >= 400, "{refused:?}");
        assert_eq!(
            header(&refused, "x-dkv-node"),
            Some(&*on),
            "{head}: {refused:?}"
        );
        assert_eq!(
            header(&refused, "x-dkv-revision"),
            None,
            "{head}: {refused:?}"
        );
    }
}

/// The first form that was named won, however little it was wanted.
#[test]
fn a_value_comes_in_the_form_that_is_wanted_most() {
    let node = Node::start();
    assert_eq!(ask(&node, "PUT /v1/keys/a", "1").status, 201);
    let get = |accept: &str| ask(&node, &format!("GET /v1/keys/a\n{accept}"), "");
    for accept in [
        "Accept: application/json;q=0.1, application/octet-stream",
        "Accept: application/json;q=0.1\r\nAccept: application/octet-stream;q=0.2",
    ] {
        let raw = get(accept);
        assert_eq!((raw.status, &*raw.body), (200, "1"), "{accept}: {raw:?}");
    }
    let neither = get("Accept: application/json;q=0, text/html");
    assert_eq!(neither.status, 406, "{neither:?}");
}
