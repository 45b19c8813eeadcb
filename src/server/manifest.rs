//! The identity of a data directory: the file `manifest`.
//!
//! ```text
//! "DKVMANI"           7 bytes
//! format version u8   1
//! length u32 LE       of the message
//! crc32c u32 LE       of the message
//! storage.v1.Manifest
//! ```
//!
//! It is written to `manifest.tmp`, synced and renamed, so that it is always whole.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use prost::Message;

use super::settings::{EngineKind, ShardKind, ShardSpec, WantedShard};
use crate::base::host::{Disk, Host, OpenMode};
use crate::base::types::{ClusterId, NodeId, ShardId};
use crate::base::{Error, ErrorKind, Result};
use crate::proto::storage;
use crate::raft::Member;

const MAGIC: &[u8; 7] = b"DKVMANI";
const FORMAT: u8 = 1;
const HEAD_BYTES: usize = 16;
const BYTES_MAX: u64 = 1 << 20;

/// What a data directory is, for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) node: NodeId,
    pub(super) name: String,
    pub(super) shards: Vec<ShardSpec>,
    /// The cluster that the replicated shards belong to.
    pub(super) cluster: Option<ClusterId>,
    /// Whom the cluster began with, if this node is to found it.
    pub(super) founders: BTreeMap<NodeId, Member>,
    /// The log was opened once: from then on it must be there.
    log_started: bool,
}

