//! Bad input over plain HTTP: each is refused in clear words, and nothing is half done.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::harness::{Answer, Node, PATIENCE, http, http_raw};

fn send(node: &Node, head: &str, body: &[u8]) -> Answer {
    let mut request = format!("{head}\r\nHost: localhost\r\nConnection: close\r\n").into_bytes();
    if !head.contains("Content-Length") && !head.contains("Transfer-Encoding") {
        request.extend(format!("Content-Length: {}\r\n", body.len()).into_bytes());
    }
    request.extend(b"\r\n");
    request.extend(body);
    http_raw(node.address(), &request)
}

#[track_caller]
fn refuses(node: &Node, head: &str, body: &[u8], status: u16, why: &str) {
    let answer = send(node, head, body);
    assert_eq!(answer.status, status, "{head}: {answer:?}");
    assert!(answer.body.contains(why), "{head}: {}", answer.body);
    assert!(
        answer.head.contains("content-type: application/json"),
        "{head}"
    );
    let id = answer
        .head
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "));
    assert!(answer.body.contains(id.expect("it has an id")), "{head}");
}

/// A request, its body, and how it is refused.
type Bad = (String, &'static str, u16, &'static str);

/// A request of which the body is wrong.
fn document(head: &str, body: &'static str, why: &'static str) -> Bad {
    let head = format!("{head} HTTP/1.1\r\nContent-Type: application/json");
    (head, body, 400, why)
}

fn documents() -> Vec<Bad> {
    const PUT: &str = "PUT /v1/keys/a";
    const TXN: &str = "POST /v1/transaction";
    vec![
        document(PUT, "{\"value\": ", "EOF while parsing"),
        document(PUT, "{\"value\": 5}", "expected a string"),
        document(PUT, "{\"vlaue\": \"x\"}", "unknown field `vlaue`"),
        document(PUT, "{}", "`value` is missing"),
        document(
            PUT,
            "{\"value\": \"a\", \"value_b64\": \"YQ==\"}",
            "not both",
        ),
        document(PUT, "{\"value_b64\": \"a b\"}", "is not base64"),
        document(
            PUT,
            "{\"value\": \"a\", \"ttl\": \"soon\"}",
            "is not a duration",
        ),
        document(
            "PUT /v1/keys/a?ttl=5s",
            "{\"value\": \"a\", \"ttl\": 5}",
            "give them once",
        ),
        document(PUT, "\u{feff}{\"value\": \"a\"}", "expected value"),
        document(
            TXN,
            "{\"then\": [{\"op\": \"fly\"}]}",
            "unknown variant `fly`",
        ),
        document(
            TXN,
            "{\"then\": [{\"op\": \"set\", \"key\": \"a\"}]}",
            "then, entry 1: `value` is missing",
        ),
        document("POST /v1/batch", "{\"operations\": []}", "1 to 1000"),
    ]
}

/// A request of which the head is wrong.
fn head(head: &str, status: u16, why: &'static str) -> Bad {
    let body = if head.starts_with("PUT") { "x" } else { "" };
    let (line, headers) = head.split_once('\n').unwrap_or((head, ""));
    let headers: String = headers.lines().map(|it| format!("\r\n{it}")).collect();
    (format!("{line} HTTP/1.1{headers}"), body, status, why)
}

