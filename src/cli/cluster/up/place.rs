//! Where the nodes keep their data: a directory of the user's, or one that goes at the end.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::base::host::Host;
use crate::base::{Error, Result};

/// A directory with one directory for each node.
pub(super) struct Place {
    pub(super) dir: PathBuf,
    pub(super) is_temporary: bool,
}

impl Place {
    /// Makes the directory, or opens the one that is there.
    ///
    /// # Errors
    /// `Invalid` if it cannot be made, or holds a cluster of another size.
    pub(super) fn open(dir: Option<&Path>, nodes: u16) -> Result<Self> {
        let place = match dir {
            Some(dir) => Self {
                dir: dir.to_path_buf(),
                is_temporary: false,
            },
            None => {
                let id = Host::system().rng.id();
                let suffix: String = id[..6].iter().map(|byte| format!("{byte:02x}")).collect();
                Self {
                    dir: std::env::temp_dir().join(format!("dkv-cluster-{suffix}")),
                    is_temporary: true,
                }
            }
        };
        let found = place.nodes_found();
        if found != 0 && found != nodes {
            return Err(Error::invalid(format!(
                "{} holds a cluster of {found} nodes: start it with --nodes {found}, or choose \
                 another --dir",
                place.dir.display()
            )));
        }
        for node in 1..=nodes {
            let dir = place.dir.join(format!("node-{node}"));
            // What is in it is the user's alone.
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&dir)
                .map_err(|error| cannot("make", &dir, error))?;
        }
        Ok(place)
    }

    fn nodes_found(&self) -> u16 {
        let is_there = |node: &u16| self.dir.join(format!("node-{node}")).is_dir();
        (1..=u16::from(u8::MAX)).filter(is_there).count() as u16
    }

    /// Deletes what is temporary if all went well; tells what is left.
    ///
    /// # Errors
    /// `Invalid` if it cannot be deleted.
    pub(super) fn close(self, is_well: bool) -> Result<Option<PathBuf>> {
        if !self.is_temporary || !is_well {
            return Ok(Some(self.dir));
        }
        fs::remove_dir_all(&self.dir).map_err(|error| cannot("delete", &self.dir, error))?;
        Ok(None)
    }
}

fn cannot(what: &str, dir: &Path, error: io::Error) -> Error {
    Error::invalid(format!("cannot {what} {}: {error}", dir.display())).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_temporary_place_goes_only_if_all_went_well() {
        for is_well in [true, false] {
            let place = Place::open(None, 2).unwrap();
            let dir = place.dir.clone();
            assert!(dir.join("node-2").is_dir());
            assert_eq!(place.close(is_well).unwrap().is_none(), is_well);
            assert_eq!(dir.exists(), !is_well);
            let _ = fs::remove_dir_all(dir);
        }
    }

    #[test]
    fn a_place_keeps_its_number_of_nodes() {
        let folder = tempfile::TempDir::new().unwrap();
        let dir = folder.path().join("deep").join("er");
        let place = Place::open(Some(&dir), 3).unwrap();
        assert_eq!(place.close(true).unwrap(), Some(dir.clone()));
        assert!(Place::open(Some(&dir), 3).is_ok());
        let Err(error) = Place::open(Some(&dir), 5) else {
            panic!("two would be missing");
        };
        assert!(error.message().contains("--nodes 3"), "{error}");
    }
}
