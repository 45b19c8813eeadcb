//! A start: what the log keeps is made safe, then replayed, then the log goes on.
//!
//! The kept tail, the batches not known to be durable, is written again into a
//! fresh segment and made durable before anybody sees a record, so that nothing is
//! served that a power loss could still take. The fresh segment's header names its
//! first batch: what older segments hold from there on is superseded. A crash at
//! any point leaves either the old end of the log or the new one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::WalError;
use super::handle::Wal;
use super::queue::Shared;
use super::read::Reader;
use super::record::{GroupId, Record};
use super::repair::{Repaired, repair};
use super::room::{Room, Sizes};
use super::scan::Batches;
use super::spares::{Spares, sync_dir};
use super::survey::{Kept, Survey, read_segment};
use super::writer::Writer;
use crate::base::host::Host;
use crate::base::types::NodeId;

/// What a log is opened with.
#[derive(Debug, Clone)]
pub struct WalOptions {
    /// Where the segments are. Made if missing; nobody else may use it.
    pub dir: PathBuf,
    /// Whose log it is; another node's is refused.
    pub node: NodeId,
    /// The length of a new segment, bytes: a multiple of 4096 from 16 KiB to 1 GiB.
    /// It may change from start to start.
    pub segment_bytes: u64,
    /// The groups whose entries can be read back with `Wal::read`. Each costs 24 bytes of
    /// memory an entry that is not released; the others cost nothing.
    pub indexed: BTreeSet<GroupId>,
}

/// A log that was checked and repaired, before anything is served from it.
pub struct Recovery {
    host: Host,
    options: WalOptions,
    sizes: Sizes,
    survey: Survey,
    repaired: Repaired,
    spares: Spares,
}

impl Wal {
    /// Reads the log in `options.dir`, cuts a torn tail, and makes durable what is
    /// kept. An empty or missing directory is an empty log.
    ///
    /// # Errors
    /// `Corrupt` when something that was durable is damaged; `NewerFormat`,
    /// `OtherNode`; `Options`; `TooLarge` when segments became too small for what
    /// their heads must hold; `OutOfSpace` when there is not even room for what must
    /// be rewritten; `Io`. Nothing is lost: the next try finds the same log.
    pub fn recover(host: &Host, options: WalOptions) -> Result<Recovery, WalError> {
        let sizes = Sizes::new(options.segment_bytes)?;
        let (dir, disk) = (&options.dir, &*host.disk);
        disk.create_dir_all(dir)
            .map_err(|error| WalError::io(dir, "create", error))?;
        // A directory whose own name is lost takes its segments along.
        sync_dir(disk, parent_of(dir))?;
        // A process that was killed may have left names that are seen but not durable.
        // The fresh segment must not outlive the one it follows.
        sync_dir(disk, dir)?;
        let mut spares = Spares::new(dir.clone(), options.segment_bytes);
        let mut survey = Survey::read(disk, dir, options.node, &options.indexed, &mut spares)?;
        let repaired = repair(host, dir, options.node, &sizes, &mut spares, &mut survey)?;
        Ok(Recovery {
            host: host.clone(),
            options,
            sizes,
            survey,
            repaired,
            spares,
        })
    }
}

fn parent_of(dir: &Path) -> &Path {
    match dir.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => dir,
    }
}

impl Recovery {
    /// The latest state of `group`, if it ever had one: what a replay would show last.
    pub fn state(&self, group: GroupId) -> Option<&Record> {
        self.survey.states.get(&group)
    }

    /// Visits every kept record of every kind in the order of the log, which is the order
    /// in which they were appended; one segment is in memory at a time. All of it is
    /// durable.
    ///
    /// Void entries come too, and the truncation that voids them comes after them; entries
    /// that were released may come, or may be gone, the oldest first. What counts of a
    /// group at the end is what a reader makes of it step by step: an entry takes the
    /// place of an earlier one at its index, a `Truncate` drops those at its index and after it,
    /// a `Purge` those up to its index. A record of those two kinds comes as long as an entry
    /// it concerns does. States come again at the head of each segment: the latest wins,
    /// and is [`Recovery::state`].
    ///
    /// # Errors
    /// The visitor's, or the file system's.
    pub fn replay(
        &mut self,
        visit: &mut dyn FnMut(Record) -> Result<(), crate::base::Error>,
    ) -> Result<(), crate::base::Error> {
        for kept in &self.survey.kept {
            self.replay_segment(kept, visit)?;
        }
        Ok(())
    }

    fn replay_segment(
        &self,
        kept: &Kept,
        visit: &mut dyn FnMut(Record) -> Result<(), crate::base::Error>,
    ) -> Result<(), crate::base::Error> {
        if kept.end_batch == kept.header.first_batch {
            return Ok(());
        }
        let segment = read_segment(&*self.host.disk, &kept.path)?;
        let mut batches = Batches::new(&segment, kept.header);
        while batches.number < kept.end_batch {
            let Some(batch) = batches.next() else {
                let (offset, what) = (batches.offset as u64, batches.what_is_wrong());
                return Err(WalError::corrupt(&kept.path, offset, what).into());
            };
            for record in batch.records() {
                let (_, record) = record
                    .map_err(|what| WalError::corrupt(&kept.path, batch.offset as u64, what))?;
                visit(record)?;
            }
        }
        Ok(())
    }

    /// Hands the writer to `host.spawn` and gives out the handle.
    pub fn start(self) -> Wal {
        let Repaired {
            current,
            next_batch,
        } = self.repaired;
        let left = current.length - current.position;
        let room = Room::new(&self.sizes, current.header.epoch, left);
        let shared = Shared::new(self.sizes, room, self.survey.segments, &self.survey.states);
        let shared = Arc::new(shared);
        let reader = Reader {
            shared: shared.clone(),
            disk: self.host.disk.clone(),
            dir: self.options.dir.clone(),
        };
        let writer = Writer {
            host: self.host.clone(),
            shared,
            dir: self.options.dir,
            current,
            next_batch,
            synced_through: next_batch - 1,
            states: self.survey.states,
            spares: self.spares,
            sync_due_us: None,
            retry_at_us: 0,
            buffer: Vec::new(),
        };
        self.host.spawn.drive("wal", Box::new(writer));
        Wal::new(reader)
    }
}
