//! The files of one end: where they are, and what PEM is in them.

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::base::host::{SmallFile, dir_mode, is_read_only};
use crate::base::{Error, Result};

/// The longest file that is read, bytes: a list of some ten thousand revocations.
pub(super) const FILE_BYTES_MAX: u64 = 1 << 20;
/// Permission bits of a key's file that must not be set: all of the group's and of others'.
const KEY_MODE_REFUSED: u32 = 0o077;
/// The same of the files and the directory that say who is trusted: whoever may write there
/// chooses that.
const TRUST_MODE_REFUSED: u32 = 0o022;

/// Where the certificate of one end is, its key, whom it trusts, and who is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate, with those between it and its authority.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities that are trusted.
    pub ca: PathBuf,
    /// What they revoked, if they say so.
    pub crl: Crl,
}

/// Where lists of revocations are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Crl {
    /// There is none.
    None,
    /// In a file that is there from the first revocation on.
    IfThere(PathBuf),
    /// In a file that must be there.
    File(PathBuf),
}

impl Files {
    /// The layout that `dkv cert` writes: `ca.crt`, `NAME.crt`, `NAME.key`, and `ca.crl`
    /// once something is revoked.
    pub fn in_dir(dir: &Path, name: &str) -> Self {
        Self {
            cert: dir.join(format!("{name}.crt")),
            key: dir.join(format!("{name}.key")),
            ca: Self::ca_in_dir(dir),
            crl: Self::crl_in_dir(dir),
        }
    }

    /// The authorities in such a directory.
    pub fn ca_in_dir(dir: &Path) -> PathBuf {
        dir.join("ca.crt")
    }

    /// What they revoked.
    pub fn crl_in_dir(dir: &Path) -> Crl {
        Crl::IfThere(dir.join("ca.crl"))
    }
}

/// What is expected in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    Certificate,
    Key,
    Authorities,
    Revocations,
}

impl Content {
    fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "a certificate",
            Self::Key => "a private key",
            Self::Authorities => "the certificates of authorities",
            Self::Revocations => "a list of revoked certificates",
        }
    }

    fn marker(self) -> &'static str {
        match self {
            Self::Certificate | Self::Authorities => "-----BEGIN CERTIFICATE-----",
            Self::Key => "-----BEGIN PRIVATE KEY-----",
            Self::Revocations => "-----BEGIN X509 CRL-----",
        }
    }

    /// How OpenSSL calls it.
    fn openssl(self) -> &'static str {
        match self {
            Self::Certificate | Self::Authorities => "x509",
            Self::Key => "pkey",
            Self::Revocations => "crl",
        }
    }
}

/// A file that was read, and is to hold `content`.
pub(crate) struct PemFile<'a> {
    path: &'a Path,
    content: Content,
    pub(crate) bytes: Vec<u8>,
}

impl<'a> PemFile<'a> {
    /// Reads a file; a key's only if nobody but its owner can, and one that says whom to trust
    /// only if nobody else may write it.
    pub(crate) fn read(path: &'a Path, content: Content) -> Result<Self> {
        let file =
            SmallFile::read(path, FILE_BYTES_MAX).map_err(|error| unread(path, content, error))?;
        if content == Content::Key && file.mode & KEY_MODE_REFUSED != 0 {
            return Err(Error::invalid(format!(
                "the private key {0} has mode {1:04o}, and must be for its owner alone: \
                 `chmod 600 {0}`",
                path.display(),
                file.mode
            )));
        }
        let says_whom_to_trust = matches!(content, Content::Authorities | Content::Revocations);
        if says_whom_to_trust && file.mode & TRUST_MODE_REFUSED != 0 {
            return Err(Error::invalid(format!(
                "{0} has mode {1:04o}, so that others than its owner may change whom this trusts: \
                 `chmod go-w {0}`",
                path.display(),
                file.mode
            )));
        }
        Ok(Self {
            path,
            content,
            bytes: file.bytes,
        })
    }

    /// What somebody has at hand.
    pub(crate) fn given(bytes: Vec<u8>, content: Content) -> Self {
        Self {
            path: Path::new("the PEM that was given"),
            content,
            bytes,
        }
    }

