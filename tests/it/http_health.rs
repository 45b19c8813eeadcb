//! `/livez`, `/readyz` and `/health`, as load balancers and people with `curl` ask.

use std::io::Write;
use std::net::TcpStream;

use crate::harness::{Node, PATIENCE, http, http_raw, read_answer};

#[test]
fn a_node_that_serves_says_so_on_every_socket() {
    let folder = tempfile::TempDir::new().unwrap();
    let socket = format!("unix:{}/dkv.sock", folder.path().display());
    let mut node = Node::start_with(&["--listen", &socket]);
    for address in [node.address(), &socket] {
        let live = http(address, "GET", "/livez");
        assert_eq!((live.status, live.body.as_str()), (200, "ok\n"));
        let ready = http(address, "GET", "/readyz");
        assert_eq!((ready.status, ready.body.as_str()), (200, "ok\n"));
        let health = http(address, "GET", "/health");
        let body = "{\"health\":\"true\",\"reason\":\"\"}\n";
        assert_eq!((health.status, health.body.as_str()), (200, body));
        assert!(health.head.contains("content-type: application/json"));
    }
    let verbose = http(node.address(), "GET", "/readyz?verbose");
    assert_eq!(verbose.status, 200);
    for line in [
        "[+]log ok",
        "[+]disk ok",
        "[+]shard 100 ok",
        "[+]shard 200 ok",
    ] {
        assert!(
            verbose.body.lines().any(|one| one == line),
            "{}",
            verbose.body
        );
    }
    assert_eq!(verbose.body.lines().last(), Some("readyz check passed"));
    node.assert_healthy();
}

#[test]
fn wrong_methods_and_paths_are_told_what_there_is() {
    let mut node = Node::start();
    for path in ["/livez", "/readyz", "/health", "/metrics"] {
        let head = http(node.address(), "HEAD", path);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
            let refused = http(node.address(), method, path);
            assert_eq!(refused.status, 405, "{method} {path}");
            assert!(
                refused.head.contains("allow: get, head"),
                "{}",
                refused.head
            );
            assert!(refused.body.contains("GET"), "{}", refused.body);
        }
    }
    for path in ["/metric", "/livez/", "/readyz/etcd", "/../etc/passwd"] {
        let missing = http(node.address(), "GET", path);
        assert_eq!(missing.status, 404, "{path}");
        assert!(missing.body.contains("/readyz?verbose"), "{}", missing.body);
    }
    let long = http(node.address(), "GET", &format!("/{}", "x".repeat(5_000)));
    assert_eq!(long.status, 404);
    assert!(long.body.len() < 400, "{}", long.body);
    node.assert_healthy();
}

/// A web page can make a browser on the same machine send a form to a port on loopback.
/// It must not become a write.
#[test]
fn grpc_is_not_reached_over_http_1() {
    let node = Node::start();
    let body = b"\0\0\0\0\x06\x1a\x01k\x22\x01v";
    for content_type in ["text/plain", "application/grpc"] {
        let mut request = format!(
            "POST /dkv.v1.Kv/Set HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        assert_eq!(http_raw(node.address(), &request).status, 404);
    }
    node.dkv(&["kv", "scan"]).exits(0).prints("");
}

#[test]
fn heads_without_end_and_garbage_are_refused() {
    let mut node = Node::start();
    let many: String = (0..2_000).map(|i| format!("X-{i}: y\r\n")).collect();
    let long = format!("X-Long: {}\r\n", "y".repeat(8 << 20));
    for headers in [many, long] {
        let request = format!("GET /livez HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n");
        let refused = http_raw(node.address(), request.as_bytes());
        assert!(matches!(refused.status, 0 | 431), "{refused:?}");
    }
    let garbage = http_raw(node.address(), b"\0\x01\x02 what is this\r\n\r\n");
    assert!(matches!(garbage.status, 0 | 400), "{garbage:?}");
    let body = format!(
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\nx",
        u64::MAX
    );
    // The body is nobody's business, and is not waited for.
    let odd = http_raw(node.address(), body.as_bytes());
    assert!(matches!(odd.status, 0 | 200 | 400 | 431), "{odd:?}");
    node.assert_healthy();
}

#[test]
fn a_node_that_stops_is_not_ready() {
    let mut node = Node::start();
    let mut stream = TcpStream::connect(node.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The head is not complete: the request is under way when the node is told to stop.
    stream
        .write_all(b"GET /readyz?verbose HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n")
        .unwrap();
    // An answer to a later connection means that the earlier one was accepted.
    assert_eq!(http(node.address(), "GET", "/livez").status, 200);
    let stopping = node.begin_to_terminate();
    while TcpStream::connect(node.address()).is_ok() {
        std::thread::yield_now();
    }
    stream.write_all(b"\r\n").unwrap();
    let answer = read_answer(&mut stream);
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(
        answer
            .body
            .starts_with("[-]serving failed: this node is stopping\n"),
        "{}",
        answer.body
    );
    assert_eq!(answer.body.lines().last(), Some("readyz check failed"));
    assert_eq!(stopping.code(), 0);
}

/// A page of another site, whose name was made to mean this machine, could read all figures.
#[test]
fn a_browser_that_takes_the_node_for_another_site_is_refused() {
    let mut node = Node::start();
    let ask = |path: &str, headers: &str| {
        let request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
        http_raw(node.address(), request.as_bytes())
    };
    for path in ["/metrics", "/health", "/readyz", "/livez"] {
        for browser in [
            "Accept-Language: en",
            "Sec-Fetch-Site: same-origin",
            "Referer: http://evil.example/",
            "Origin: http://evil.example",
        ] {
            let page = ask(path, &format!("Host: evil.example:80\r\n{browser}\r\n"));
            assert_eq!(page.status, 421, "{path} with {browser}: {page:?}");
            assert!(page.body.contains("ask for 127.0.0.1"), "{page:?}");
        }
        // Whoever watches nodes calls them by any name, and a person looks at this machine's.
        for host in [
            "node-1",
            "node-1.example.com:9090",
            "localhost",
            "[::1]:8080",
        ] {
            let figures = ask(
                path,
                &format!("Host: {host}\r\nUser-Agent: Prometheus/3\r\n"),
            );
            assert_eq!(figures.status, 200, "{path} of {host}: {figures:?}");
        }
        let person = ask(path, "Host: localhost\r\nAccept-Language: en\r\n");
        assert_eq!(person.status, 200, "{path}: {person:?}");
        let old = format!("GET {path} HTTP/1.0\r\n\r\n");
        let old = http_raw(node.address(), old.as_bytes());
        assert_eq!(old.status, 200, "{path}: {old:?}");
    }
    node.assert_healthy();
}
