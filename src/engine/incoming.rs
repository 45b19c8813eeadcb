//! Where the rows that are to replace an engine's own lie on disk, and which of several
//! attempts to bring them counts.
//!
//! ```text
//! incoming.new                a replacement that is being written; nobody's data
//! incoming-<index>.sealed     a whole one, in the engine's own format, up to an index
//! ```
//!
//! Invariant: what has an index in its name is whole, and was durable before it got the
//! name. An attempt that was overtaken by a newer one, or by the end of its engine,
//! touches no name any more.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use super::{EngineError, Table, tree};
use crate::base::host::{Disk, is_no_room};
use crate::base::types::LogIndex;

const UNFINISHED: &str = "incoming.new";
const SEALED_PREFIX: &str = "incoming-";
const SEALED_SUFFIX: &str = ".sealed";

/// The engine's side: which replacement waits.
pub(super) struct Incoming(Arc<Place>);

/// One attempt's side: the right to write the file, until it is overtaken. Dropping it
/// removes the file.
pub(super) struct Claim {
    place: Arc<Place>,
    attempt: u64,
}

struct Place {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// The attempt that counts; any other has been overtaken.
    attempt: u64,
    sealed: Option<LogIndex>,
}

impl Incoming {
    /// Looks what waits in `dir`, and removes what was left unfinished.
    pub(super) fn open(disk: Arc<dyn Disk>, dir: PathBuf) -> Result<Self, EngineError> {
        let incoming = Self(Arc::new(Place {
            disk,
            dir,
            state: Mutex::new(State {
                attempt: 0,
                sealed: None,
            }),
        }));
        let place = &incoming.0;
        // Two can wait if power went while one took the place of the other.
        let sealed = place
            .names()?
            .iter()
            .filter_map(|name| index_of(name))
            .max();
        place.remove_all_but(sealed)?;
        place.state.lock().sealed = sealed;
        Ok(incoming)
    }

    /// The index up to which a whole replacement reaches, if one waits.
    pub(super) fn sealed(&self) -> Option<LogIndex> {
        self.0.state.lock().sealed
    }

    /// Begins anew: whatever came before, sealed or not, is gone.
    pub(super) fn begin(&self) -> Result<Claim, EngineError> {
        let place = &self.0;
        let mut state = place.state.lock();
        state.attempt += 1;
        state.sealed = None;
        place.remove_all_but(None)?;
        Ok(Claim {
            place: place.clone(),
            attempt: state.attempt,
        })
    }

    /// What may take the place of rows that are durable up to `durable`.
    ///
    /// # Errors
    /// `Refused` if nothing waits, or if it would take the engine back.
    pub(super) fn due(&self, durable: LogIndex) -> Result<(LogIndex, PathBuf), EngineError> {
        let Some(covers) = self.sealed() else {
            return Err(EngineError::Refused(
                "no replacement is sealed: there is nothing to switch to".to_owned(),
            ));
        };
        if covers < durable {
            return Err(EngineError::Refused(format!(
                "the replacement reaches to index {covers}, the engine to {durable} already"
            )));
        }
        Ok((covers, self.0.sealed_path(covers)))
    }

    /// Gives the sealed file the name that counts, durably.
    pub(super) fn hand_over(&self, covers: LogIndex, to: &Path) -> Result<(), EngineError> {
        let place = &self.0;
        let renamed = place.disk.rename(&place.sealed_path(covers), to);
        // IMPORTANT: the name must be durable before anything relies on it: the log that
        // led to the rows that were there is gone.
        let renamed = renamed.and_then(|()| place.disk.sync_dir(&place.dir));
        renamed.map_err(|source| failed(to, source))?;
        place.state.lock().sealed = None;
        Ok(())
    }
}

impl Drop for Incoming {
    /// What outlives the engine must not touch files that may be open anew.
    fn drop(&mut self) {
        self.0.state.lock().attempt += 1;
    }
}

impl Claim {
    /// The file to write.
    pub(super) fn path(&self) -> PathBuf {
        self.place.unfinished_path()
    }

    /// # Errors
    /// `Refused` if a newer attempt has begun, or the engine is gone.
    pub(super) fn check(&self) -> Result<(), EngineError> {
        self.check_in(&self.place.state.lock())
    }

    fn check_in(&self, state: &State) -> Result<(), EngineError> {
        if state.attempt == self.attempt {
            return Ok(());
        }
        Err(EngineError::Refused(
            "another replacement has begun, or the engine was closed: this one is over".to_owned(),
        ))
    }

    /// Errs if there is no room for so many bytes more.
    pub(super) fn check_room(&self, needed: u64) -> Result<(), EngineError> {
        let free = self.place.disk.free_bytes(&self.place.dir);
        let free = free.map_err(|source| failed(&self.place.dir, source))?;
        if free < needed {
            return Err(self.out_of_space(needed));
        }
        Ok(())
    }

    /// Says that there was no room for so many bytes.
    pub(super) fn out_of_space(&self, needed: u64) -> EngineError {
        EngineError::OutOfSpace {
            path: self.path(),
            needed,
        }
    }

    /// Puts a failure of the file into the engine's words.
    pub(super) fn failed(&self, source: std::io::Error, needed: u64) -> EngineError {
        if is_no_room(&source) {
            return self.out_of_space(needed);
        }
        failed(&self.path(), source)
    }