/// The shards that a start asks for.
pub(super) enum Wanted<'a> {
    /// At least these.
    These(&'a [WantedShard]),
    /// These, unless the directory is a member's: those have what their cluster has.
    ByDefault(&'a [WantedShard]),
}

impl Manifest {
    /// Reads the manifest of `dir` and adds the shards that are new, or mints one.
    ///
    /// # Errors
    /// `Invalid` when the directory belongs to another node or a shard would change its
    /// type; `Corrupt` when the manifest is damaged, or gone although there is a log.
    pub(super) fn settle(
        host: &Host,
        dir: &Path,
        name: Option<&str>,
        wanted: &Wanted<'_>,
        has_log: bool,
    ) -> Result<Self> {
        let path = dir.join("manifest");
        let found = match host.disk.open(&path, OpenMode::Read) {
            Ok(file) => {
                let length = file.len().map_err(|error| failed(&path, error))?;
                if length > BYTES_MAX {
                    return Err(damaged(&path, "it is far too long"));
                }
                let mut bytes = vec![0; usize::try_from(length).expect("at most BYTES_MAX")];
                file.read_exact_at(&mut bytes, 0)
                    .map_err(|error| failed(&path, error))?;
                Some(decode(&path, &bytes)?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A new identity would have the log refused as another node's.
                if has_log {
                    return Err(gone(&path, "the manifest"));
                }
                None
            }
            Err(error) => return Err(failed(&path, error)),
        };
        let before = found.clone();
        let mut manifest = match found {
            Some(manifest) => manifest,
            None => Self {
                node: NodeId::from_random(host.rng.id()),
                name: name.unwrap_or_default().to_owned(),
                shards: Vec::new(),
                cluster: None,
                founders: BTreeMap::new(),
                log_started: false,
            },
        };
        manifest.check_name(dir, name)?;
        match wanted {
            Wanted::These(shards) => manifest.add_shards(shards)?,
            Wanted::ByDefault(shards) if !manifest.has_replicated() => {
                manifest.add_shards(shards)?;
            }
            Wanted::ByDefault(shards) => manifest.check_engines(shards)?,
        }
        if before.as_ref() != Some(&manifest) {
            manifest.write(&*host.disk, dir)?;
        }
        Ok(manifest)
    }

    /// Refuses to start a new log where there was one: an empty log would serve a node
    /// that forgot what it acknowledged.
    ///
    /// # Errors
    /// `Corrupt` when the log is gone.
    pub(super) fn check_log(&self, log: &Path, has_log: bool) -> Result<()> {
        if !self.log_started || has_log {
            return Ok(());
        }
        Err(gone(log, "the log"))
    }

    /// Remembers that the log has been started.
    ///
    /// # Errors
    /// `Internal` when the file system fails.
    pub(super) fn note_log(&mut self, disk: &dyn Disk, dir: &Path) -> Result<()> {
        if self.log_started {
            return Ok(());
        }
        self.log_started = true;
        self.write(disk, dir)
    }

    /// Remembers the cluster, for good; `founders` only on the node that founds it,
    /// `shards` only on one that joins.
    ///
    /// # Errors
    /// `Invalid` when a shard would change its type; `Internal` when the file system
    /// fails.
    pub(super) fn enter(
        &mut self,
        disk: &dyn Disk,
        dir: &Path,
        cluster: ClusterId,
        founders: BTreeMap<NodeId, Member>,
        shards: &[WantedShard],
    ) -> Result<()> {
        self.add_shards(shards)?;
        self.cluster = Some(cluster);
        self.founders = founders;
        self.write(disk, dir)
    }

    fn check_name(&mut self, dir: &Path, name: Option<&str>) -> Result<()> {
        match name {
            Some(name) if self.name.is_empty() => name.clone_into(&mut self.name),
            Some(name) if name != self.name => {
                return Err(Error::invalid(format!(
                    "the data directory {} belongs to {}, not to {name}: choose another \
                     --data-dir, or --node-id {}",
                    dir.display(),
                    self.name,
                    self.name
                )));
            }
            _ => {}
        }
        Ok(())
    }

    fn add_shards(&mut self, wanted: &[WantedShard]) -> Result<()> {
        for spec in wanted {
            match self.shards.iter().find(|shard| shard.id == spec.id) {
                None => self.shards.push(ShardSpec {
                    id: spec.id,
                    kind: spec.kind,
                    engine: spec.engine.unwrap_or(EngineKind::DEFAULT),
                }),
                Some(shard) if shard.kind != spec.kind => {
                    return Err(Error::invalid(format!(
                        "shard {} of this data directory is a {} and cannot become a {}: {}",
                        spec.id,
                        shard.kind,
                        spec.kind,
                        way_out(shard.kind, spec.kind),
                    )));
                }
                Some(shard) => self.check_engine(shard, spec.engine)?,
            }
        }
        self.shards.sort_by_key(|shard| shard.id);
        Ok(())
    }

    fn has_replicated(&self) -> bool {
        self.shards.iter().any(|shard| shard.kind.is_replicated())
    }

    /// Nobody asked for other shards, but maybe for another engine.
    fn check_engines(&self, wanted: &[WantedShard]) -> Result<()> {
        let engine = wanted.iter().find_map(|shard| shard.engine);
        let mut shards = self.shards.iter();
        shards.try_for_each(|shard| self.check_engine(shard, engine))
    }

    fn check_engine(&self, shard: &ShardSpec, wanted: Option<EngineKind>) -> Result<()> {
        let Some(wanted) = wanted.filter(|wanted| *wanted != shard.engine) else {
            return Ok(());
        };
        let (id, kept) = (shard.id, shard.engine);
        // Another shard may have another engine, so `--engine {kept}` could be refused, too.
        let way_out = if shard.kind.has_keys() {
            format!(
                "start it without naming an engine, take its keys out with \
                 `dkv kv export keys.jsonl --shard {id}` (locks stay behind), start an empty \
                 --data-dir with --engine {wanted}, and put them in with \
                 `dkv kv import keys.jsonl --shard {id}`"
            )
        } else {
            "it has nothing but locks, which cannot be taken out: start it without naming an \
             engine"
                .to_owned()
        };
        Err(Error::invalid(format!(
            "shard {id} of this data directory is kept by the engine {kept}, which cannot be \
             changed to {wanted} in place: {way_out}"
        )))
    }

    fn write(&self, disk: &dyn Disk, dir: &Path) -> Result<()> {
        let path = dir.join("manifest");
        let tmp = dir.join("manifest.tmp");
        let written = match disk.remove(&tmp) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => disk.open(&tmp, OpenMode::CreateNew),
        };
        written
            .and_then(|file| {
                file.write_all_at(&self.encode(), 0)?;
                file.sync_data()?;
                disk.rename(&tmp, &path)?;
                disk.sync_dir(dir)
            })
            .map_err(|error| failed(&path, error))
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let shards = self.shards.iter().map(|shard| storage::Shard {
            id: shard.id.0,
            r#type: shard.kind.to_string(),
            engine: shard.engine.to_string(),
        });
        let message = storage::Manifest {
            node: self.node.0.to_vec().into(),
            name: self.name.clone(),
            shards: shards.collect(),
            log_started: self.log_started,
            cluster: self
                .cluster
                .map_or_else(Bytes::new, |id| Bytes::copy_from_slice(&id.0)),
            founders: self
                .founders
                .iter()
                .map(|(node, member)| member.store(*node))
                .collect(),
        }
        .encode_to_vec();
        let length = u32::try_from(message.len()).expect("a manifest is small");
        let mut bytes = MAGIC.to_vec();
        bytes.push(FORMAT);
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&message).to_le_bytes());
        bytes.extend_from_slice(&message);
        bytes
    }
}

