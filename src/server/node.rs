//! The composition root: a data directory becomes a node that serves.

mod directory;
mod recover;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc;

use bytes::Bytes;

pub(in crate::server) use self::directory::Directory;
use self::recover::{Recovered, open_shard, replay};
use super::manifest::Manifest;
use super::service::{Service, Shard};
use super::settings::{EngineKind, ServeConfig, ShardSpec};
use crate::base::host::{DiskLock, Host};
use crate::base::types::{ClusterId, LogIndex, NodeId};
use crate::base::{Error, Result, limits};
use crate::raft::{GroupOptions, Hub, Member, Replay};
use crate::store::fatal::Fatal;
use crate::store::{Local, Replicated, ReplicatedOptions, ShardOptions, Store};
pub use crate::wal::WalStatus as LogStatus;
use crate::wal::{Wal, WalOptions};

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
    stores: Vec<Store>,
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

/// A node whose local shards work and whose replicated ones are still to meet the others.
pub(in crate::server) struct Opened {
    host: Host,
    config: ServeConfig,
    manifest: Manifest,
    wal: Wal,
    fatal: Fatal,
    locals: Vec<(ShardSpec, Local)>,
    groups: Vec<(Recovered, PathBuf)>,
    lock: Arc<DiskLock>,
}

impl Node {
    /// Opens the data directory of a node with local shards, recovers every shard and
    /// starts their work. When it returns, everything that was acknowledged is there and
    /// can be served.
    ///
    /// # Errors
    /// `Unavailable` when another process has the directory; `Invalid`, `Corrupt` or
    /// `Internal` as the message says. Nothing was served.
    pub fn open(host: &Host, config: &ServeConfig) -> Result<Self> {
        let directory = Directory::take(host, config)?;
        let opened = Opened::open(host, config, &directory)?;
        if let Some((shard, _)) = opened.groups.first() {
            return Err(Error::invalid(format!(
                "shard {} is a {}: it needs the other members of its cluster, and a node of \
                 its own (dkv serve)",
                shard.spec.id, shard.spec.kind
            )));
        }
        Ok(opened.serve(Vec::new()))
    }

    /// Tells why writes are refused right now, if they are.
    pub fn read_only(&self) -> Arc<dyn Fn() -> Option<String> + Send + Sync> {
        let wal = self.wal.clone();
        let stores = self.stores.clone();
        Arc::new(move || {
            let log = wal.status().read_only;
            log.or_else(|| stores.iter().find_map(Store::read_only))
        })
    }

    /// Tells how the log is doing.
    pub fn log_status(&self) -> Arc<dyn Fn() -> LogStatus + Send + Sync> {
        let wal = self.wal.clone();
        Arc::new(move || wal.status())
    }

    /// Ends the groups: nothing of theirs is under way after this. Before [`Node::close`].
    pub async fn leave_groups(&self) {
        for store in &self.stores {
            if let Some(replicated) = store.replicated() {
                replicated.close().await;
            }
        }
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
        for store in &self.stores {
            if let Store::Local(local) = store {
                local.close();
            }
        }
        Closed {
            synced,
            lock: self.lock,
        }
    }
}

impl Opened {
    /// Recovers every shard and starts the work of the local ones. Blocks.
    ///
    /// # Errors
    /// As [`Node::open`].
    pub(in crate::server) fn open(
        host: &Host,
        config: &ServeConfig,
        directory: &Directory,
    ) -> Result<Self> {
        let specs = &directory.manifest.shards;
        let replicated = specs.iter().filter(|spec| spec.kind.is_replicated());
        let options = WalOptions {
            dir: directory.log(),
            node: directory.manifest.node,
            segment_bytes: config.wal_segment_bytes,
            // Members that lag are sent what is not in memory any more.
            indexed: replicated.map(|spec| spec.id.0).collect(),
        };
        let mut recovery = Wal::recover(host, options)?;
        let mut shards = BTreeMap::new();
        for spec in specs {
            let state = recovery
                .state(spec.id.0)
                .filter(|_| spec.kind.is_replicated());
            let log_begins_after = state.map_or(LogIndex(0), |state| state.index);
            let recovered = open_shard(host, directory, *spec, config, log_begins_after)?;
            shards.insert(spec.id, recovered);
        }
        let mut manifest = directory.manifest.clone();
        manifest.note_log(&*host.disk, &directory.path)?;
        replay(&mut recovery, &mut shards)?;
        let mut opened = Self {
            host: host.clone(),
            config: config.clone(),
            manifest,
            wal: recovery.start(),
            fatal: Fatal::new(),
            locals: Vec::new(),
            groups: Vec::new(),
            lock: directory.lock.clone(),
        };
        for (id, shard) in shards {
            let dir = directory.shard(id);
            match shard.group {
                Some(_) => opened.groups.push((shard, dir)),
                None => opened.start_local(shard, dir),
            }
        }
        Ok(opened)
    }

