//! Requests whose end two readers may see in different places, and heads that one of them may
//! not understand: RFC 9112, sections 2.2, 5, 6.3 and 7.1; RFC 9113, section 8.2.
//!
//! What is judged is only what must never be answered, so that a slow machine misses nothing
//! it would otherwise find fault with.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, split};

use super::catalogue::Attack;
use super::frames::{self, DATA, END_STREAM, HEADERS, stream};
use super::http1::drain;
use super::http2::begin;
use super::plan::Plan;
use super::wire::{self, Wire};

/// What is sent behind every request. Who answers it has taken it for a request of its own.
const NEXT: &str = "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// A target that says nothing for so long waits for more.
const SILENCE: Duration = Duration::from_millis(700);

/// Of a request, what it has beside its first line and `Host`; what follows; and whether it
/// may be answered as a good one, once.
type Case = (&'static str, &'static str, bool);

/// RFC 9112, section 3.2: to be refused with 400.
pub(crate) const TWO_HOSTS: &str = "Content-Length: 5\r\nHost: other.example";

/// `NEXT` stands for itself in what follows.
const CASES: &[Case] = &[
    // Both lengths: the chunks may count, and the connection is closed after that.
    (
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "0\r\n\r\nNEXT",
        true,
    ),
    (
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "0\r\n\r\nNEXT",
        true,
    ),
    // A coding that only looks like chunks.
    (
        "Content-Length: 5\r\nTransfer-Encoding: xchunked",
        "0\r\n\r\nNEXT",
        false,
    ),
    (
        "Content-Length: 5\r\nTransfer-Encoding : chunked",
        "0\r\n\r\nNEXT",
        false,
    ),
    (
        "Transfer-Encoding: chunked, identity",
        "0\r\n\r\nNEXT",
        false,
    ),
    ("Transfer-Encoding: \u{b}chunked", "0\r\n\r\nNEXT", false),
    (
        "Content-Length: 5\r\nTransfer-Encoding:\r\n chunked",
        "0\r\n\r\nNEXT",
        false,
    ),
    (
        "Content-Length: 5\r\n Transfer-Encoding: chunked",
        "0\r\n\r\nNEXT",
        false,
    ),
    // Lengths that are none, or two.
    (
        "Content-Length: 5\r\nContent-Length: 6",
        "vvvvvvNEXT",
        false,
    ),
    ("Content-Length: 5, 6", "vvvvvvNEXT", false),
    ("Content-Length: +5", "vvvvvNEXT", false),
    ("Content-Length: 0x5", "vvvvvNEXT", false),
    ("Content-Length: -1", "vvvvvNEXT", false),
    ("Content-Length: 5 5", "vvvvvNEXT", false),
    // Chunks of which the size is none, and ends that are none.
    (
        "Transfer-Encoding: chunked",
        "5\nvvvvv\r\n0\r\n\r\nNEXT",
        false,
    ),
    (
        "Transfer-Encoding: chunked",
        "0x5\r\nvvvvv\r\n0\r\n\r\nNEXT",
        false,
    ),
    (
        "Transfer-Encoding: chunked",
        "+5\r\nvvvvv\r\n0\r\n\r\nNEXT",
        false,
    ),
    (
        "Transfer-Encoding: chunked",
        "-5\r\nvvvvv\r\n0\r\n\r\nNEXT",
        false,
    ),
    (
        "Transfer-Encoding: chunked",
        "10000000000000005\r\nvvvvv\r\n0\r\n\r\nNEXT",
        false,
    ),
    (
        "Transfer-Encoding: chunked",
        "5\r\nvvvvvXX0\r\n\r\nNEXT",
        false,
    ),
    (
        "Transfer-Encoding: chunked",
        "5;\nx\r\nvvvvv\r\n0\r\n\r\nNEXT",
        false,
    ),
    // Names and values with what does not belong there.
    ("Content-Length: 5\r\nX-A: a\rX-B: b", "vvvvvNEXT", false),
    ("Content-Length: 5\r\nX-A: a\0b", "vvvvvNEXT", false),
    ("Content-Length: 5\r\nX A: b", "vvvvvNEXT", false),
    ("Content-Length: 5\r\n: b", "vvvvvNEXT", false),
    ("Content-Length: 5\r\nX-A", "vvvvvNEXT", false),
    // Two of whom one is asked.
    (TWO_HOSTS, "vvvvvNEXT", false),
];

