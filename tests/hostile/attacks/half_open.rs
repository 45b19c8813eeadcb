//! Calls that begin and never end: the target has an open stream, and waits.

use std::io;
use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::frames::stream;
use super::grpc;
use super::http2::begin;
use super::plan::Plan;
use super::wire::Wire;

/// On one connection: more than servers commonly allow.
const STREAMS: u32 = 250;

/// Far more.
const MANY_STREAMS: u32 = 3_000;

pub(super) async fn calls(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    // Of a message of 1,000 bytes, the first few.
    let begun = [0, 0, 0, 3, 0xE8, 1, 2, 3];
    hold(wire, plan, STREAMS, "/dkv.v1.Kv/Set", &begun).await
}

pub(super) async fn sessions(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    hold(wire, plan, STREAMS, "/dkv.v1.Session/Open", &[]).await
}

/// As many as the target takes.
pub(super) async fn many(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    hold(wire, plan, MANY_STREAMS, "/dkv.v1.Session/Open", &[]).await
}

/// Of messages of 20 MiB, the first 256 KiB: no faster than the target takes them, which
/// would end the connection.
pub(super) async fn long_calls(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[]).await?;
    let mut begun = (20_u32 << 20).to_be_bytes().to_vec();
    begun.insert(0, 0);
    begun.resize(256 << 10, 7);
    for next in 0..STREAMS {
        let mut frames = grpc::call(stream(next), "/dkv.v1.Kv/Set", &[]);
        frames.extend(grpc::data(stream(next), 0, &begun));
        writing.write_all(&frames).await?;
        plan.pause(Duration::from_millis(5)).await;
    }
    plan.count_stroke();
    reading.stay(writing).await
}

async fn hold(wire: Wire, plan: Plan, streams: u32, path: &str, begun: &[u8]) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[]).await?;
    for next in 0..streams {
        let mut frames = grpc::call(stream(next), path, &[]);
        frames.extend(grpc::data(stream(next), 0, begun));
        writing.write_all(&frames).await?;
    }
    plan.count_stroke();
    reading.stay(writing).await
}
