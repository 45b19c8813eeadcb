//! Material that follows its files.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::{Mutex, watch};

use super::failure::Failure;
use super::files::{Crl, Files};
use super::leaf::Peer;
use super::material::Material;
use crate::base::{Error, Result};

/// How long whoever replaces a certificate and its key may be between the two.
const BETWEEN_FILES: Duration = Duration::from_millis(100);

/// Whether material will do, and do after what was in force before, if anything was.
pub type Fits = dyn Fn(&Material, Option<&Material>) -> Result<()> + Send + Sync;

/// Material of some files, read anew on demand. What is in force is always something that
/// was good when it was read.
pub struct Kept {
    files: Files,
    fits: Box<Fits>,
    current: RwLock<Arc<Material>>,
    /// Held while files are read, so that what was read last is what stays.
    reading: Mutex<()>,
    generation: watch::Sender<u64>,
}

impl Kept {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// As of [`Material::read`].
    pub async fn open(files: Files) -> Result<Self> {
        Self::open_if(files, Box::new(|_, _| Ok(()))).await
    }

    /// The same, for what `fits` alone.
    ///
    /// # Errors
    /// As of [`Material::read`], and what `fits` says.
    pub async fn open_if(files: Files, fits: Box<Fits>) -> Result<Self> {
        let material = read(&files).await?;
        fits(&material, None)?;
        Ok(Self {
            files,
            fits,
            current: RwLock::new(Arc::new(material)),
            reading: Mutex::new(()),
            generation: watch::Sender::new(1),
        })
    }

    /// What is in force.
    pub fn current(&self) -> Arc<Material> {
        self.current.read().clone()
    }

    /// Where the files are.
    pub fn files(&self) -> &Files {
        &self.files
    }

    /// Reads the files again; true if something was new, which is in force then.
    ///
    /// # Errors
    /// As of [`Material::read`], if it does not fit, and if a list of revocations has gone, which would let in
    /// whom it had shut out. What was in force stays.
    pub async fn reload(&self) -> Result<bool> {
        let _alone = self.reading.lock().await;
        let current = self.current();
        // What is in force was good, and may have expired since: that is not news.
        if current.is_of(&self.files) {
            return Ok(false);
        }
        let material = read(&self.files).await?;
        if let Crl::IfThere(path) = &self.files.crl
            && current.authorities.has_revocations()
            && !material.authorities.has_revocations()
        {
            return Err(Error::invalid(format!(
                "the list of revoked certificates {} is gone; the one read before stays in \
                 force: put it back, or start again to forget it",
                path.display()
            )));
        }
        if material.is_same(&current) {
            return Ok(false);
        }
        (self.fits)(&material, Some(&current))?;
        *self.current.write() = Arc::new(material);
        self.generation.send_modify(|generation| *generation += 1);
        Ok(true)
    }

    /// Resolves once `peer` would not be let in any more, after any of the reloads to come.
    pub async fn is_lost(&self, peer: &Peer) -> Failure {
        // IMPORTANT: before anything is judged, so that no reload is missed.
        let mut generation = self.generation();
        loop {
            if let Err(failure) = self.current().authorities.still_trust(&peer.chain) {
                return failure;
            }
            if generation.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    /// Counts what was in force, from 1; changes after [`Kept::current`] does.
    pub fn generation(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// Reads twice before it complains: the files may have been replaced in between.
async fn read(files: &Files) -> Result<Material> {
    if let Ok(material) = Material::read(files) {
        return Ok(material);
    }
    tokio::time::sleep(BETWEEN_FILES).await;
    Material::read(files)
}
