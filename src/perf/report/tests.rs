//! What documents hold: of every kind of run, and of text that means harm.

use super::{About, Machine, write_html, write_json};
use crate::base::Error;
use crate::perf::row::{Row, Slice};
use crate::perf::target::Promise;

fn about() -> About {
    About {
        dkv_version: "0.1.0".to_owned(),
        made_at_s: Some(1_735_689_599),
        command: "dkv perf --report out.html".to_owned(),
        machine: Machine {
            cores: Some(2),
            system: "linux x86_64".to_owned(),
            ..Machine::default()
        },
        remarks: Vec::new(),
    }
}

fn row(test: &'static str, target: &str, speed: u64) -> Row {
    let slice = |second| Slice {
        second,
        ops: 1_000 * speed,
        errors: 0,
        p50_us: 900 / speed,
        p99_us: 9_000 / speed,
    };
    Row {
        test,
        target: target.to_owned(),
        threads: 50,
        connections: 4,
        keys: 10_000,
        value_bytes: 128,
        ops: 3_000 * speed,
        seconds: 3.0,
        ops_per_s: 1_000.0 * speed as f64,
        p50_us: 900 / speed,
        p95_us: 5_000 / speed,
        p99_us: 9_000 / speed,
        p999_us: 20_000 / speed,
        max_us: 50_000 / speed,
        promise: Promise {
            acknowledged_when: "on disk (fdatasync)".to_owned(),
            reads: "linearizable".to_owned(),
        },
        timeline: (0..3).map(slice).collect(),
        percentiles: vec![
            (0.0, 100 / speed),
            (0.5, 900 / speed),
            (0.99, 9_000 / speed),
            (1.0, 50_000 / speed),
        ],
        ..Row::default()
    }
}

fn html(about: &About, rows: &[Row]) -> String {
    let mut page = Vec::new();
    write_html(about, rows, &mut page).unwrap();
    String::from_utf8(page).unwrap()
}

fn json(rows: &[Row]) -> serde_json::Value {
    let mut text = Vec::new();
    write_json(&about(), rows, &mut text).unwrap();
    serde_json::from_slice(&text).unwrap()
}

/// Every tag of a page in its order, `/name` where it is closed; and every text.
fn pieces(page: &str) -> Vec<(String, String)> {
    let body = page.strip_prefix("<!doctype html>").unwrap();
    let tags = body.split('<').skip(1);
    tags.map(|piece| {
        let (tag, text) = piece.split_once('>').unwrap();
        (tag.to_owned(), text.trim().to_owned())
    })
    .collect()
}

/// Checks that elements are nested, and gives their names with their first class.
fn outline(page: &str) -> String {
    const KEPT: [&str; 8] = [
        "h1",
        "h2",
        "table",
        "th",
        "figcaption",
        "svg",
        "details",
        "section",
    ];
    let mut open: Vec<String> = Vec::new();
    let mut outline = String::new();
    for (tag, text) in pieces(page) {
        let name: String = tag.chars().take_while(|c| !c.is_whitespace()).collect();
        if let Some(name) = name.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closed out of order");
            continue;
        }
        if KEPT.contains(&name.as_str()) && !tag.contains("aria-hidden") {
            let depth = open.iter().filter(|it| it.as_str() == "section").count();
            let text: String = text.chars().take(24).collect();
            outline.push_str(&"  ".repeat(depth));
            outline.push_str(format!("{name} {text}").trim_end());
            outline.push('\n');
        }
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "never closed: {open:?}");
    outline
}

