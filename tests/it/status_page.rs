//! The status page, `/v1/status`, and `dkv top` without a terminal.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Node, dkv_at, http, http_raw};

fn status(node: &Node, since: u64) -> Value {
    let answer = http(node.address(), "GET", &format!("/v1/status?since={since}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.head.contains("content-type: application/json"));
    serde_json::from_str(&answer.body).unwrap()
}

/// The first second is over.
fn sampled(node: &Node) -> Value {
    let until = Instant::now() + Duration::from_secs(20);
    loop {
        let status = status(node, 0);
        if !status["samples"].as_array().unwrap().is_empty() {
            return status;
        }
        assert!(Instant::now() < until, "no second was sampled");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn the_page_is_whole_and_asks_nobody_else() {
    let mut node = Node::start();
    for (path, content_type, part) in [
        ("/", "text/html; charset=utf-8", "<noscript>"),
        (
            "/status.css",
            "text/css; charset=utf-8",
            "prefers-color-scheme",
        ),
        ("/status.js", "text/javascript; charset=utf-8", "/v1/status"),
    ] {
        let page = http(node.address(), "GET", path);
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains(part), "{path}");
        for header in [
            &*format!("content-type: {content_type}"),
            "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self'; \
             connect-src 'self'",
            "x-content-type-options: nosniff",
            "cache-control: no-cache",
        ] {
            assert!(
                page.head.contains(header),
                "{path}: {header}: {}",
                page.head
            );
        }
        let head = http(node.address(), "HEAD", path);
        assert_eq!((head.status, head.body.as_str()), (200, ""), "{path}");
        assert_eq!(http(node.address(), "POST", path).status, 405, "{path}");
        let tag = page
            .head
            .lines()
            .find_map(|line| line.strip_prefix("etag: "));
        let tag = tag.expect("it has a tag").trim().to_owned();
        for known in [tag.clone(), format!("\"x\", W/{tag}"), "*".to_owned()] {
            let request = format!(
                "GET {path} HTTP/1.1\r\nHost: dkv\r\nIf-None-Match: {known}\r\nConnection: \
                 close\r\n\r\n"
            );
            let unchanged = http_raw(node.address(), request.as_bytes());
            assert_eq!(
                (unchanged.status, unchanged.body.as_str()),
                (304, ""),
                "{known}"
            );
        }
        // Nothing of it comes from elsewhere, and nothing is made markup.
        for foreign in [
            "https://",
            "//cdn",
            "innerHTML",
            "outerHTML",
            "eval(",
            "document.write",
        ] {
            assert!(!page.body.contains(foreign), "{path}: {foreign}");
        }
    }
    let html = http(node.address(), "GET", "/").body;
    assert!(
        !html.contains(" style=") && !html.contains("onclick"),
        "the policy forbids it"
    );
    node.assert_healthy();
}

#[test]
fn the_figures_are_those_of_the_node() {
    let node = Node::start();
    let before = sampled(&node);
    assert_eq!(before["ready"], true);
    let newest = before["samples"].as_array().unwrap().last().unwrap()["number"].as_u64();
    node.dkv(&["kv", "set", "user:1", "alice"]).exits(0);
    node.dkv(&["kv", "get", "user:1"]).exits(0);
    node.dkv(&["lock", "acquire", "deploy"]).exits(0);
    node.dkv(&["kv", "get", "x", "--shard", "700"]).exits(1);
    let until = Instant::now() + Duration::from_secs(20);
    let after = loop {
        let after = status(&node, newest.unwrap());
        let sum = |class: &str| -> u64 {
            let samples = after["samples"].as_array().unwrap().iter();
            samples.map(|it| it[class]["count"].as_u64().unwrap()).sum()
        };
        if (sum("reads"), sum("writes"), sum("locks")) == (2, 1, 1) {
            break after;
        }
        assert!(Instant::now() < until, "{after}");
        std::thread::sleep(Duration::from_millis(50));
    };
    let shard = &after["shards"][0];
    assert_eq!((&shard["id"], &shard["keys"]), (&100.into(), &1.into()));
    assert_eq!(shard["locks"], 1);
    assert_eq!(after["locks"][0]["name"], "deploy");
    let samples = after["samples"].as_array().unwrap();
    assert!(samples.iter().any(|it| it["errors"] == 1));
    assert!(samples.iter().any(|it| it["fsyncs"].as_u64() > Some(0)));
    assert!(after["node"]["uptime_ms"].as_u64() > before["node"]["uptime_ms"].as_u64());
}

#[test]
fn names_of_bytes_and_garbage_that_is_asked() {
    let node = Node::start();
    node.dkv(&["lock", "acquire", "</script><b>"]).exits(0);
    let status = status(&node, 0);
    assert_eq!(status["locks"][0]["name"], "</script><b>");
    for query in [
        "since=x",
        "since=-1",
        "since=1&since=1",
        "until=1",
        "since=%31",
    ] {
        let refused = http(node.address(), "GET", &format!("/v1/status?{query}"));
        assert_eq!(refused.status, 400, "{query}");
        let said: Value = serde_json::from_str(&refused.body).unwrap();
        assert_eq!(said["error"]["kind"], "Invalid");
    }
    assert_eq!(http(node.address(), "POST", "/v1/status").status, 405);
}

#[test]
fn top_prints_one_picture_where_there_is_no_terminal() {
    let node = Node::start();
    sampled(&node);
    node.dkv(&["lock", "acquire", "deploy"]).exits(0);
    // Locks are looked up about once a second, however many ask.
    let until = Instant::now() + Duration::from_secs(20);
    while status(&node, 0)["locks"].as_array().unwrap().is_empty() {
        assert!(Instant::now() < until, "the lock was not told");
        std::thread::sleep(Duration::from_millis(50));
    }
    let text = node.dkv(&["top"]);
    let text = text.exits(0).text();
    assert!(text.starts_with("node: node="), "{text}");
    assert!(text.contains("\nshard: shard=100, type=lstore"), "{text}");
    assert!(text.contains("\nlock: lock=deploy, held="), "{text}");
    let json = node.dkv(&["top", "--once", "-o", "json"]);
    let json: Value = serde_json::from_str(json.exits(0).text()).unwrap();
    assert_eq!(json["nodes"][0]["reachable"], true);
    assert!(json["nodes"][0]["operations_per_s"].is_number());
    assert_eq!(json["locks"][0]["lock"], "deploy");
    assert_eq!(json["shards"][0]["keys"], 0);
    let table = node.dkv(&["top", "-o", "table"]);
    let table = table.exits(0).text();
    assert!(table.contains("│ shard"), "{table}");
    let never = node.dkv(&["top", "--interval", "1ms"]);
    never.exits(2).complains("100ms");
    let nobody = dkv_at("127.0.0.1:1", &["top"]);
    nobody.exits(5).complains("127.0.0.1:1");
}
