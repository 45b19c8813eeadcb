//! A directory of certificates, as `dkv cert` writes it and `--certs` reads it.
//!
//! Invariant: every file is replaced whole, by a rename, and keys are for their owner alone
//! from their first byte on.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::authority::{Authority, Issued};
use super::record::Record;
use super::staged::{self, Staged};
use crate::base::{Error, Result};
use crate::tls::files::{Content, FILE_BYTES_MAX, PemFile};
use crate::tls::identity::check_name;

/// The name of the authority's own files.
const AUTHORITY: &str = "ca";

const DIR_MODE: u32 = 0o700;
/// Permission bits of the directory that must not be set: whoever may write in it may
/// replace what is in it, and whoever may read it learns whom it has keys of.
const DIR_MODE_REFUSED: u32 = 0o077;
const KEY_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o644;

/// A directory of certificates. Everything here blocks.
#[derive(Debug, Clone)]
pub struct Folder {
    dir: PathBuf,
}

impl Folder {
    /// One that is there.
    ///
    /// # Errors
    /// `Invalid` if there is none, or others than its owner may look into it.
    #[allow(
        clippy::disallowed_methods,
        reason = "files of the user, not the node's"
    )]
    pub fn open(dir: &Path) -> Result<Self> {
        let shown = dir.display();
        let metadata = fs::metadata(dir).map_err(|error| {
            let message = match error.kind() {
                io::ErrorKind::NotFound => format!(
                    "there is no directory {shown}: `dkv cert ca --dir {shown}` makes one, with an \
                     authority in it"
                ),
                _ => format!("cannot look into the directory {shown}: {error}"),
            };
            Error::invalid(message).with_source(error)
        })?;
        if !metadata.is_dir() {
            return Err(Error::invalid(format!("{shown} is no directory")));
        }
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & DIR_MODE_REFUSED != 0 {
            return Err(Error::invalid(format!(
                "the directory {shown} has mode {mode:04o}, and must be for its owner alone: \
                 `chmod 700 {shown}`"
            )));
        }
        Ok(Self {
            dir: dir.to_owned(),
        })
    }

    /// One that is there, or else is made, for its owner alone.
    ///
    /// # Errors
    /// As of [`Folder::open`], and if it cannot be made.
    #[allow(
        clippy::disallowed_methods,
        reason = "files of the user, not the node's"
    )]
    pub fn create(dir: &Path) -> Result<Self> {
        let made = DirBuilder::new().mode(DIR_MODE).recursive(true).create(dir);
        made.map_err(|error| cannot("make the directory", dir, error))?;
        Self::open(dir)
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a file of it is.
    pub fn path(&self, file: &str) -> PathBuf {
        self.dir.join(file)
    }

    /// True if it has a file of this name.
    #[allow(
        clippy::disallowed_methods,
        reason = "files of the user, not the node's"
    )]
    pub fn has(&self, file: &str) -> bool {
        self.path(file).exists()
    }

    /// The authority that signs here.
    ///
    /// # Errors
    /// `Invalid`, naming the file that is missing, damaged, or open to others.
    pub fn authority(&self) -> Result<Authority> {
        let (cert, key) = (self.path("ca.crt"), self.path("ca.key"));
        let certificate = PemFile::read(&cert, Content::Certificate)?;
        let key = PemFile::read(&key, Content::Key)?;
        let authority = Authority::of(&certificate.text()?, &key.text()?)
            .map_err(|error| Error::invalid(format!("{}: {error}", cert.display())))?;
        Ok(authority.recording(self.record()))
    }

    /// What was issued here.
    pub(super) fn record(&self) -> Record {
        Record::at(self.path("ca.issued"))
    }

    /// The private key of a certificate, in PEM.
    ///
    /// # Errors
    /// `Invalid`, naming the file, if it is missing or open to others.
    pub fn key_pem(&self, name: &str) -> Result<String> {
        PemFile::read(&self.path(&format!("{name}.key")), Content::Key)?.text()
    }

    /// The list of what the authority took back, if there is one.
    ///
    /// # Errors
    /// `Invalid`, naming the file, if it is damaged.
    pub fn revocations(&self) -> Result<Option<String>> {
        let path = self.path("ca.crl");
        let file = PemFile::read_if_there(&path, Content::Revocations)?;
        file.map(|file| file.text()).transpose()
    }

    /// Keeps others who write here away until what is returned is dropped: of two who add
    /// to a list at once, one would be forgotten. Takes away what those left behind that were
    /// ended while they wrote.
    ///
    /// # Errors
    /// `Invalid` if the directory cannot be locked.
    #[allow(
        clippy::disallowed_methods,
        reason = "files of the user, not the node's"
    )]
    pub fn lock(&self) -> Result<File> {
        let locked = File::open(&self.dir).and_then(|dir| dir.lock().map(|()| dir));
        let locked = locked.map_err(|error| cannot("lock the directory", &self.dir, error))?;
        staged::sweep(&self.dir);
        Ok(locked)
    }

    /// The names of all certificates but the authority's, in order.
    ///
    /// # Errors
    /// `Invalid` if the directory cannot be read.
    pub fn names(&self) -> Result<Vec<String>> {
        let unread = |error| cannot("read the directory", &self.dir, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(unread)? {
            let file = entry.map_err(unread)?.file_name();
            let name = file.to_str().and_then(|file| file.strip_suffix(".crt"));
            names.extend(name.map(str::to_owned));
        }
        names.retain(|name| name != AUTHORITY && check_name(name).is_ok());
        names.sort();
        Ok(names)
    }

    /// Keeps an authority that signs here.
    ///
    /// # Errors
    /// `Invalid`, naming the file that cannot be written.
    pub fn write_authority(&self, issued: &Issued) -> Result<()> {
        self.write_both(AUTHORITY, issued)
    }

    /// Keeps whom to trust: an authority that signs elsewhere, and what it took back.
    ///
    /// # Errors
    /// As of [`Folder::write_authority`].
    pub fn write_trust(&self, authority_pem: &str, revoked_pem: &str) -> Result<()> {
        if !revoked_pem.is_empty() {
            self.write_revocations(revoked_pem)?;
        }
        self.write("ca.crt", authority_pem, PUBLIC_MODE)
    }

    /// Keeps the list of what the authority took back.
    ///
    /// # Errors
    /// As of [`Folder::write_authority`], and for a list that is too long for nodes to read.
    pub fn write_revocations(&self, pem: &str) -> Result<()> {
        if pem.len() as u64 > FILE_BYTES_MAX {
            return Err(Error::invalid(format!(
                "the list of revoked certificates would have {} bytes, and nodes read \
                 {FILE_BYTES_MAX} at most, so it was not written: replace the authority instead \
                 (docs/tls.md tells how), whose list begins anew",
                pem.len()
            )));
        }
        self.write("ca.crl", pem, PUBLIC_MODE)
    }

    /// Keeps a certificate and its key as `NAME.crt` and `NAME.key`.
    ///
    /// # Errors
    /// As of [`Folder::write_authority`], and for what is no name.
    pub fn write_pair(&self, name: &str, issued: &Issued) -> Result<()> {
        check_file_name(name)?;
        self.write_both(name, issued)
    }

    /// Keeps a certificate anew for the key that is there.
    ///
    /// # Errors
    /// As of [`Folder::write_pair`].
    pub fn write_certificate(&self, name: &str, pem: &str) -> Result<()> {
        check_file_name(name)?;
        self.write(&format!("{name}.crt"), pem, PUBLIC_MODE)
    }

    /// The key first. Whoever reads between the two renames finds that they do not fit, and
    /// reads again, in either order; but if nothing comes after the first, a key that is
    /// there can get another certificate, while nothing finds the key of a certificate.
    fn write_both(&self, name: &str, issued: &Issued) -> Result<()> {
        let key = Staged::write(
            &self.path(&format!("{name}.key")),
            &issued.key_pem,
            KEY_MODE,
        )?;
        let certificate = self.path(&format!("{name}.crt"));
        let certificate = Staged::write(&certificate, &issued.certificate_pem, PUBLIC_MODE)?;
        key.put()?;
        certificate.put()?;
        self.sync()
    }

    /// Replaces a file whole.
    fn write(&self, file: &str, text: &str, mode: u32) -> Result<()> {
        Staged::write(&self.path(file), text, mode)?.put()?;
        self.sync()
    }

    /// Whoever was told that a certificate is revoked relies on it.
    #[allow(
        clippy::disallowed_methods,
        reason = "files of the user, not the node's"
    )]
    fn sync(&self) -> Result<()> {
        let synced = File::open(&self.dir).and_then(|dir| dir.sync_all());
        synced.map_err(|error| cannot("write the directory", &self.dir, error))
    }
}