#[test]
fn a_page_has_a_table_and_three_charts_a_test() {
    let page = html(&about(), &[row("set", "a:1", 1), row("get", "a:1", 3)]);
    let expected = "\
h1 dkv perf
section
  table
  th Target
  th A write is confirmed whe
  th Reads
  th a:1
  table
  th Test
  th Ops/s
  th p50
  th p95
  th p99
  th p99.9
  th Max
  th Ops
  th Errors
  th Value
  th Time
  th
  th
section
  h2 set
  figcaption
  svg
  figcaption
  svg
  figcaption
  svg
section
  h2 get
  figcaption
  svg
  figcaption
  svg
  figcaption
  svg
";
    assert_eq!(outline(&page), expected);
    for said in [
        "2024-12-31 23:59 UTC",
        "dkv 0.1.0",
        "2 cores · linux x86_64",
        "<span>--report</span> <span>out.html</span>",
        "clients that ask at once: 50 · connections to a node: 4 · keys: 10,000",
        "on disk (fdatasync)",
        "3,000</td>",
        "16.7 ms",
        "0 to 1 s\n1,000 ops/s",
        "99 % within 9 ms",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn a_page_needs_nothing_but_itself() {
    let page = html(&about(), &[row("set", "a:1", 1), row("set", "b:1", 2)]);
    for absent in [
        "http://", "https://", "<script", "@import", "url(", "src=", "<link",
    ] {
        assert!(!page.contains(absent), "{absent}");
    }
    assert!(page.contains("default-src &#39;none&#39;"));
}

#[test]
fn targets_stand_side_by_side_with_their_ratio() {
    let rows = [
        row("set", "a:1", 3),
        row("set", "b:1", 1),
        row("set", "b:1", 1),
        row("set", "a:1", 5),
        row("get", "a:1", 1),
    ];
    let page = html(&about(), &rows);
    outline(&page);
    for said in [
        "A ÷ B",
        // The median of two rounds, then both.
        "<td>4,000<small>3,000 to 5,000</small></td>",
        "<td class=\"ratio better\">4.00</td>",
        // Latencies: less is better.
        "<td>240 µs<small>180 µs to 300 µs</small></td>",
        "<td class=\"ratio better\">0.27</td>",
        // It did not run on B.
        "<td class=\"ratio none\">–</td>",
        "All 5 rows",
        "A: 3,000 ops/s\nB: 1,000 ops/s",
        "line slow s1",
    ] {
        assert!(page.contains(said), "{said}");
    }
    let slower = html(&about(), &[row("set", "a:1", 1), row("set", "b:1", 2)]);
    assert!(slower.contains("<td class=\"ratio\">0.50</td>"));
    assert!(!slower.contains("ratio better"));
    let equal = html(&about(), &[row("set", "a:1", 2), row("set", "b:1", 2)]);
    assert!(!equal.contains("ratio better"), "1.00 is no advantage");
}

/// Whatever a server, a file name or an error says, it stays text.
#[test]
fn nothing_that_others_say_is_taken_for_markup() {
    let harm = "</title></style><img src=x onerror=alert(1)>\" onload='x' \u{0}&amp;";
    let bad = Row {
        target: harm.to_owned(),
        first_error: Some(harm.to_owned()),
        errors: 7,
        promise: Promise {
            acknowledged_when: harm.to_owned(),
            reads: harm.to_owned(),
        },
        ..row("set", "", 1)
    };
    let about = About {
        dkv_version: harm.to_owned(),
        command: harm.to_owned(),
        remarks: vec![harm.to_owned()],
        machine: Machine {
            processor: Some(harm.to_owned()),
            system: harm.to_owned(),
            ..Machine::default()
        },
        ..about()
    };
    let page = html(&about, &[bad.clone(), row("set", "b", 1)]);
    assert_eq!(
        pieces(&page).len(),
        pieces(&html(
            &self::about_like(&about),
            &[like(&bad), row("set", "b", 1)]
        ))
        .len(),
        "as many elements as without harm"
    );
    assert!(!page.contains("<img") && !page.contains("' onload") && !page.contains('\0'));
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;&quot; onload=&#39;x&#39;"));
    assert!(
        page.contains("&amp;amp;"),
        "what looks escaped is escaped again"
    );
    assert_eq!(json(&[bad])["rows"][0]["target"], harm);
}

/// The same with words that are harmless.
fn about_like(about: &About) -> About {
    About {
        dkv_version: "1".to_owned(),
        // As many words.
        command: "dkv perf a b c".to_owned(),
        remarks: vec!["a remark".to_owned()],
        machine: Machine {
            processor: Some("p".to_owned()),
            system: "s".to_owned(),
            ..Machine::default()
        },
        ..about.clone()
    }
}

fn like(row: &Row) -> Row {
    Row {
        target: "a".to_owned(),
        first_error: Some("no".to_owned()),
        ..row.clone()
    }
}

#[test]
fn without_rows_it_says_so() {
    let page = html(&About::default(), &[]);
    assert_eq!(outline(&page), "h1 dkv perf\n");
    assert!(page.contains("Nothing was measured."));
    assert_eq!(json(&[])["rows"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_test_of_errors_alone_is_told_and_marked() {
    let refused = Row {
        test: "set",
        target: "a:1".to_owned(),
        seconds: 2.0,
        errors: 1_200,
        first_error: Some("the server is read-only".to_owned()),
        timeline: vec![
            Slice {
                errors: 1_000,
                ..Slice::default()
            },
            Slice {
                second: 1,
                errors: 200,
                ..Slice::default()
            },
        ],
        ..Row::default()
    };
    let page = html(&about(), &[refused]);
    let outline = outline(&page);
    assert_eq!(
        outline.matches("svg").count(),
        1,
        "throughput alone: {outline}"
    );
    for said in [
        "1,200 errors, the first: the server is read-only",
        "rect class=\"errors\"",
        "0 to 1 s\n0.0 ops/s, 1,000 errors",
        "No operation succeeded",
        "not known",
    ] {
        assert!(page.contains(said), "{said}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn one_operation_makes_a_page() {
    let one = Row {
        ops: 1,
        seconds: 0.000_2,
        ops_per_s: 5_000.0,
        p50_us: 200,
        p99_us: 200,
        max_us: 200,
        timeline: vec![Slice {
            ops: 1,
            p50_us: 200,
            p99_us: 200,
            ..Slice::default()
        }],
        percentiles: vec![(1.0, 200)],
        ..row("set", "a:1", 1)
    };
    let page = html(&about(), &[one]);
    assert_eq!(outline(&page).matches("svg").count(), 3);
    assert!(
        page.contains("0 to 200 µs\n5,000 ops/s"),
        "a line all across"
    );
    assert!(!page.contains("NaN") && !page.contains("inf"));
}

#[test]
fn an_open_loop_says_what_was_intended() {
    let paced = Row {
        intended_per_s: Some(10_000.0),
        not_started: 17,
        ..row("set", "a:1", 1)
    };
    let page = html(&about(), &[paced]);
    for said in [
        "10,000 operations were to begin every second; 17 of them did not",
        "class=\"intended\"",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

/// Programs read these names: a change of them is a change of `version`.
#[test]
fn json_has_the_rows_and_what_charts_are_made_of() {
    let document = json(&[row("set", "a:1", 1)]);
    assert_eq!(document["format"], "dkv-perf");
    assert_eq!(document["version"], 1);
    assert_eq!(document["made_at"], "2024-12-31T23:59:59Z");
    assert_eq!(document["machine"]["cores"], 2);
    let row = &document["rows"][0];
    let columns = crate::perf::csv::COLUMNS;
    for name in columns
        .into_iter()
        .chain(["intended_per_s", "not_started", "first_error"])
    {
        assert!(row.get(name).is_some(), "{name}");
    }
    assert_eq!(row["acknowledged_when"], "on disk (fdatasync)");
    assert_eq!(
        row["timeline"][2],
        serde_json::json!({"second": 2, "ops": 1_000, "errors": 0, "p50_us": 900, "p99_us": 9_000})
    );
    assert_eq!(
        row["percentiles"][1],
        serde_json::json!({"quantile": 0.5, "us": 900})
    );
}

/// A disk without room.
struct Full;

impl std::io::Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::Error::from(std::io::ErrorKind::StorageFull))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_told() {
    let told = |result: Result<(), Error>| result.unwrap_err().message().to_owned();
    for said in [
        told(write_html(&about(), &[], Full)),
        told(write_json(&about(), &[], Full)),
    ] {
        assert!(
            said.starts_with("the report could not be written: "),
            "{said}"
        );
    }
}