fn requests() -> Vec<Bad> {
    let long = "k".repeat(4_097);
    vec![
        head(
            "PUT /v1/keys/a\nContent-Type: application/xml",
            415,
            "application/octet-stream",
        ),
        head(
            "PUT /v1/keys/a\nIf-Match: seven",
            400,
            "it is the revision of the key",
        ),
        head(
            "PUT /v1/keys/a\nIf-None-Match: \"7\"",
            400,
            "If-None-Match of a write is *",
        ),
        head("PUT /v1/keys/a\nIdempotency-Key: 7", 400, "CLIENT-SEQUENCE"),
        head("PUT /v1/keys/a?fence=jobs", 400, "it is NAME@TOKEN"),
        head("PUT /v1/keys/a?ttl=5s&ttl=6s", 400, "given twice"),
        head(
            "PUT /v1/keys/a?ttl_second=5",
            400,
            "did you mean `ttl_seconds`?",
        ),
        head("PUT /v1/keys/a?shard=x", 400, "`shard` is `x`"),
        head("PUT /v1/keys/a?shard=7", 404, "shard 7 is not served"),
        head(
            "PUT /v1/keys/a?bucket=no%2Fslash",
            400,
            "is not a bucket name",
        ),
        head(
            "PUT /v1/keys/a?consistency=eventual",
            400,
            "linearizable or stale",
        ),
        head("PUT /v1/keys/a%4", 400, "no percent-encoding"),
        head("PUT /v1/keys/", 400, "the key is empty"),
        head(&format!("PUT /v1/keys/{long}"), 400, "at most 4096"),
        head(
            "PUT /v1/keys/a\nContent-Length: 99999999999",
            413,
            "20971520 bytes",
        ),
        head(
            "PUT /v1/keys/a\nOrigin: http://evil.example",
            403,
            "may not write",
        ),
        head("PUT /v1/keys/a\nOrigin: null", 403, "may not write"),
    ]
}

fn routes() -> Vec<Bad> {
    vec![
        head("POST /v1/batch", 415, "application/json"),
        head(
            "DELETE /v1/keys?start=&end=",
            400,
            "`all=true` removes every key",
        ),
        head(
            "POST /v1/incr/a\nIf-Match: \"1\"",
            400,
            "PUT and DELETE of one key",
        ),
        head("DELETE /v1/keys", 400, "`all=true` removes every key"),
        head("GET /v1/keys?cursor=zzz", 400, "cursor"),
        head("GET /v1/keys?limit=0", 400, "1 to 10000"),
        head("GET /v1/keys/a?at=99", 400, "does not exist yet"),
        head(
            "GET /v1/keys/a\nAccept: text/html",
            406,
            "application/octet-stream",
        ),
        head("GET /v2/keys", 404, "/docs what it can be asked"),
        head("GET //v1/keys", 404, "/docs"),
        head("BREW /v1/keys/a", 405, "does not take BREW: it takes "),
    ]
}

#[test]
fn bad_requests_are_told_what_is_wrong_and_change_nothing() {
    let mut node = Node::start();
    let table = documents().into_iter().chain(requests()).chain(routes());
    for (head, body, status, why) in table {
        refuses(&node, &head, body.as_bytes(), status, why);
    }
    let count = http(node.address(), "GET", "/v1/keys?count_only=true");
    assert!(
        count.body.contains("\"revision\":0"),
        "something was done: {}",
        count.body
    );
    node.assert_healthy();
}

#[test]
fn a_key_may_be_any_bytes() {
    let node = Node::start();
    for byte in 0..=255_u8 {
        let path = format!("/v1/keys/%{byte:02x}..%2f//%2F%{byte:02X}");
        let written = send(
            &node,
            &format!("PUT {path}?return_previous HTTP/1.1"),
            &[byte; 3],
        );
        assert_eq!(written.status, 201, "{byte}: {written:?}");
        let read = http(node.address(), "GET", &path);
        assert_eq!(read.status, 200, "{byte}: {read:?}");
        // The other spelling is the same key.
        let other = format!("/v1/keys/%{byte:02X}%2e%2E///%2f%{byte:02x}");
        assert_eq!(http(node.address(), "DELETE", &other).status, 200);
        assert_eq!(http(node.address(), "GET", &path).status, 404, "{byte}");
    }
}

