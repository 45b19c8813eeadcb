//! Material that follows its files.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio::sync::{Mutex, watch};

use super::authorities::Authorities;
use super::failure::Failure;
use super::files::Files;
use super::leaf::Peer;
use super::material::{Credentials, Material};
use super::moment::Moment;
use crate::base::{Error, Result};

/// How long whoever replaces a certificate and its key may be between the two.
const BETWEEN_FILES: Duration = Duration::from_millis(100);

/// How often at least the wall clock is looked at for who has expired.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(60);

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

    /// Reads the files again; true if something was new, which is in force then. What is good
    /// of the two parts, its own certificate and whom it trusts, is put in force, whatever is
    /// wrong with the other: a certificate that has expired must not keep anybody from being
    /// shut out.
    ///
    /// # Errors
    /// As of [`Material::read`], if it does not fit, and if a list of revocations has gone, or is
    /// one from before, which would let in whom it had shut out. Of what is wrong, what was in
    /// force stays.
    pub async fn reload(&self) -> Result<bool> {
        let _alone = self.reading.lock().await;
        let current = self.current();
        let look = look(&self.files, &current).await?;
        let mut material = Material::clone(&current);
        let mut is_new = false;
        let mut wrong = Vec::new();
        match look.authorities {
            Ok(None) => {}
            Ok(Some(new)) => match new.check_after(&material.authorities) {
                Ok(()) => {
                    material.authorities = new;
                    is_new = true;
                }
                Err(error) => wrong.push(error),
            },
            Err(error) => wrong.push(error),
        }
        match look
            .credentials
            .and_then(|new| self.fitting(&material, new))
        {
            Ok(None) => {}
            Ok(Some(fitting)) => {
                material = fitting;
                is_new = true;
            }
            Err(error) => wrong.push(error),
        }
        if is_new {
            *self.current.write() = Arc::new(material);
            self.generation.send_modify(|generation| *generation += 1);
        }
        match all_of(wrong) {
            Some(error) => Err(error),
            None => Ok(is_new),
        }
    }

    /// `material` with other credentials, if it will do.
    fn fitting(&self, material: &Material, new: Option<Credentials>) -> Result<Option<Material>> {
        let Some(credentials) = new else {
            return Ok(None);
        };
        let new = Material {
            credentials,
            authorities: material.authorities.clone(),
        };
        (self.fits)(&new, Some(&self.current()))?;
        Ok(Some(new))
    }

    /// Resolves once `peer` would not be let in any more: after any of the reloads to come, or
    /// when its certificate expires.
    pub async fn is_lost(&self, peer: &Peer) -> Failure {
        // IMPORTANT: before anything is judged, so that no reload is missed.
        let mut generation = self.generation();
        let ends = peer.ends();
        loop {
            if let Err(failure) = self.current().authorities.still_trust(&peer.chain) {
                return failure;
            }
            loop {
                tokio::select! {
                    _ = generation.changed() => break,
                    () = tokio::time::sleep(until_one_ends(&ends, Moment::now())) => {}
                }
                // There may be many peers, and hardly ever is it over for one.
                let now = Moment::now();
                if ends.iter().any(|end| *end < now) {
                    break;
                }
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

/// What the files hold of either part; nothing of one that is as it was.
struct Look {
    credentials: Result<Option<Credentials>>,
    authorities: Result<Option<Authorities>>,
}

impl Look {
    /// What is in force was good, and may have expired since: that is not news.
    fn at(files: &Files, current: &Material) -> Self {
        let Material {
            credentials,
            authorities,
        } = current;
        Self {
            credentials: match credentials.is_of(&files.cert, &files.key) {
                true => Ok(None),
                false => Credentials::read(&files.cert, &files.key)
                    .map(|new| Some(new).filter(|new| !new.is_same(credentials))),
            },
            authorities: match authorities.is_of(&files.ca, &files.crl) {
                true => Ok(None),
                false => Authorities::read(&files.ca, &files.crl)
                    .map(|new| Some(new).filter(|new| !new.is_same(authorities))),
            },
        }
    }

    fn is_whole(&self) -> bool {
        self.credentials.is_ok() && self.authorities.is_ok()
    }
}

/// Looks twice before it complains: the files may have been replaced in between.
async fn look(files: &Files, current: &Arc<Material>) -> Result<Look> {
    let once = || {
        let (files, current) = (files.clone(), Arc::clone(current));
        blocking(move || Look::at(&files, &current))
    };
    let look = once().await?;
    if look.is_whole() {
        return Ok(look);
    }
    tokio::time::sleep(BETWEEN_FILES).await;
    once().await
}

/// The same for what is read for the first time.
async fn read(files: &Files) -> Result<Material> {
    let once = || {
        let files = files.clone();
        blocking(move || Material::read(&files))
    };
    if let Ok(material) = once().await? {
        return Ok(material);
    }
    tokio::time::sleep(BETWEEN_FILES).await;
    once().await?
}

/// Files are read where that may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::unavailable("the runtime is shutting down"))
}

/// How long nothing of a chain expires. The wall clock may be set meanwhile, and machines sleep:
/// never long.
fn until_one_ends(ends: &[Moment], now: Moment) -> Duration {
    let next = ends.iter().filter(|end| **end >= now).min();
    let seconds = next.map_or(i64::MAX, |end| end.0.saturating_sub(now.0));
    // It is good to the end of its last second.
    let seconds = u64::try_from(seconds).unwrap_or_default().saturating_add(1);
    Duration::from_secs(seconds).min(LOOK_AT_CLOCK)
}

/// One error of them all.
fn all_of(errors: Vec<Error>) -> Option<Error> {
    errors.into_iter().reduce(|all, error| {
        Error::new(
            all.kind(),
            format!("{}; and {}", all.message(), error.message()),
        )
    })
}
