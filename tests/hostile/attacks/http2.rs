//! A conversation in HTTP/2: begun properly, so that what follows is listened to.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader, ReadHalf, WriteHalf, split};

use super::frames::{self, ACK, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS};
use super::plan::Plan;
use super::wire::Wire;

pub(super) type Writing = WriteHalf<Wire>;

/// The end that reads.
pub(super) struct Reading {
    wire: BufReader<ReadHalf<Wire>>,
    plan: Plan,
}

/// Begins with these settings, and takes the target's.
pub(super) async fn begin(
    wire: Wire,
    plan: &Plan,
    settings: &[(u16, u32)],
) -> io::Result<(Reading, Writing)> {
    let (reading, mut writing) = split(wire);
    let mut reading = Reading {
        wire: BufReader::with_capacity(4_096, reading),
        plan: plan.clone(),
    };
    let hello = [PREFACE, &frames::settings(settings)].concat();
    writing.write_all(&hello).await?;
    while reading.next().await?.0 != SETTINGS {}
    let taken = frames::frame(SETTINGS, ACK, 0, &[]);
    writing.write_all(&taken).await?;
    Ok((reading, writing))
}

impl Reading {
    /// The kind of the next frame, its flags, and what is in it.
    pub(super) async fn next(&mut self) -> io::Result<(u8, u8, Vec<u8>)> {
        let mut head = [0; 9];
        self.wire.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.wire.read_exact(&mut payload).await?;
        if matches!(head[3], HEADERS | RST_STREAM | GOAWAY) {
            self.plan.count_answer();
        }
        Ok((head[3], head[4], payload))
    }

    /// Reads whatever comes, and errs when nothing can come any more.
    pub(super) async fn drain(mut self) -> io::Result<()> {
        loop {
            self.next().await?;
        }
    }

    /// The same, and answers pings: only who does so is not taken for dead.
    pub(super) async fn stay(mut self, mut writing: Writing) -> io::Result<()> {
        loop {
            let (kind, flags, payload) = self.next().await?;
            if kind == PING && flags & ACK == 0 {
                let pong = frames::frame(PING, ACK, 0, &payload);
                writing.write_all(&pong).await?;
            }
        }
    }

    /// Reads whatever comes while something else is done, until either errs.
    pub(super) async fn while_doing(
        self,
        doing: impl Future<Output = io::Result<()>>,
    ) -> io::Result<()> {
        tokio::select! {
            ended = self.drain() => ended,
            ended = doing => ended,
        }
    }
}