#[test]
fn what_is_hardly_http_is_survived() {
    let mut node = Node::start();
    for (garbage, status) in [
        (b"GARBAGE\r\n\r\n".to_vec(), 400),
        (b"\0\x01\x02\r\n\r\n".to_vec(), 400),
        (format!("GET /{} HTTP/1.1\r\n\r\n", "p".repeat(70_000)).into_bytes(), 431),
        (format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "h".repeat(1 << 20)).into_bytes(), 431),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "X: 1\r\n".repeat(300)).into_bytes(), 431),
        (b"PUT /v1/keys/a HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n".to_vec(), 400),
        (b"PUT /v1/keys/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\nzz\r\n".to_vec(), 400),
        (b"GET /v1/keys/a HTTP/1.0\r\n\r\n".to_vec(), 404),
        (b"GET /v1/keys/a HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n".to_vec(), 421),
    ] {
        let answer = http_raw(node.address(), &garbage);
        let shown = String::from_utf8_lossy(&garbage[..garbage.len().min(60)]);
        assert_eq!(answer.status, status, "{shown}");
    }
    node.assert_healthy();
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let node = Node::start();
    let mut stream = TcpStream::connect(node.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = "PUT /v1/keys/slow?timeout=200ms HTTP/1.1\r\nHost: localhost\r\n\
                Content-Length: 10\r\n\r\nhalf";
    stream.write_all(head.as_bytes()).unwrap();
    let mut said = [0; 4_096];
    let length = stream.read(&mut said).unwrap();
    let said = String::from_utf8_lossy(&said[..length]);
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    assert!(said.contains("nothing was done"), "{said}");
    // Nor does one that breaks off leave anything.
    let mut stream = TcpStream::connect(node.address()).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    drop(stream);
    assert_eq!(http(node.address(), "GET", "/v1/keys/slow").status, 404);
}

#[test]
fn a_write_that_comes_again_is_done_once() {
    let node = Node::start();
    let client = "00112233445566778899aabbccddeeff";
    let add = |id: &str| {
        send(
            &node,
            &format!("POST /v1/incr/n HTTP/1.1\r\nIdempotency-Key: {id}"),
            b"",
        )
        .body
    };
    let first = add(&format!("{client}-1"));
    assert_eq!(add(&format!("{client}-1")), first);
    assert_eq!(add(&format!("{client}-1-retry")), first);
    assert!(add(&format!("{client}-2")).contains("\"value\":2"));
    // Somebody who was never heard of cannot say that it was done.
    let stranger = send(
        &node,
        "POST /v1/incr/n HTTP/1.1\r\nIdempotency-Key: ffeeddccbbaa99887766554433221100-1-retry",
        b"",
    );
    assert_eq!(stranger.status, 504, "{stranger:?}");
    assert!(
        http(node.address(), "GET", "/v1/keys/n")
            .body
            .contains("\"value\":\"2\"")
    );
}

#[test]
fn the_largest_value_goes_in_and_out() {
    let folder = tempfile::TempDir::new().unwrap();
    let socket = format!("unix:{}/dkv.sock", folder.path().display());
    let node = Node::start_with(&["--listen", &socket]);
    let value = vec![b'v'; 16 << 20];
    for address in [node.address(), &socket] {
        let head = format!(
            "PUT /v1/keys/large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
            value.len()
        );
        let written = http_raw(address, &[head.as_bytes(), &value].concat());
        assert!(matches!(written.status, 200 | 201), "{written:?}");
        let read = "GET /v1/keys/large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                    Accept: application/octet-stream\r\n\r\n";
        let read = http_raw(address, read.as_bytes());
        assert!(
            read.head
                .contains(&format!("content-length: {}", value.len()))
        );
        assert!(read.body.as_bytes() == value, "another value came back");
    }
    let too_large = vec![b'v'; (16 << 20) + 1];
    let refused = send(&node, "PUT /v1/keys/large HTTP/1.1", &too_large);
    assert_eq!(refused.status, 413);
    assert!(
        refused.body.contains("--max-value-size"),
        "{}",
        refused.body
    );
}
