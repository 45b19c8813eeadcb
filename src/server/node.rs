//! The composition root: a data directory becomes a node that serves.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;

use super::manifest::Manifest;
use super::service::{Service, Shard};
use super::settings::{EngineKind, ServeConfig, ShardSpec};
use crate::base::host::{Disk, DiskLock, Host};
use crate::base::types::{NodeId, ShardId};
use crate::base::{Error, ErrorKind, Result, limits};
use crate::engine::Engine;
use crate::engine::memory::MemoryEngine;
use crate::engine::redb::{RedbEngine, RedbOptions};
use crate::machine::{Command, Machine, codec};
use crate::store::fatal::Fatal;
use crate::store::history_file::HistoryFiles;
use crate::store::{Local, Replayed, ShardOptions, Store};
pub use crate::wal::WalStatus as LogStatus;
use crate::wal::{self, Record, RecordKind, Recovery, Wal, WalOptions};

/// A running node without its listeners.
pub struct Node {
    /// The request path.
    pub service: Service,
    /// The node's log.
    pub wal: Wal,
    /// Raised when the node must stop.
    pub fatal: Fatal,
    /// The node's name; empty if it has none.
    pub name: String,
    locals: Vec<Local>,
    lock: Arc<DiskLock>,
}

/// What a closed node leaves.
#[must_use = "whether everything is durable is in here, and the hold on the directory"]
pub struct Closed {
    /// Whether everything that was accepted is durable.
    pub synced: Result<()>,
    /// Keeps others out of the data directory until it is dropped and the background work
    /// has ended, which is soon: a checkpoint that is being written is written to its end.
    pub lock: Arc<DiskLock>,
}

/// A shard that is being recovered.
struct Opened {
    spec: ShardSpec,
    machine: Machine,
    history: HistoryFiles,
    replayed: Replayed,
}

impl Node {
    /// Opens the data directory, recovers every shard and starts their work. When it
    /// returns, everything that was acknowledged is there and can be served.
    ///
    /// # Errors
    /// `Unavailable` when another process has the directory; `Invalid`, `Corrupt` or
    /// `Internal` as the message says. Nothing was served.
    pub fn open(host: &Host, config: &ServeConfig) -> Result<Self> {
        let dir = &config.data_dir;
        make_dir(&*host.disk, dir)?;
        let lock = host
            .disk
            .lock(&dir.join("LOCK"))
            .map_err(|error| locked(dir, error))?;
        let lock = Arc::new(lock);
        let log = dir.join("wal");
        let has_log = has_log(&*host.disk, &log);
        let name = config.node_id.as_deref();
        let mut manifest = Manifest::settle(host, dir, name, &config.shards, has_log)?;
        manifest.check_log(&log, has_log)?;
        let mut opened = BTreeMap::new();
        for spec in &manifest.shards {
            opened.insert(spec.id, open_shard(host, dir, *spec, config)?);
        }
        let options = WalOptions {
            dir: log,
            node: manifest.node,
            segment_bytes: config.wal_segment_bytes,
        };
        let mut recovery = Wal::recover(host, options)?;
        manifest.note_log(&*host.disk, dir)?;
        replay(&mut recovery, &mut opened)?;
        let wal = recovery.start();
        let fatal = Fatal::new();
        let mut locals = Vec::new();
        let mut shards = Vec::new();
        for opened in opened.into_values() {
            let Opened {
                spec,
                machine,
                history,
                replayed,
            } = opened;
            let local = Local::start(
                host,
                wal.clone(),
                (machine, replayed),
                history,
                (shard_options(dir, spec, config), config.durability),
                fatal.clone(),
                lock.clone(),
            );
            locals.push(local.clone());
            shards.push(shard_of(manifest.node, spec, config, local));
        }
        let service = Service::new(
            manifest.node,
            shards,
            config.value_bytes_max,
            config.request_timeout,
        );
        Ok(Self {
            service,
            wal,
            fatal,
            name: manifest.name,
            locals,
            lock,
        })
    }

    /// Tells why writes are refused right now, if they are.
    pub fn read_only(&self) -> Arc<dyn Fn() -> Option<String> + Send + Sync> {
        let wal = self.wal.clone();
        let locals = self.locals.clone();
        Arc::new(move || {
            let log = wal.status().read_only;
            log.or_else(|| locals.iter().find_map(Local::read_only))
        })
    }

    /// Tells how the log is doing.
    pub fn log_status(&self) -> Arc<dyn Fn() -> LogStatus + Send + Sync> {
        let wal = self.wal.clone();
        Arc::new(move || wal.status())
    }

