//! The handle programs hold.

use std::fmt;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::EngineKind;
use super::opening::Opening;
use super::options::LocalStoreOptions;
use super::resident::Inside;
use crate::base::host::sim_disk::SimDisk;
use crate::base::host::{Host, SystemRng, aside};
use crate::base::{Error, Result};
use crate::client::Client;

/// A store in this process: keys with timers, and locks with fences, in a directory.
///
/// It is a [`Client`] with its node inside: everything a `Client` does is here, under the
/// same names, with the same answers and errors, and a function that takes a `&Client`
/// takes a `&LocalStore`. To move to a server, change the line that opens it:
///
/// ```no_run
/// # async fn either() -> dkv::base::Result<()> {
/// use dkv::{Client, ClientOptions, LocalStore};
///
/// let store = LocalStore::open("data").await?;
/// let store = Client::connect(ClientOptions::to("db:8080")).await?;
/// # Ok(())
/// # }
/// ```
///
/// Clones are the same store, and the same lane. Calls need no runtime, and never wait
/// for the disk on the thread that polls them; but with an engine on disk a read fetches
/// there what no cache holds, as it does in a server. The directory is the one that
/// `dkv serve` uses: either may open what the other has closed, one at a time.
///
/// When the last handle is gone (clones, `Client`s made from it, lock guards), the store
/// closes itself in the background. That is safe at any moment, as is the end of the
/// process: what was answered is there. [`LocalStore::close`] waits for it.
#[derive(Clone)]
pub struct LocalStore {
    client: Client,
    inside: Arc<Inside>,
    dir: Arc<Path>,
}

impl LocalStore {
    /// Opens the store in `dir`, or makes one there. What was answered by an earlier
    /// store, or server, is there.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// # let folder = tempfile::tempdir().expect("a directory for an example");
    /// # let dir = folder.path().join("data");
    /// use dkv::LocalStore;
    ///
    /// let store = LocalStore::open(&dir).await?;
    /// store.set("user:1", "alice").await?;
    /// store.close().await?;
    ///
    /// let store = LocalStore::open(&dir).await?;
    /// assert!(store.has("user:1").await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Unavailable` if the directory is in use, by another process or by another store
    /// of this one; `Invalid` if it cannot be used, or belongs to a newer dkv; `Corrupt`
    /// if it is damaged.
    pub async fn open(dir: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(dir, LocalStoreOptions::default()).await
    }

    /// Opens the store in `dir` as `options` say.
    ///
    /// # Errors
    /// As [`LocalStore::open`]; `Invalid` for options that cannot be, or that contradict
    /// what the directory is.
    pub async fn open_with(dir: impl AsRef<Path>, options: LocalStoreOptions) -> Result<Self> {
        let opening = Opening {
            host: Host::system(),
            dir: dir.as_ref().to_owned(),
            options,
        };
        Self::opened(opening).await
    }

    /// A store on a disk in memory, for tests: it leaves nothing behind.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// use dkv::LocalStore;
    ///
    /// let store = LocalStore::in_memory().await?;
    /// assert_eq!(store.get("user:1").await?, None);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Internal` when the operating system does not give what it needs.
    pub async fn in_memory() -> Result<Self> {
        let host = Host {
            disk: Arc::new(SimDisk::new(Arc::new(SystemRng))),
            ..Host::system()
        };
        let opening = Opening {
            host,
            dir: PathBuf::from("/memory"),
            options: LocalStoreOptions {
                engine: Some(EngineKind::Memory),
                ..LocalStoreOptions::default()
            },
        };
        Self::opened(opening).await
    }

    pub(super) async fn opened(opening: Opening) -> Result<Self> {
        opening.options.check()?;
        let (host, dir) = (opening.host.clone(), opening.dir.clone());
        let client = opening.options.client();
        // Read here, so that options which cannot be are refused before the disk is touched.
        client.check()?;
        let inside = aside(&*host.spawn, "dkv-open", move || opening.open());
        let inside = inside
            .await
            .map_err(|_| Error::internal("the store panicked while it opened"))??;
        let inside = Arc::new(inside);
        let client = Client::of_resident(inside.clone(), client, host)?;
        Ok(Self {
            client,
            inside,
            dir: dir.into(),
        })
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Closes the store: waits until what was begun is durable and the directory is free
    /// for the next. From now on every handle answers `Unavailable`; who waits for a lock
    /// is sent home, and guards are lost when their leases end. Closing twice is no error.
    ///
    /// With every durability, what was answered is on disk afterwards.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> dkv::base::Result<()> {
    /// use dkv::LocalStore;
    /// use dkv::base::ErrorKind;
    ///
    /// let store = LocalStore::in_memory().await?;
    /// store.close().await?;
    /// let refused = store.set("user:1", "alice").await.unwrap_err();
    /// assert_eq!(refused.kind(), ErrorKind::Unavailable);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `Internal` if the disk failed: then what was written with the durabilities
    /// `interval` and `none` may be gone.
    pub async fn close(&self) -> Result<()> {
        self.inside.close().await
    }
}

/// What a store does, it does as a client.
impl Deref for LocalStore {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for LocalStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalStore")
            .field("dir", &self.dir)
            .field("shard", &self.client.shard())
            .finish_non_exhaustive()
    }
}
