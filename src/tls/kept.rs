//! Material that follows its files.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::{Mutex, watch};

use super::files::{Crl, Files};
use super::material::Material;
use crate::base::{Error, Result};

/// How long whoever replaces a certificate and its key may be between the two.
const BETWEEN_FILES: Duration = Duration::from_millis(100);

/// Material of some files, read anew on demand. What is in force is always something that
/// was good when it was read.
#[derive(Debug)]
pub struct Kept {
    files: Files,
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
        let material = read(&files).await?;
        Ok(Self {
            files,
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
    /// As of [`Material::read`], and if a list of revocations has gone, which would let in
    /// whom it had shut out. What was in force stays.
    pub async fn reload(&self) -> Result<bool> {
        let _alone = self.reading.lock().await;
        let material = read(&self.files).await?;
        let current = self.current();
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
        *self.current.write() = Arc::new(material);
        self.generation.send_modify(|generation| *generation += 1);
        Ok(true)
    }

    /// Counts what was in force, from 1; changes after [`Kept::current`] does.
    pub fn generation(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
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
