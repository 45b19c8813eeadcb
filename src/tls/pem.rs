//! PEM of whoever embeds dkv: in a file, or at hand.

use std::fmt;
use std::path::{Path, PathBuf};

use super::files::{Content, PemFile};
use crate::base::Result;

/// Where a certificate, a key or a list of revocations is.
#[derive(Clone, PartialEq, Eq)]
pub enum Pem {
    /// In this file.
    File(PathBuf),
    /// In this file, if it is there. An authority must be.
    IfThere(PathBuf),
    /// Here.
    Bytes(Vec<u8>),
}

impl Pem {
    /// What is there; `None` for a file that need not be.
    pub(crate) fn open(&self, content: Content) -> Result<Option<PemFile<'_>>> {
        match self {
            Self::File(path) => PemFile::read(path, content).map(Some),
            Self::IfThere(path) => PemFile::read_if_there(path, content),
            Self::Bytes(bytes) => Ok(Some(PemFile::given(bytes.clone(), content))),
        }
    }

    /// What must be there.
    pub(crate) fn read(&self, content: Content) -> Result<PemFile<'_>> {
        match self {
            Self::File(path) | Self::IfThere(path) => PemFile::read(path, content),
            Self::Bytes(bytes) => Ok(PemFile::given(bytes.clone(), content)),
        }
    }

    /// True if it may say something else later.
    pub(crate) fn may_change(&self) -> bool {
        !matches!(self, Self::Bytes(_))
    }
}

/// Says where it is, and nothing of what it may be.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::IfThere(path) => write!(f, "IfThere({})", path.display()),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
        }
    }
}

impl From<PathBuf> for Pem {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Pem {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

impl From<&str> for Pem {
    fn from(path: &str) -> Self {
        Self::File(path.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown() {
        let shown = format!("{:?}", Pem::Bytes(b"secret".to_vec()));
        assert_eq!(shown, "Bytes(6)");
        assert_eq!(format!("{:?}", Pem::from("ca.crt")), "File(ca.crt)");
    }
}