    /// Gives the file its name: it is whole, closed and durable.
    pub(super) fn seal(self, covers: LogIndex) -> Result<(), EngineError> {
        let mut state = self.place.state.lock();
        self.check_in(&state)?;
        let (disk, path) = (&self.place.disk, self.place.sealed_path(covers));
        disk.rename(&self.path(), &path)
            .map_err(|source| self.failed(source, 0))?;
        let synced = disk.sync_dir(&self.place.dir);
        synced.map_err(|source| failed(&path, source))?;
        state.sealed = Some(covers);
        // The attempt has ended: what is left of it has nothing to remove.
        state.attempt += 1;
        Ok(())
    }
}

impl Drop for Claim {
    /// Best effort: what stays is removed at the next attempt, or the next start.
    fn drop(&mut self) {
        let mut state = self.place.state.lock();
        if state.attempt == self.attempt {
            state.attempt += 1;
            let _left = self.place.disk.remove(&self.path());
        }
    }
}

impl Place {
    fn unfinished_path(&self) -> PathBuf {
        self.dir.join(UNFINISHED)
    }

    fn sealed_path(&self, covers: LogIndex) -> PathBuf {
        self.dir.join(sealed_name(covers))
    }

    fn names(&self) -> Result<Vec<String>, EngineError> {
        let names = self.disk.list(&self.dir);
        names.map_err(|source| failed(&self.dir, source))
    }

    fn remove_all_but(&self, sealed: Option<LogIndex>) -> Result<(), EngineError> {
        for name in self.names()? {
            let index = index_of(&name);
            if name == UNFINISHED || (index.is_some() && index != sealed) {
                let path = self.dir.join(&name);
                let removed = self.disk.remove(&path);
                removed.map_err(|source| failed(&path, source))?;
            }
        }
        Ok(())
    }
}

/// Holds rows to what every engine asks of a replacement: that they ascend, and that
/// their keys are no longer than an engine keeps them.
#[derive(Debug, Default)]
pub(super) struct Ascent(Option<(Table, Vec<u8>)>);

impl Ascent {
    /// Takes note of a row.
    ///
    /// # Errors
    /// `Refused` if it does not come after the last.
    pub(super) fn step(&mut self, table: Table, key: &[u8]) -> Result<(), EngineError> {
        let last = self.0.as_ref().map(|(table, key)| (*table, &key[..]));
        if last.is_some_and(|last| last >= (table, key)) || key.len() > tree::KEY_BYTES_MAX {
            return Err(EngineError::Refused(format!(
                "a row of table {table:?} with a key of {} bytes does not follow the one before",
                key.len()
            )));
        }
        let (last_table, last_key) = self.0.get_or_insert((table, Vec::new()));
        *last_table = table;
        last_key.clear();
        last_key.extend_from_slice(key);
        Ok(())
    }
}

fn failed(path: &Path, source: std::io::Error) -> EngineError {
    EngineError::Io {
        path: path.to_owned(),
        source,
    }
}

fn sealed_name(covers: LogIndex) -> String {
    format!("{SEALED_PREFIX}{:020}{SEALED_SUFFIX}", covers.0)
}

/// The index in the name of a sealed replacement; `None` for any other name.
fn index_of(name: &str) -> Option<LogIndex> {
    let digits = name.strip_prefix(SEALED_PREFIX)?;
    let index = LogIndex(digits.strip_suffix(SEALED_SUFFIX)?.parse().ok()?);
    (sealed_name(index) == name).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::conformance::disk::TestDisk;

    fn open(disk: &TestDisk) -> Incoming {
        Incoming::open(Arc::new(disk.clone()), PathBuf::from("/engine")).unwrap()
    }

    #[test]
    fn knows_its_names_and_no_others() {
        let name = "incoming-00000000000000000042.sealed";
        assert_eq!(sealed_name(LogIndex(42)), name);
        assert_eq!(index_of(name), Some(LogIndex(42)));
        let others = [
            "incoming-42.sealed",
            "incoming-+0000000000000000042.sealed",
            "incoming-99999999999999999999.sealed",
            "incoming-00000000000000000042.sealed.old",
            "incoming.new",
        ];
        for name in others {
            assert_eq!(index_of(name), None, "{name}");
        }
    }

    #[test]
    fn the_newest_waits_and_strangers_stay() {
        let disk = TestDisk::default();
        let engine = Path::new("/engine");
        for name in [
            &sealed_name(LogIndex(4)),
            &sealed_name(LogIndex(9)),
            UNFINISHED,
            "notes",
        ] {
            disk.overwrite(&engine.join(name), b"bytes".to_vec());
        }
        assert_eq!(open(&disk).sealed(), Some(LogIndex(9)));
        assert_eq!(disk.names(), [sealed_name(LogIndex(9)).as_str(), "notes"]);
    }

    #[test]
    fn rows_must_ascend() {
        let mut ascent = Ascent::default();
        ascent.step(Table::Data, b"b").unwrap();
        ascent.step(Table::Data, b"ba").unwrap();
        ascent.step(Table::Locks, b"a").unwrap();
        for (table, key) in [
            (Table::Locks, &b"a"[..]),
            (Table::Locks, b""),
            (Table::Data, b"c"),
        ] {
            ascent.step(table, key).unwrap_err();
        }
        ascent
            .step(Table::Meta, &[0; tree::KEY_BYTES_MAX + 1])
            .unwrap_err();
        ascent.step(Table::Meta, b"").unwrap();
    }
}
