//! Shards as the disk has them: engines opened, the log applied or handed over.

use std::collections::BTreeMap;

use super::directory::Directory;
use crate::base::host::Host;
use crate::base::types::{LogIndex, ShardId};
use crate::base::{Error, Result};
use crate::engine::Engine;
use crate::engine::memory::MemoryEngine;
use crate::engine::redb::{RedbEngine, RedbOptions};
use crate::machine::{Command, Machine, codec};
use crate::raft::Replay;
use crate::server::settings::{EngineKind, ServeConfig, ShardSpec};
use crate::store::Replayed;
use crate::store::history_file::HistoryFiles;
use crate::wal::{Record, RecordKind, Recovery};

/// A shard that is being recovered.
pub(super) struct Recovered {
    pub(super) spec: ShardSpec,
    pub(super) machine: Machine,
    pub(super) history: HistoryFiles,
    /// What of the log was applied, for a local shard.
    pub(super) replayed: Replayed,
    /// What the log has of it, for a replicated one: what of that is committed is not
    /// known before others are asked.
    pub(super) group: Option<Replay>,
}

pub(super) fn open_shard(
    host: &Host,
    directory: &Directory,
    spec: ShardSpec,
    config: &ServeConfig,
    log_begins_after: LogIndex,
) -> Result<Recovered> {
    let dir = directory.make_shard(&*host.disk, spec.id)?;
    let mut engine: Box<dyn Engine> = match spec.engine {
        EngineKind::Memory => Box::new(MemoryEngine::open(host.disk.clone(), dir.clone())?),
        EngineKind::Redb => {
            let options = RedbOptions {
                cache_bytes: config.disk_engine.cache_bytes,
                rewrite_bytes_min: config.disk_engine.rewrite_bytes_min,
                rewrite_step_bytes: config.disk_engine.rewrite_step_bytes,
            };
            Box::new(RedbEngine::open(host.disk.clone(), dir.clone(), options)?)
        }
    };
    finish_install(&mut *engine, log_begins_after)?;
    let mut machine = Machine::open(engine, config.history)?;
    let upto = machine.state().revision;
    let (history, loaded) = HistoryFiles::open(host.disk.clone(), dir, upto)?;
    machine
        .history_mut()
        .load(loaded.floor, upto, loaded.events)?;
    let group = spec.kind.is_replicated().then(|| Replay::of(spec.id.0));
    Ok(Recovered {
        spec,
        machine,
        history,
        replayed: Replayed::default(),
        group,
    })
}

/// A snapshot was being installed when the node stopped: its log ends there already, and
/// the rows wait.
fn finish_install(engine: &mut dyn Engine, log_begins_after: LogIndex) -> Result<()> {
    let covers = engine.durable_index();
    let waits = engine.sealed().filter(|sealed| *sealed >= log_begins_after);
    if covers < log_begins_after && waits.is_some() {
        engine.switch()?;
    }
    Ok(())
}

/// Applies what the log has beyond each local shard's checkpoint, and collects what it
/// has of the replicated ones.
///
/// The log notes how far each shard's checkpoint reached before it lets entries go: a
/// shard that does not get there has lost its checkpoint.
pub(super) fn replay(
    recovery: &mut Recovery,
    opened: &mut BTreeMap<ShardId, Recovered>,
) -> Result<()> {
    let mut covered = BTreeMap::new();
    recovery.replay(&mut |record| {
        let id = ShardId(record.group);
        let Some(shard) = opened.get_mut(&id) else {
            let message = format!("the log has records of shard {id}, which the manifest lacks");
            return Err(Error::corrupt(message));
        };
        if let Some(group) = &mut shard.group {
            return group.visit(record);
        }
        match record.kind {
            RecordKind::Entry => replay_entry(id, shard, record),
            RecordKind::State => {
                let covers = covered.entry(id).or_insert(record.index);
                *covers = record.index.max(*covers);
                Ok(())
            }
            other => Err(Error::corrupt(format!(
                "the log of shard {id} has a record ({other:?}) that local shards do not write"
            ))),
        }
    })?;
    for (id, shard) in opened.iter() {
        if let Some(group) = &shard.group {
            covered.insert(*id, group.purged());
        }
    }
    for (id, covers) in covered {
        let applied = opened[&id].machine.state().applied;
        if applied < covers {
            return Err(Error::corrupt(format!(
                "shard {id} had a checkpoint of entry {covers}, and only entry {applied} is here: \
                 the checkpoint is gone; put it back, or restore the whole directory from a backup"
            )));
        }
    }
    Ok(())
}

fn replay_entry(id: ShardId, shard: &mut Recovered, record: Record) -> Result<()> {
    let applied = shard.machine.state().applied;
    if record.index <= applied {
        return Ok(());
    }
    if record.index != applied.next() {
        return Err(Error::corrupt(format!(
            "the log of shard {id} goes on at entry {} after entry {applied}: the checkpoint \
             between them is gone; put it back, or restore the whole directory from a backup",
            record.index
        )));
    }
    let entry = codec::decode_entry(record.payload)?;
    shard.machine.apply(record.index, &entry)?;
    shard.replayed.commands += entry.commands.len() as u64;
    shard.replayed.bytes += entry.commands.iter().map(Command::weight).sum::<usize>() as u64;
    Ok(())
}
