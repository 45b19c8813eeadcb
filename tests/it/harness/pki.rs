//! Authorities, and certificates of every kind: good ones, and those that must not do.

use std::path::{Path, PathBuf};

use dkv::base::host::SystemRng;
use dkv::tls::issue::{Authority, Folder, Issued, Request, Revocations, Revoked};
use dkv::tls::{Files, Leaf, Moment};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

/// What a program shows: nobody looked whether it is any good.
pub(crate) struct Shown {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Clone for Shown {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
        }
    }
}

impl Shown {
    pub(crate) fn of(issued: &Issued) -> Self {
        Self::read(&issued.certificate_pem, &issued.key_pem)
    }

    fn read(certificate_pem: &str, key_pem: &str) -> Self {
        let chain = CertificateDer::pem_slice_iter(certificate_pem.as_bytes());
        Self {
            chain: chain.map(Result::unwrap).collect(),
            key: PrivateKeyDer::from_pem_slice(key_pem.as_bytes()).unwrap(),
        }
    }

    /// Its number.
    pub(crate) fn serial(&self) -> String {
        Leaf::of(&self.chain[0]).unwrap().serial
    }
}

/// An authority with a directory as `dkv cert` makes it.
pub(crate) struct Pki {
    _temporary: TempDir,
    pub(crate) folder: Folder,
    pub(crate) authority: Authority,
    issued: Issued,
}

impl Pki {
    pub(crate) fn new() -> Self {
        Self::named("dkv authority")
    }

    pub(crate) fn named(name: &str) -> Self {
        let issued = Authority::create(name, 3_650, &SystemRng).unwrap();
        let temporary = TempDir::new().unwrap();
        let folder = Folder::create(&temporary.path().join("certs")).unwrap();
        folder.write_authority(&issued).unwrap();
        Self {
            _temporary: temporary,
            folder,
            authority: Authority::of(&issued.certificate_pem, &issued.key_pem).unwrap(),
            issued,
        }
    }

    pub(crate) fn dir(&self) -> &Path {
        self.folder.dir()
    }

    pub(crate) fn ca(&self) -> PathBuf {
        Files::ca_in_dir(self.dir())
    }

    pub(crate) fn issue(&self, request: &Request) -> Issued {
        self.authority.issue(request, &SystemRng).unwrap()
    }

    /// So many days from now.
    pub(crate) fn issue_in(&self, days: i64, request: &Request) -> Issued {
        let at = Moment::now().plus_seconds(days * 86_400);
        self.authority.issue_at(request, &SystemRng, at).unwrap()
    }

    pub(crate) fn show(&self, request: &Request) -> Shown {
        Shown::of(&self.issue(request))
    }

    /// Issues `NAME.crt` and `NAME.key`.
    pub(crate) fn write(&self, name: &str, request: &Request) -> Issued {
        let issued = self.issue(request);
        self.folder.write_pair(name, &issued).unwrap();
        issued
    }

    /// Takes these back, and nobody else, in `ca.crl`.
    pub(crate) fn revoke(&self, revoked: &[&Shown]) {
        self.folder.write_revocations(&self.list(revoked)).unwrap();
    }

    /// A list that takes these back.
    pub(crate) fn list(&self, revoked: &[&Shown]) -> String {
        let at = Moment::now();
        let one = |shown: &&Shown| Revoked {
            serial: shown.serial(),
            at,
        };
        let list = Revocations {
            number: 1,
            revoked: revoked.iter().map(one).collect(),
        };
        list.sign(&self.authority, at).unwrap()
    }

    /// Its own certificate.
    pub(crate) fn itself(&self) -> Shown {
        Shown::of(&self.issued)
    }

    /// What it signs without a look at it.
    pub(crate) fn sign(&self, params: &CertificateParams) -> Shown {
        let key = KeyPair::from_pem(&self.issued.key_pem).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&self.issued.certificate_pem, key).unwrap();
        signed(params, &issuer, &[])
    }

    /// The same, with an authority between them.
    pub(crate) fn sign_through_another(&self, params: &CertificateParams) -> Shown {
        let key = KeyPair::from_pem(&self.issued.key_pem).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&self.issued.certificate_pem, key).unwrap();
        let between = authority("between");
        let key = KeyPair::generate().unwrap();
        let certificate = between.signed_by(&key, &issuer).unwrap();
        let chain = [certificate.der().clone()];
        signed(params, &Issuer::new(between, key), &chain)
    }
}

/// An authority that may sign for others, as other programs make it: its certificate in PEM,
/// and a client's that one of those signed.
pub(crate) fn foreign_chain(params: &CertificateParams) -> (String, Shown) {
    let (root, between) = (authority("root"), authority("between"));
    let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let pem = root.self_signed(&root_key).unwrap().pem();
    let certificate = between
        .signed_by(&key, &Issuer::new(root, root_key))
        .unwrap();
    let chain = [certificate.der().clone()];
    (pem, signed(params, &Issuer::new(between, key), &chain))
}

/// A certificate that nobody but itself vouches for.
pub(crate) fn self_signed(params: &CertificateParams) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Shown::read(&certificate.pem(), &key.serialize_pem())
}

/// For a client of this common name, and with these names in URIs.
pub(crate) fn client_params(common: &str, uris: &[&str]) -> CertificateParams {
    let mut params = named(common);
    let uri = |uri: &&str| SanType::URI((*uri).try_into().unwrap());
    params.subject_alt_names = uris.iter().map(uri).collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// For a server of this common name, and no other.
pub(crate) fn server_params(common: &str) -> CertificateParams {
    let mut params = named(common);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn named(common: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn signed(
    params: &CertificateParams,
    issuer: &Issuer<'_, KeyPair>,
    between: &[CertificateDer<'static>],
) -> Shown {
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    let mut shown = Shown::read(&certificate.pem(), &key.serialize_pem());
    shown.chain.extend(between.iter().cloned());
    shown
}
