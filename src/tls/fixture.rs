//! For tests of every room: an authority in a directory that goes when the test is over.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

use super::issue::{Authority, Issued, Request, Revocations, Revoked};
use super::{Credentials, Files, Leaf, Material, Moment};
use crate::base::host::SystemRng;

/// A directory as `dkv cert` makes it.
pub(crate) struct Certs {
    dir: TempDir,
    pub(crate) authority: Authority,
}

impl Certs {
    /// With `ca.crt` and `ca.key`.
    pub(crate) fn new() -> Self {
        Self::named("dkv authority")
    }

    pub(crate) fn named(name: &str) -> Self {
        let issued = Authority::create(name, 3_650, &SystemRng).unwrap();
        let authority = Authority::of(&issued.certificate_pem, &issued.key_pem).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let certs = Self { dir, authority };
        certs.write("ca", &issued);
        certs
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes `NAME.crt` and `NAME.key`.
    pub(crate) fn write(&self, name: &str, issued: &Issued) -> Files {
        let files = Files::in_dir(self.path(), name);
        write_public(&files.cert, &issued.certificate_pem);
        write_key(&files.key, &issued.key_pem);
        files
    }

    /// Issues and writes `NAME.crt` and `NAME.key`.
    pub(crate) fn issue(&self, name: &str, request: &Request) -> Files {
        let issued = self.authority.issue(request, &SystemRng).unwrap();
        self.write(name, &issued)
    }

    /// `server.crt` for `localhost` and 127.0.0.1.
    pub(crate) fn server(&self) -> Files {
        let request = Request::server("server", &["localhost", "127.0.0.1"]);
        self.issue("server", &request)
    }

    /// `NAME.crt` of a client.
    pub(crate) fn client(&self, name: &str) -> Files {
        self.issue(name, &Request::client(name))
    }

    /// `NAME.crt` of a node for `localhost` and 127.0.0.1.
    pub(crate) fn node(&self, name: &str) -> Files {
        let request = Request::node(name, None, &["localhost", "127.0.0.1"]);
        self.issue(name, &request)
    }

    /// Writes a `ca.crl` that takes back the certificates of `files`, and those alone.
    pub(crate) fn revoke(&self, files: &[&Files]) -> PathBuf {
        let serial = |files: &&Files| {
            let leaf = Credentials::read(&files.cert, &files.key).unwrap().leaf;
            let at = Moment::now();
            Revoked {
                serial: leaf.serial,
                at,
            }
        };
        self.revoke_as(1, files.iter().map(serial).collect())
    }

    /// Writes a `ca.crl` of this number.
    pub(crate) fn revoke_as(&self, number: u64, revoked: Vec<Revoked>) -> PathBuf {
        let revocations = Revocations { number, revoked };
        let path = self.path().join("ca.crl");
        let list = revocations.sign(&self.authority, Moment::now()).unwrap();
        write_public(&path, &list);
        path
    }
}

/// What others may read and not write, whatever this process' files are else.
pub(crate) fn write_public(path: &Path, pem: &str) {
    fs::write(path, pem).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
}

/// A key as it must be: for its owner alone.
pub(crate) fn write_key(path: &Path, pem: &str) {
    fs::write(path, pem).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

pub(crate) fn material(files: &Files) -> Material {
    Material::read(files).unwrap_or_else(|error| panic!("{error}"))
}

/// What a certificate in PEM says.
pub(crate) fn leaf_of(pem: &str) -> Leaf {
    Leaf::of(&chain_of(pem)[0]).unwrap()
}

pub(crate) fn chain_of(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(Result::unwrap)
        .collect()
}

/// What another program would show without a look at its dates.
pub(crate) fn unchecked(issued: &Issued, trusted: &Files) -> Material {
    let key = PrivateKeyDer::from_pem_slice(issued.key_pem.as_bytes()).unwrap();
    Material {
        credentials: Credentials::unchecked(chain_of(&issued.certificate_pem), key),
        ..material(trusted)
    }
}