    /// Whom the cluster began with, if this node founds it.
    pub(in crate::server) fn founders(&self) -> BTreeMap<NodeId, Member> {
        self.manifest.founders.clone()
    }

    fn start_local(&mut self, shard: Recovered, dir: PathBuf) {
        let local = Local::start(
            &self.host,
            self.wal.clone(),
            (shard.machine, shard.replayed),
            shard.history,
            (
                shard_options(dir, shard.spec, &self.config),
                self.config.durability,
            ),
            self.fatal.clone(),
            self.lock.clone(),
        );
        self.locals.push((shard.spec, local));
    }

    /// A node without replicated shards.
    pub(in crate::server) fn serve_alone(self) -> Node {
        self.serve(Vec::new())
    }

    /// Starts the groups of the replicated shards: from here on they vote and elect.
    ///
    /// # Errors
    /// `Corrupt` when log and engine of a shard do not fit together.
    pub(in crate::server) async fn start(mut self, hub: &Hub) -> Result<Node> {
        let mut groups = Vec::new();
        for (shard, dir) in std::mem::take(&mut self.groups) {
            let spec = shard.spec;
            groups.push((spec, self.start_group(hub, shard, dir).await?));
        }
        Ok(self.serve(groups))
    }

    async fn start_group(&self, hub: &Hub, shard: Recovered, dir: PathBuf) -> Result<Replicated> {
        let cluster = &self.config.cluster;
        let options = ReplicatedOptions {
            shard: shard_options(dir, shard.spec, &self.config),
            group: GroupOptions {
                shard: shard.spec.id,
                node: self.manifest.node,
                heartbeat: cluster.heartbeat,
                election_timeout: cluster.election_timeout,
                seed: self.host.rng.below(u64::MAX),
            },
            compaction_overhead: cluster.compaction_overhead,
        };
        let log = shard.group.unwrap_or_else(|| Replay::of(shard.spec.id.0));
        let log = log.into_log(self.wal.clone())?;
        Replicated::start(
            &self.host,
            (self.wal.clone(), log, hub),
            shard.machine,
            shard.history,
            options,
            self.fatal.clone(),
            self.lock.clone(),
        )
        .await
    }

    fn serve(self, groups: Vec<(ShardSpec, Replicated)>) -> Node {
        let locals = self.locals.iter().cloned();
        let locals = locals.map(|(spec, local)| (spec, Store::Local(local)));
        let groups = groups
            .into_iter()
            .map(|(spec, group)| (spec, Store::Replicated(group)));
        let all: Vec<_> = locals.chain(groups).collect();
        let stores = all.iter().map(|(_, store)| store.clone()).collect();
        let shards = all.into_iter().map(|(spec, store)| self.shard(spec, store));
        let service = Service::new(
            self.manifest.node,
            shards.collect(),
            self.config.value_bytes_max,
            self.config.request_timeout,
        );
        Node {
            service,
            wal: self.wal,
            fatal: self.fatal,
            name: self.manifest.name,
            stores,
            lock: self.lock,
        }
    }

    fn shard(&self, spec: ShardSpec, store: Store) -> Shard {
        let cluster = self.manifest.cluster.unwrap_or(ClusterId([0; 16]));
        let (identity, durability) = match store {
            Store::Local(_) => (self.manifest.node.0, self.config.durability.to_string()),
            Store::Replicated(_) => (cluster.0, "quorum".to_owned()),
        };
        Shard {
            id: spec.id,
            kind: spec.kind,
            engine: spec.engine,
            durability,
            identity: Bytes::copy_from_slice(&identity),
            store,
        }
    }
}

fn shard_options(dir: PathBuf, spec: ShardSpec, config: &ServeConfig) -> ShardOptions {
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
        dir,
        snapshot_entries,
        snapshot_bytes,
        unflushed_bytes_max: config.disk_engine.unflushed_bytes_max,
    }
}
