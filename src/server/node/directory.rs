//! The data directory: held by one process, with one identity.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::host::{Disk, DiskLock, Host};
use crate::base::types::ShardId;
use crate::base::{Error, ErrorKind, Result};
use crate::server::manifest::{Manifest, Wanted};
use crate::server::settings::ServeConfig;
use crate::wal;

/// As it is made.
const DIR_MODE: u32 = 0o700;
/// Permission bits that must not be set: all of the group's and of others'.
const DIR_MODE_REFUSED: u32 = 0o077;

/// A data directory that this process holds.
pub(in crate::server) struct Directory {
    pub(in crate::server) path: PathBuf,
    pub(in crate::server) manifest: Manifest,
    pub(super) lock: Arc<DiskLock>,
}

impl Directory {
    /// Takes the directory, and reads who this node is, or makes it somebody.
    ///
    /// # Errors
    /// `Unavailable` when another process has the directory; `Invalid`, `Corrupt` or
    /// `Internal` as the message says.
    pub(in crate::server) fn take(host: &Host, config: &ServeConfig) -> Result<Self> {
        let path = config.data_dir.clone();
        make_dir(&*host.disk, &path)?;
        let lock = host
            .disk
            .lock(&path.join("LOCK"))
            .map_err(|error| locked(&path, error))?;
        let has_log = has_log(&*host.disk, &path.join("wal"));
        let name = config.node_id.as_deref();
        // A node that joins takes its shards from the cluster.
        let wanted = match config.cluster.join {
            Some(_) => Wanted::These(&[]),
            None if config.shards_by_default => Wanted::ByDefault(&config.shards),
            None => Wanted::These(&config.shards),
        };
        let manifest = Manifest::settle(host, &path, name, &wanted, has_log)?;
        manifest.check_log(&path.join("wal"), has_log)?;
        Ok(Self {
            path,
            manifest,
            lock: Arc::new(lock),
        })
    }

    /// The same, unless others than its owner can look into the directory: everything that is
    /// stored is in it, in plain.
    ///
    /// # Errors
    /// As of [`Directory::take`], and `Invalid` for such a directory.
    pub(in crate::server) fn take_private(host: &Host, config: &ServeConfig) -> Result<Self> {
        let path = &config.data_dir;
        // One that cannot be looked at is made, or its error is told, below.
        let mode = host.disk.dir_mode(path).unwrap_or(DIR_MODE);
        if mode & DIR_MODE_REFUSED != 0 {
            return Err(Error::invalid(format!(
                "the data directory {0} has mode {mode:04o}, and must be for its owner alone: \
                 `chmod 700 {0}`, or give a directory within it (--data-dir), which is made so",
                path.display()
            )));
        }
        Self::take(host, config)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.path.join("wal")
    }

    /// Makes the place of a shard.
    pub(super) fn make_shard(&self, disk: &dyn Disk, id: ShardId) -> Result<PathBuf> {
        make_dir(disk, &self.path.join("shards"))?;
        let dir = self.shard(id);
        make_dir(disk, &dir)?;
        Ok(dir)
    }

    pub(super) fn shard(&self, id: ShardId) -> PathBuf {
        self.path.join("shards").join(id.to_string())
    }
}

/// True if something of a log is there; its spare files hold nothing.
fn has_log(disk: &dyn Disk, log: &Path) -> bool {
    let names = disk.list(log).unwrap_or_default();
    names.iter().any(|name| wal::is_segment(name))
}

/// Makes a directory whose name survives a power loss, those above it included. One that is
/// there may have been made by a process that died before the name was durable: what it is to
/// keep must not go with it.
fn make_dir(disk: &dyn Disk, dir: &Path) -> Result<()> {
    let is_there = disk.list(dir).is_ok();
    match make_durable(disk, dir, is_there) {
        Err(error) if is_there && is_of_others(&error) => Ok(()),
        made => made.map_err(|error| unusable(dir, error)),
    }
}

/// True if the parent is none that this program has made anything in: it may not look into it, or
/// nobody can write there, as where a volume is mounted in a read-only image.
fn is_of_others(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::InvalidInput
    )
}

fn make_durable(disk: &dyn Disk, dir: &Path, is_there: bool) -> io::Result<()> {
    let above = dir.parent().filter(|parent| *parent != Path::new(""));
    if !is_there {
        let is_missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
        if let Some(above) = above
            && disk.list(above).is_err_and(is_missing)
        {
            make_durable(disk, above, false)?;
        }
        disk.create_dir_all(dir)?;
    }
    disk.sync_dir(above.unwrap_or(Path::new(".")))
}

fn unusable(dir: &Path, source: io::Error) -> Error {
    let why = match source.kind() {
        io::ErrorKind::AlreadyExists => "it is no directory".to_owned(),
        _ => source.to_string(),
    };
    let what_to_do = match source.kind() {
        io::ErrorKind::PermissionDenied => {
            "give its owner, who runs dkv, the right to read and write it, or choose another one"
        }
        _ => "choose another one",
    };
    let dir = dir.display();
    let message =
        format!("the data directory {dir} cannot be used: {why}: {what_to_do} (--data-dir)");
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

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::base::host::SeededRng;
    use crate::base::host::sim_disk::SimDisk;

    /// Its own directory is not there on a disk that is simulated: it was looked for again and
    /// again, one above the other.
    #[test]
    fn a_directory_without_one_above_it_is_made() {
        let disk = SimDisk::new(Arc::new(SeededRng::new(1)));
        for dir in ["data", "./data", "deep/er/data", "/deep/er/data", "/"] {
            make_dir(&disk, Path::new(dir)).unwrap();
            assert!(disk.list(Path::new(dir)).is_ok(), "{dir}");
        }
    }

    #[test]
    fn a_directory_that_others_look_into_is_not_served() {
        let folder = tempfile::tempdir().unwrap();
        let host = Host::system();
        let config = ServeConfig {
            data_dir: folder.path().join("data"),
            ..ServeConfig::default()
        };
        // One that is made is right.
        drop(Directory::take_private(&host, &config).unwrap());
        for mode in [0o750, 0o705, 0o770, 0o777, 0o1777] {
            fs::set_permissions(&config.data_dir, Permissions::from_mode(mode)).unwrap();
            let refused = Directory::take_private(&host, &config).err().unwrap();
            let chmod = format!("`chmod 700 {}`", config.data_dir.display());
            assert!(refused.message().contains(&chmod), "{refused}");
        }
        fs::set_permissions(&config.data_dir, Permissions::from_mode(0o700)).unwrap();
        drop(Directory::take_private(&host, &config).unwrap());
    }
}