/// The message in the file, checked.
fn unwrap(path: &Path, bytes: &[u8]) -> Result<storage::Manifest> {
    let Some((head, message)) = bytes.split_first_chunk::<HEAD_BYTES>() else {
        return Err(damaged(path, "it is too short"));
    };
    let [
        m0,
        m1,
        m2,
        m3,
        m4,
        m5,
        m6,
        format,
        l0,
        l1,
        l2,
        l3,
        c0,
        c1,
        c2,
        c3,
    ] = *head;
    if [m0, m1, m2, m3, m4, m5, m6] != *MAGIC {
        return Err(damaged(path, "it is not a manifest of dkv"));
    }
    if format > FORMAT {
        let message = format!(
            "{}: written by a newer dkv (format {format}; this one reads up to {FORMAT}): \
             upgrade dkv",
            path.display()
        );
        return Err(Error::invalid(message));
    }
    let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
    if length != message.len() || crc32c::crc32c(message) != u32::from_le_bytes([c0, c1, c2, c3]) {
        return Err(damaged(path, "its checksum does not match"));
    }
    storage::Manifest::decode(message).map_err(|_| damaged(path, "it cannot be read"))
}

/// Reads the file's content.
///
/// # Errors
/// As [`Manifest::settle`].
pub(super) fn decode(path: &Path, bytes: &[u8]) -> Result<Manifest> {
    let message = unwrap(path, bytes)?;
    let node = <[u8; 16]>::try_from(&*message.node);
    let node = node.map_err(|_| damaged(path, "the node's id has not 16 bytes"))?;
    let cluster = match &*message.cluster {
        [] => None,
        bytes => {
            Some(ClusterId(bytes.try_into().map_err(|_| {
                damaged(path, "the cluster's id has not 16 bytes")
            })?))
        }
    };
    let founders = message.founders.into_iter().map(Member::read).collect();
    let founders: Result<BTreeMap<_, _>> = founders;
    let founders = founders.map_err(|error| damaged(path, error.message()))?;
    let shards = message.shards.iter().map(|shard| {
        let kind = ShardKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == shard.r#type)?;
        let engine = EngineKind::ALL
            .into_iter()
            .find(|engine| engine.as_str() == shard.engine)?;
        Some(ShardSpec {
            id: ShardId(shard.id),
            kind,
            engine,
        })
    });
    let shards: Option<Vec<_>> = shards.collect();
    let shards = shards.ok_or_else(|| {
        let message = format!(
            "{}: a shard has a type that this dkv does not know: upgrade dkv",
            path.display()
        );
        Error::corrupt(message)
    })?;
    Ok(Manifest {
        node: NodeId(node),
        name: message.name,
        shards,
        cluster,
        founders,
        log_started: message.log_started,
    })
}

fn damaged(path: &Path, what: &str) -> Error {
    let path: PathBuf = path.to_owned();
    Error::new(
        ErrorKind::Corrupt,
        format!(
            "{}: damaged: {what}; restore the directory from a backup",
            path.display()
        ),
    )
}

fn gone(path: &Path, what: &str) -> Error {
    Error::corrupt(format!(
        "{}: {what} is gone; put it back, or restore the whole directory from a backup",
        path.display()
    ))
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::new(ErrorKind::Internal, format!("{}: {source}", path.display())).with_source(source)
}

/// What to do when a shard is wanted as another type than it has. A node of a cluster that
/// is started without a word of it wants the shards of a lone one.
fn way_out(kept: ShardKind, wanted: ShardKind) -> String {
    match kept.is_replicated() && !wanted.is_replicated() {
        true => {
            "leave out --shards, or start this node as before, with --cluster-members or --join"
                .to_owned()
        }
        false => format!("give the {wanted} another id"),
    }
}
