//! The content of one simulated file: what is durable, and what is only written.

use std::io;

use crate::base::host::Rng;

/// The unit that a device writes as a whole or not at all, bytes; a torn sector
/// is simulated too, because not every device keeps that promise.
const SECTOR_BYTES: u64 = 512;

/// A file's content.
#[derive(Debug, Default)]
pub(super) struct Inode {
    /// What a reader sees.
    live: Vec<u8>,
    /// What a power loss cannot take.
    synced: Vec<u8>,
    /// What leads from `synced` to `live`.
    pending: Vec<Change>,
    /// A sync of it failed.
    is_doubtful: bool,
    /// Handles open on it: it outlives its name while there is one.
    pub(super) open_handles: u32,
}

#[derive(Debug)]
enum Change {
    Write { offset: u64, bytes: Vec<u8> },
    Length(u64),
}

impl Inode {
    pub(super) fn len(&self) -> u64 {
        self.live.len() as u64
    }

    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).map_err(|_| io::ErrorKind::UnexpectedEof)?;
        let bytes = from
            .checked_add(buffer.len())
            .and_then(|to| self.live.get(from..to))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(bytes);
        Ok(())
    }

    pub(super) fn write_at(&mut self, bytes: &[u8], offset: u64) {
        put(&mut self.live, bytes, offset);
        self.pending.push(Change::Write {
            offset,
            bytes: bytes.to_vec(),
        });
    }

    pub(super) fn set_len(&mut self, bytes: u64) {
        resize(&mut self.live, bytes);
        self.pending.push(Change::Length(bytes));
    }

    pub(super) fn sync(&mut self) {
        for change in self.pending.drain(..) {
            match change {
                Change::Write { offset, bytes } => put(&mut self.synced, &bytes, offset),
                Change::Length(bytes) => resize(&mut self.synced, bytes),
            }
        }
    }

    /// Keeps what was synced and any part of the rest.
    pub(super) fn lose_power(&mut self, rng: &dyn Rng) {
        self.sync_in_part(rng);
        self.evict_all();
    }

    /// Any part becomes durable, nothing more ever will, and readers see what was written.
    pub(super) fn fail_sync(&mut self, rng: &dyn Rng) {
        self.sync_in_part(rng);
        self.is_doubtful = true;
    }

    /// Forgets what was to become durable and is not.
    pub(super) fn evict(&mut self) {
        if self.is_doubtful {
            self.pending.clear();
            self.evict_all();
        }
    }

    fn evict_all(&mut self) {
        self.is_doubtful = false;
        self.live.clone_from(&self.synced);
    }

    /// How much is drawn once for the file, so that "nothing" and "everything" are as
    /// likely as a mixture.
    fn sync_in_part(&mut self, rng: &dyn Rng) {
        let keep_percent = [0, 10, 50, 90, 100][rng.below(5) as usize];
        for change in std::mem::take(&mut self.pending) {
            match change {
                Change::Write { offset, bytes } => self.tear(&bytes, offset, keep_percent, rng),
                Change::Length(bytes) => {
                    if rng.below(100) < keep_percent {
                        resize(&mut self.synced, bytes);
                    }
                }
            }
        }
    }

    /// Keeps some sectors of a write, some of them in part. The length may be
    /// durable without the bytes, which then read as zero.
    fn tear(&mut self, bytes: &[u8], offset: u64, keep_percent: u64, rng: &dyn Rng) {
        let end = offset + bytes.len() as u64;
        if end > self.synced.len() as u64 && rng.below(100) < keep_percent {
            resize(&mut self.synced, end);
        }
        let mut at = offset;
        while at < end {
            let sector_end = end.min((at / SECTOR_BYTES + 1) * SECTOR_BYTES);
            let sector = &bytes[(at - offset) as usize..(sector_end - offset) as usize];
            if rng.below(100) < keep_percent {
                put(&mut self.synced, sector, at);
            } else if keep_percent > 0 && rng.below(8) == 0 {
                let torn_at = rng.below(sector.len() as u64 + 1) as usize;
                put(&mut self.synced, &sector[..torn_at], at);
            }
            at = sector_end;
        }
    }

    /// Flips the bits of `mask` in one byte, wherever that byte is kept. False when
    /// the file is shorter.
    pub(super) fn flip(&mut self, offset: u64, mask: u8) -> bool {
        let at = offset as usize;
        for content in [&mut self.live, &mut self.synced] {
            if let Some(byte) = content.get_mut(at) {
                *byte ^= mask;
            }
        }
        for change in &mut self.pending {
            if let Change::Write {
                offset: start,
                bytes,
            } = change
                && let Some(byte) = offset
                    .checked_sub(*start)
                    .and_then(|within| bytes.get_mut(within as usize))
            {
                *byte ^= mask;
            }
        }
        at < self.live.len()
    }
}

fn put(content: &mut Vec<u8>, bytes: &[u8], offset: u64) {
    if bytes.is_empty() {
        return;
    }
    let from = offset as usize;
    let to = from + bytes.len();
    if content.len() < to {
        content.resize(to, 0);
    }
    content[from..to].copy_from_slice(bytes);
}

fn resize(content: &mut Vec<u8>, bytes: u64) {
    if content.is_empty() {
        // Fresh zeros take no memory before they are written to: logs are allocated ahead.
        *content = vec![0; bytes as usize];
    }
    content.resize(bytes as usize, 0);
}
