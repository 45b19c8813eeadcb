//! Connections that are of no use: silent, short, or full of nonsense.

use std::io;

use tokio::io::{AsyncWriteExt, split};

use super::http1::{drain, head};
use super::plan::Plan;
use super::wire::Wire;

pub(super) async fn idle(wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    plan.count_stroke();
    drain(wire, plan).await
}

pub(super) async fn churn(mut wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    if number % 2 == 1 {
        wire.write_all(head("GET", "/livez", "\r\n").as_bytes())
            .await?;
    }
    plan.count_stroke();
    Ok(())
}

/// Half of what a client of TLS 1.3 says first: the record announces 512 bytes.
pub(super) async fn stalled_handshake(mut wire: Wire, plan: Plan, _: usize) -> io::Result<()> {
    let mut hello = vec![0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3];
    hello.resize(256, 0x5A);
    wire.write_all(&hello).await?;
    plan.count_stroke();
    drain(wire, plan).await
}

pub(super) async fn garbage(wire: Wire, plan: Plan, number: usize) -> io::Result<()> {
    let (reading, mut writing) = split(wire);
    let mut state = number as u64 + 1;
    let pieces = async {
        loop {
            let piece: Vec<u8> = (0..512).flat_map(|_| random(&mut state)).collect();
            writing.write_all(&piece).await?;
            plan.count_stroke();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        ended = drain(reading, plan.clone()) => ended,
        ended = pieces => ended,
    }
}

/// The next eight bytes: xorshift64.
fn random(state: &mut u64) -> [u8; 8] {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    state.to_le_bytes()
}
