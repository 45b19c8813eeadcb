//! Those who take their time: what they send is right, and comes a byte a second.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt, split};

use super::frames::PREFACE;
use super::http1::{self, drain};
use super::plan::Plan;
use super::wire::Wire;

const BEAT: Duration = Duration::from_secs(1);

/// Of a value: announced, and sent at once.
const BODY_BYTES: usize = 8 << 20;
const SENT_BYTES: usize = 4 << 20;

pub(super) async fn head(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let head = http1::head("GET", "/v1/keys/slow", "X-Slow: ");
    drip(wire, plan, &[], head.as_bytes()).await
}

pub(super) async fn body(wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    let more = format!("Content-Length: {BODY_BYTES}\r\n\r\n");
    let path = format!("/v1/keys/slow:{number}");
    let mut begun = http1::head("PUT", &path, &more).into_bytes();
    begun.resize(begun.len() + SENT_BYTES, b'v');
    drip(wire, plan, &begun, b"v").await
}

pub(super) async fn preface(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    drip(wire, plan, &[], PREFACE).await
}

/// Sends what it begins with, and then a byte a second, over and over the last one.
async fn drip(wire: Wire, plan: Plan, begun: &[u8], slowly: &[u8]) -> io::Result<()> {
    let (reading, writing) = split(wire);
    tokio::select! {
        ended = drain(reading, plan.clone()) => ended,
        ended = drops(writing, plan.clone(), begun, slowly) => ended,
    }
}

async fn drops(
    mut writing: impl AsyncWrite + Unpin,
    plan: Plan,
    begun: &[u8],
    slowly: &[u8],
) -> io::Result<()> {
    writing.write_all(begun).await?;
    plan.count_stroke();
    let last = slowly.last().into_iter().cycle();
    for byte in slowly.iter().chain(last) {
        writing.write_all(&[*byte]).await?;
        if !plan.pause(BEAT).await {
            break;
        }
    }
    Ok(())
}