    /// Refuses what comes from now on, makes durable what was accepted before, and tells
    /// the background work to end. Blocks until the disk has it.
    pub fn close(self) -> Closed {
        let (tell, told) = mpsc::sync_channel(1);
        // The receiver below waits for as long as the log takes.
        self.wal
            .finish(Box::new(move |result| drop(tell.send(result))));
        let synced = match told.recv() {
            Ok(result) => result.map_err(Error::from),
            Err(_) => Err(Error::internal("the log ended before it was synced")),
        };
        for local in &self.locals {
            local.close();
        }
        Closed {
            synced,
            lock: self.lock,
        }
    }
}

fn shard_options(dir: &Path, spec: ShardSpec, config: &ServeConfig) -> ShardOptions {
    let (entries, bytes) = (config.snapshot_entries, config.snapshot_bytes);
    let (snapshot_entries, snapshot_bytes) = match spec.engine {
        EngineKind::Memory => (entries, bytes),
        EngineKind::Redb => (
            entries.min(limits::ENGINE_FLUSH_COMMANDS),
            bytes.min(limits::ENGINE_FLUSH_BYTES),
        ),
    };
    ShardOptions {
        shard: spec.id,
        dir: shard_dir(dir, spec.id),
        snapshot_entries,
        snapshot_bytes,
        unflushed_bytes_max: config.disk_engine.unflushed_bytes_max,
    }
}

fn shard_of(node: NodeId, spec: ShardSpec, config: &ServeConfig, local: Local) -> Shard {
    Shard {
        id: spec.id,
        kind: spec.kind,
        engine: spec.engine,
        durability: config.durability.to_string(),
        identity: Bytes::copy_from_slice(&node.0),
        store: Store::Local(local),
    }
}

/// True if something of a log is there; its spare files hold nothing.
fn has_log(disk: &dyn Disk, log: &Path) -> bool {
    let names = disk.list(log).unwrap_or_default();
    names.iter().any(|name| wal::is_segment(name))
}

fn shard_dir(dir: &Path, id: ShardId) -> PathBuf {
    dir.join("shards").join(id.to_string())
}

fn open_shard(host: &Host, dir: &Path, spec: ShardSpec, config: &ServeConfig) -> Result<Opened> {
    make_dir(&*host.disk, &dir.join("shards"))?;
    let dir = shard_dir(dir, spec.id);
    make_dir(&*host.disk, &dir)?;
    let engine: Box<dyn Engine> = match spec.engine {
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
    let mut machine = Machine::open(engine, config.history)?;
    let upto = machine.state().revision;
    let (history, loaded) = HistoryFiles::open(host.disk.clone(), dir, upto)?;
    machine
        .history_mut()
        .load(loaded.floor, upto, loaded.events)?;
    Ok(Opened {
        spec,
        machine,
        history,
        replayed: Replayed::default(),
    })
}

/// Applies what the log has beyond each shard's checkpoint.
///
/// The log notes how far each shard's checkpoint reached before it lets entries go: a
/// shard that does not get there has lost its checkpoint.
fn replay(recovery: &mut Recovery, opened: &mut BTreeMap<ShardId, Opened>) -> Result<()> {
    let mut covered = BTreeMap::new();
    recovery.replay(&mut |record| {
        let id = ShardId(record.group);
        let Some(shard) = opened.get_mut(&id) else {
            let message = format!("the log has records of shard {id}, which the manifest lacks");
            return Err(Error::corrupt(message));
        };
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

fn replay_entry(id: ShardId, shard: &mut Opened, record: Record) -> Result<()> {
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

/// Makes a directory whose name survives a power loss. Nothing to do if it is there.
fn make_dir(disk: &dyn Disk, dir: &Path) -> Result<()> {
    if disk.list(dir).is_ok() {
        return Ok(());
    }
    let parent = match dir.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    disk.create_dir_all(dir)
        .and_then(|()| disk.sync_dir(parent))
        .map_err(|error| unusable(dir, error))
}

fn unusable(dir: &Path, source: io::Error) -> Error {
    let why = match source.kind() {
        io::ErrorKind::AlreadyExists => "it is no directory".to_owned(),
        _ => source.to_string(),
    };
    let message = format!("the data directory {} cannot be used: {why}", dir.display());
    Error::new(ErrorKind::Invalid, message).with_source(source)
}

fn locked(dir: &Path, source: io::Error) -> Error {
    if source.kind() != io::ErrorKind::WouldBlock {
        return unusable(dir, source);
    }
    let message = format!(
        "the data directory {} is in use by another dkv, a server or a program with a store of its \
         own: stop it, or choose another directory (--data-dir)",
        dir.display()
    );
    Error::unavailable(message).with_source(source)
}
