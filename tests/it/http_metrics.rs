//! `/metrics`, as Prometheus reads it.

use std::collections::BTreeSet;

use crate::harness::{Exposition, Node, http, parse_exposition};

#[track_caller]
fn scrape(node: &Node) -> Exposition {
    let page = http(node.address(), "GET", "/metrics");
    assert_eq!(page.status, 200);
    let content_type = "content-type: text/plain; version=0.0.4; charset=utf-8";
    assert!(page.head.contains(content_type), "{}", page.head);
    parse_exposition(&page.body).unwrap_or_else(|wrong| panic!("{wrong}"))
}

#[track_caller]
fn sample(page: &Exposition, name: &str) -> f64 {
    let found = page.samples.get(name);
    *found.unwrap_or_else(|| panic!("{name} is not on the page"))
}

#[test]
fn the_page_is_sound_and_counters_only_grow() {
    let node = Node::start();
    let before = scrape(&node);
    node.dkv(&["kv", "set", "a", "1"]).exits(0);
    node.dkv(&["kv", "get", "a"]).exits(0);
    node.dkv(&["kv", "get", "b"]).exits(3);
    node.dkv(&["kv", "set", "a", "2", "--if-absent"]).exits(4);
    node.dkv(&["kv", "get", "a", "--shard", "700"]).exits(1);
    node.dkv(&["lock", "acquire", "deploy"]).exits(0);
    node.dkv(&["lock", "acquire", "deploy"]).exits(3);
    let after = scrape(&node);
    let counted = |kind: &str, outcome: &str| {
        let name = format!("dkv_requests_total{{kind=\"{kind}\",outcome=\"{outcome}\"}}");
        sample(&after, &name) - sample(&before, &name)
    };
    let expected = [
        ("set", "ok"),
        ("set", "declined"),
        ("get", "ok"),
        ("get", "missing"),
        ("get", "not_found"),
        ("acquire", "ok"),
        ("acquire", "declined"),
    ];
    for (kind, outcome) in expected {
        assert_eq!(counted(kind, outcome), 1.0, "{kind} {outcome}");
    }
    let all: f64 = after
        .samples
        .iter()
        .filter(|(name, _)| name.starts_with("dkv_requests_total{"))
        .map(|(_, value)| value)
        .sum();
    let timed: f64 = after
        .samples
        .iter()
        .filter(|(name, _)| name.starts_with("dkv_request_duration_seconds_count{"))
        .map(|(_, value)| value)
        .sum();
    assert_eq!((all, timed), (7.0, 7.0));
    assert_eq!(sample(&after, "dkv_requests_in_flight"), 0.0);
    assert_eq!(sample(&after, "dkv_shard_keys{shard=\"100\"}"), 1.0);
    assert_eq!(sample(&after, "dkv_shard_locks_held{shard=\"100\"}"), 1.0);
    assert!(sample(&after, "dkv_log_fsyncs_total") >= 3.0);
    assert!(sample(&after, "dkv_connections_open") >= 1.0);
    for (name, value) in &before.samples {
        let family = name.split('{').next().unwrap_or_default();
        let is_counter = before
            .families
            .get(family)
            .is_some_and(|of| of == "counter");
        if is_counter || family.ends_with("_bucket") || family.ends_with("_count") {
            let now = sample(&after, name);
            assert!(now >= *value, "{name} fell from {value} to {now}");
        }
    }
}

/// Names of clients' data would make the number of series grow without bound.
#[test]
fn no_series_comes_from_a_key_a_lock_or_a_client() {
    let node = Node::start();
    let before = scrape(&node).samples.len();
    for i in 0..5 {
        node.dkv(&["kv", "set", &format!("secret-{i}"), "1"])
            .exits(0);
        node.dkv(&["lock", "acquire", &format!("secret-{i}")])
            .exits(0);
    }
    let page = http(node.address(), "GET", "/metrics").body;
    assert!(!page.contains("secret"), "a name is on the page");
    assert_eq!(scrape(&node).samples.len(), before);
}

#[test]
fn every_figure_is_documented_and_nothing_else_is() {
    let node = Node::start();
    let served: BTreeSet<String> = scrape(&node).families.into_keys().collect();
    assert_eq!(documented(), served, "docs/metrics.md and /metrics differ");
}

fn documented() -> BTreeSet<String> {
    let text = include_str!("../../docs/metrics.md");
    let mut documented = BTreeSet::new();
    let is_row = |line: &&str| {
        ["| counter |", "| gauge |", "| histogram |"]
            .iter()
            .any(|of| line.contains(of))
    };
    for row in text.lines().filter(is_row) {
        let name = row.split('`').nth(1).unwrap_or_default();
        assert!(documented.insert(name.to_owned()), "{name} has two rows");
    }
    documented
}

/// The reader above must see what is wrong with a page, or the tests prove nothing.
#[test]
fn an_unsound_page_is_refused() {
    let good = "# HELP dkv_a Of a.\n# TYPE dkv_a gauge\ndkv_a 1\n";
    assert!(parse_exposition(good).is_ok());
    let histogram = |buckets: &str| {
        format!("# HELP dkv_h Of h.\n# TYPE dkv_h histogram\n{buckets}dkv_h_sum 1\ndkv_h_count 2\n")
    };
    let sound = "dkv_h_bucket{le=\"1\"} 1\ndkv_h_bucket{le=\"+Inf\"} 2\n";
    parse_exposition(&histogram(sound)).unwrap();
    let bad = [
        "dkv_a 1\n".to_owned(),
        good.trim_end().to_owned(),
        format!("{good}dkv_a 1\n"),
        format!("{good}{good}"),
        good.replace(" Of a.", " "),
        good.replace(" 1\n", " one\n"),
        good.replace("gauge", "counter"),
        good.replace("gauge", "gague"),
        good.replace("dkv_a 1", "dkv_b 1"),
        good.replace("dkv_a 1", "dkv_a{b=c} 1"),
        good.replace("dkv_a 1", "dkv_a{b=\"c\" 1"),
        histogram("dkv_h_bucket{le=\"1\"} 3\ndkv_h_bucket{le=\"+Inf\"} 2\n"),
        histogram(
            "dkv_h_bucket{le=\"2\"} 1\ndkv_h_bucket{le=\"1\"} 1\ndkv_h_bucket{le=\"+Inf\"} 2\n",
        ),
        histogram("dkv_h_bucket{le=\"+Inf\"} 3\n"),
        histogram("dkv_h_bucket 2\n"),
    ];
    for page in bad {
        assert!(parse_exposition(&page).is_err(), "{page}");
    }
}
