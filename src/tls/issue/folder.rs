//! A directory of certificates, as `dkv cert` writes it and `--certs` reads it.
//!
//! Invariant: every file is replaced whole, by a rename, and keys are for their owner alone
//! from their first byte on.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::authority::{Authority, Issued};
use crate::base::{Error, Result};
use crate::tls::files::{Content, PemFile};
use crate::tls::identity::check_name;

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
        Authority::of(&certificate.text()?, &key.text()?)
            .map_err(|error| Error::invalid(format!("{}: {error}", cert.display())))
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

    /// Keeps an authority that signs here.
    ///
    /// # Errors
    /// `Invalid`, naming the file that cannot be written.
    pub fn write_authority(&self, issued: &Issued) -> Result<()> {
        self.write("ca.key", issued.key_pem.as_bytes(), KEY_MODE)?;
        self.write("ca.crt", issued.certificate_pem.as_bytes(), PUBLIC_MODE)
    }

    /// Keeps whom to trust: an authority that signs elsewhere, and what it took back.
    ///
    /// # Errors
    /// As of [`Folder::write_authority`].
    pub fn write_trust(&self, authority_pem: &str, revoked_pem: &str) -> Result<()> {
        if !revoked_pem.is_empty() {
            self.write_revocations(revoked_pem)?;
        }
        self.write("ca.crt", authority_pem.as_bytes(), PUBLIC_MODE)
    }

    /// Keeps the list of what the authority took back.
    ///
    /// # Errors
    /// As of [`Folder::write_authority`].
    pub fn write_revocations(&self, pem: &str) -> Result<()> {
        self.write("ca.crl", pem.as_bytes(), PUBLIC_MODE)
    }

    /// Keeps a certificate and its key as `NAME.crt` and `NAME.key`. Whoever reads between
    /// the two finds that they do not fit, and reads again.
    ///
    /// # Errors
    /// As of [`Folder::write_authority`], and for what is no name.
    pub fn write_pair(&self, name: &str, issued: &Issued) -> Result<()> {
        check_name(name)?;
        self.write(&format!("{name}.key"), issued.key_pem.as_bytes(), KEY_MODE)?;
        let certificate = issued.certificate_pem.as_bytes();
        self.write(&format!("{name}.crt"), certificate, PUBLIC_MODE)
    }

    /// Replaces a file whole.
    #[allow(
        clippy::disallowed_methods,
        reason = "files of the user, not the node's"
    )]
    fn write(&self, file: &str, bytes: &[u8], mode: u32) -> Result<()> {
        let path = self.path(file);
        let new = self.path(&format!(".{file}.{}", std::process::id()));
        let written = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&new)
            .and_then(|mut file| {
                file.write_all(bytes)?;
                file.sync_all()
            })
            .and_then(|()| fs::rename(&new, &path));
        written.map_err(|error| {
            // What is half written helps nobody.
            let _ = fs::remove_file(&new);
            cannot("write", &path, error)
        })
    }
}

fn cannot(what: &str, path: &Path, error: io::Error) -> Error {
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
        let left: Vec<_> = fs::read_dir(folder.dir()).unwrap().collect();
        assert_eq!(left.len(), 4, "nothing else is left: {left:?}");
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
        assert!(bad.write_pair("../x", &issued).is_err());
    }
}