/// Refuses what is no name of a certificate, or that of the authority's files: also where
/// letter case does not count.
fn check_file_name(name: &str) -> Result<()> {
    check_name(name)?;
    if name.eq_ignore_ascii_case(AUTHORITY) {
        return Err(Error::invalid(format!(
            "`{name}` is the name of the authority's files: choose another"
        )));
    }
    Ok(())
}

pub(super) fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
    Error::invalid(format!("cannot {what} {}: {error}", path.display())).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::SystemRng;
    use crate::tls::issue::Request;
    use crate::tls::{Files, Material};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn what_is_kept_is_read_back_and_keys_are_their_owners() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("certs")).unwrap();
        assert_eq!(mode(folder.dir()), 0o700);
        let made = Authority::create("dkv", 10, &SystemRng).unwrap();
        folder.write_authority(&made).unwrap();
        let authority = folder.authority().unwrap();
        let request = Request::node("node-1", None, &["localhost"]);
        let issued = authority.issue(&request, &SystemRng).unwrap();
        folder.write_pair("node-1", &issued).unwrap();
        for key in ["ca.key", "node-1.key"] {
            assert_eq!(mode(&folder.path(key)), 0o600);
        }
        let files = Files::in_dir(folder.dir(), "node-1");
        let material = Material::read(&files).unwrap();
        assert_eq!(material.credentials.leaf.identity.name, "node-1");
        assert_eq!(folder.revocations().unwrap(), None);
        assert_eq!(folder.names().unwrap(), ["node-1"]);
        let left: Vec<_> = fs::read_dir(folder.dir()).unwrap().collect();
        assert_eq!(left.len(), 5, "nothing else is left: {left:?}");
    }

    #[test]
    fn a_list_that_nodes_would_not_read_is_not_written() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("certs")).unwrap();
        let long = "x".repeat(1 << 20);
        folder.write_revocations(&long).unwrap();
        let error = folder.write_revocations(&(long + "x")).unwrap_err();
        assert!(error.message().contains("1048577 bytes"), "{error}");
        assert_eq!(folder.revocations().unwrap().unwrap().len(), 1 << 20);
    }

    #[test]
    fn a_directory_that_others_look_into_is_refused_with_the_cure() {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let error = Folder::open(dir.path()).unwrap_err();
        assert!(error.message().contains("chmod 700"), "{error}");
        let nowhere = Folder::open(&dir.path().join("none")).unwrap_err();
        assert!(nowhere.message().contains("dkv cert ca"), "{nowhere}");
        let bad = Folder::create(&dir.path().join("certs")).unwrap();
        let issued = Authority::create("dkv", 10, &SystemRng).unwrap();
        for name in ["../x", "ca", "CA"] {
            assert!(bad.write_pair(name, &issued).is_err(), "{name}");
        }
    }
}