/// What the fields of a request of HTTP/2 must not be.
const FIELDS: &[&[(&str, &str)]] = &[
    &[("transfer-encoding", "chunked")],
    &[("connection", "close")],
    &[("X-Upper", "a")],
    &[("x-a", "a\r\nx-b: b")],
    &[("x-a", "a\0b")],
    &[("x-a\r\nx-b", "b")],
    &[("x a", "b")],
    &[(":path", "/livez")],
    &[(":unknown", "b")],
    &[("content-length", "7")],
    &[("content-length", "5"), ("content-length", "6")],
];

/// One request of the corpus for each connection.
pub(super) async fn all(wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    let (reading, mut writing) = split(wire);
    let request = request(&CASES[number % CASES.len()]);
    writing.write_all(request.as_bytes()).await?;
    plan.count_stroke();
    drain(reading, plan).await
}

/// Everything that was answered and must not be.
///
/// # Errors
/// If the target cannot be reached.
pub(crate) async fn findings(plan: &Plan) -> io::Result<Vec<String>> {
    let mut findings = Vec::new();
    for case in CASES {
        let request = request(case);
        let answers = answers(plan, &request).await?;
        let is_good = |it: &&String| it.as_str() < "300";
        let most = usize::from(case.2);
        if answers.len() > 1 || answers.iter().filter(is_good).count() > most {
            findings.push(format!("{answers:?} to {request:?}"));
        }
    }
    findings.extend(upgraded(plan).await?);
    for fields in FIELDS {
        if is_taken(plan, fields).await? {
            findings.push(format!("HTTP/2 takes {fields:?}"));
        }
    }
    Ok(findings)
}

fn request((more, body, _): &Case) -> String {
    let head = "PUT /v1/keys/smuggled HTTP/1.1\r\nHost: localhost\r\n";
    let body = body.replace("NEXT", NEXT);
    format!("{head}{more}\r\n\r\n{body}")
}

/// The status of every answer.
async fn answers(plan: &Plan, request: &str) -> io::Result<Vec<String>> {
    let mut wire = wire::open(Attack::Smuggling, plan, 0).await?;
    let mut answers = Vec::new();
    if wire.write_all(request.as_bytes()).await.is_ok() {
        let reading =
            async { while wire.read_buf(&mut answers).await.is_ok_and(|read| read > 0) {} };
        let _ = tokio::time::timeout(SILENCE, reading).await;
    }
    let answers = String::from_utf8_lossy(&answers).into_owned();
    let begun = answers.match_indices("HTTP/1.1 ");
    Ok(begun
        .map(|(at, it)| answers[at + it.len()..].chars().take(3).collect())
        .collect())
}

/// Cleartext HTTP/2 by an upgrade has been given up (RFC 9113, section 3.1).
async fn upgraded(plan: &Plan) -> io::Result<Option<String>> {
    let more = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk";
    let answers = answers(plan, &request(&(more, "NEXT", true))).await?;
    let is_upgraded = answers.iter().any(|status| status == "101");
    Ok(is_upgraded.then(|| "an upgrade to h2c is taken".to_owned()))
}

/// True if a value with these fields beside the usual ones is written.
async fn is_taken(plan: &Plan, more: &[(&str, &str)]) -> io::Result<bool> {
    let wire = wire::open(Attack::HeaderList, plan, 0).await?;
    let (mut reading, mut writing) = begin(wire, plan, &[]).await?;
    let mut fields = vec![
        (":method", "PUT"),
        (":scheme", "http"),
        (":path", "/v1/keys/smuggled"),
        (":authority", "localhost"),
    ];
    fields.extend(more);
    let mut frames = frames::headers(0, stream(0), &fields);
    frames.extend(frames::frame(DATA, END_STREAM, stream(0), b"vvvvv"));
    let mut is_taken = false;
    if writing.write_all(&frames).await.is_ok() {
        let reading = async {
            while let Ok((kind, _, payload)) = reading.next().await {
                // Field 8 of the static table: the status is 200.
                is_taken |= kind == HEADERS && payload.first() == Some(&0x88);
            }
        };
        let _ = tokio::time::timeout(SILENCE, reading).await;
    }
    Ok(is_taken)
}