    /// Where it was read.
    pub(crate) fn path(&self) -> &'a Path {
        self.path
    }

    /// Reads a file that need not be there.
    pub(crate) fn read_if_there(path: &'a Path, content: Content) -> Result<Option<Self>> {
        if let Err(error) = SmallFile::read(path, FILE_BYTES_MAX)
            && error.kind() == io::ErrorKind::NotFound
        {
            return Ok(None);
        }
        Self::read(path, content).map(Some)
    }

    /// All of it as text.
    pub(crate) fn text(&self) -> Result<String> {
        String::from_utf8(self.bytes.clone()).map_err(|_| self.garbled("is no text"))
    }

    /// Every certificate in it, at least one.
    pub(crate) fn certificates(&self) -> Result<Vec<CertificateDer<'static>>> {
        self.all()
    }

    /// Every list of revocations in it, at least one.
    pub(crate) fn revocations(&self) -> Result<Vec<CertificateRevocationListDer<'static>>> {
        self.all()
    }

    /// The one key in it.
    pub(crate) fn key(&self) -> Result<PrivateKeyDer<'static>> {
        let mut keys: Vec<PrivateKeyDer<'static>> = self.all()?;
        if keys.len() > 1 {
            return Err(self.garbled(&format!("holds {} private keys, not one", keys.len())));
        }
        Ok(keys.remove(0))
    }

    /// An error that names the file.
    pub(crate) fn garbled(&self, what: &str) -> Error {
        Error::invalid(format!(
            "{} {what}; it should hold {} in PEM (`{}`)",
            self.path.display(),
            self.content.as_str(),
            self.content.marker()
        ))
    }

    fn all<T: PemObject>(&self) -> Result<Vec<T>> {
        let found: std::result::Result<Vec<T>, _> = T::pem_slice_iter(&self.bytes).collect();
        match found {
            Ok(found) if found.is_empty() => Err(self.without()),
            Ok(found) => Ok(found),
            Err(error) => Err(self.garbled("is damaged or cut off").with_source(error)),
        }
    }

    /// None of what was expected is there: what is there instead?
    fn without(&self) -> Error {
        let text = String::from_utf8_lossy(&self.bytes);
        if text.trim().is_empty() {
            return self.garbled("is empty");
        }
        let path = self.path.display();
        if self.content == Content::Key && text.contains("-----BEGIN ENCRYPTED PRIVATE KEY") {
            return self.garbled(&format!(
                "holds a private key under a passphrase, which nobody could type at a start \
                 (`openssl pkey -in {path}` writes it without)"
            ));
        }
        // A sequence of ASN.1 opens with it.
        if self.bytes[0] == 0x30 {
            return self.garbled(&format!(
                "holds no text and may be DER (`openssl {} -inform der -in {path}` writes PEM)",
                self.content.openssl()
            ));
        }
        let first = <(SectionKind, Vec<u8>)>::from_pem_slice(&self.bytes);
        let other = match first.map(|(kind, _)| kind) {
            Ok(SectionKind::Certificate) => "a certificate",
            Ok(SectionKind::Csr) => "a certificate request",
            Ok(SectionKind::PublicKey) => "a public key",
            Ok(SectionKind::Crl) => "a list of revoked certificates",
            Ok(_) => "a private key",
            Err(_) => return self.garbled("holds no PEM"),
        };
        self.garbled(&format!("holds {other}"))
    }
}

/// Refuses the directory of a file, if others than its owner may replace what is in it. What
/// cannot be looked at is reported when the file is read.
pub(crate) fn check_dir_of(file: &Path) -> Result<()> {
    let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new("."));
    let Ok(mode) = dir_mode(dir) else {
        return Ok(());
    };
    if mode & TRUST_MODE_REFUSED == 0 || is_read_only(dir).is_ok_and(|it| it) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the directory {0} has mode {mode:04o}, so that others than its owner may replace the \
         certificates in it: `chmod 700 {0}`",
        dir.display()
    )))
}

fn unread(path: &Path, content: Content, error: io::Error) -> Error {
    let what = content.as_str();
    let shown = path.display();
    let message = match error.kind() {
        io::ErrorKind::NotFound if path.parent().is_some_and(is_missing) => {
            let dir = path.parent().unwrap_or(path).display();
            format!("there is no directory {dir}, where {what} should be (`dkv cert` makes one)")
        }
        io::ErrorKind::NotFound => {
            format!(
                "there is no file {shown}, which should hold {what} (`dkv cert` writes such files)"
            )
        }
        io::ErrorKind::PermissionDenied => {
            format!("{shown}, which should hold {what}, cannot be read by this user")
        }
        io::ErrorKind::InvalidInput => {
            format!("{shown}, which should hold {what}, is no regular file")
        }
        io::ErrorKind::FileTooLarge => {
            format!("{shown}, which should hold {what}, is longer than {FILE_BYTES_MAX} bytes")
        }
        _ => format!("{shown}, which should hold {what}, cannot be read: {error}"),
    };
    Error::invalid(message).with_source(error)
}

/// Whether there is nothing at all.
fn is_missing(dir: &Path) -> bool {
    let looked = dir_mode(dir);
    !dir.as_os_str().is_empty()
        && looked.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}
