//! How nodes dial each other: by who is there, not by where that is.

use std::net::Ipv4Addr;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error as TlsError,
    OtherError, RootCertStore, ServerConfig, SignatureScheme,
};

use super::accept::{ClientAuth, of_client_verifier, verifier};
use super::connect::{client_config, of_verifier};
use super::failure::{Failure, Side};
use super::identity::Kind;
use super::leaf::Leaf;
use super::material::Material;
use super::moment::Moment;
use super::provider::{provider, unix_time};
use crate::base::{Error, Result};

/// How to dial another node, by TLS 1.3 alone: its certificate's authority, dates, purpose
/// and revocation are checked, and its hosts are not. Who is meant is a member, whose name
/// the caller compares with the certificate's; members move, and a name of DNS could lead
/// anywhere.
///
/// # Errors
/// As of [`client_config`].
pub fn node_config(material: &Material, alpn: &[&[u8]]) -> Result<Arc<ClientConfig>> {
    let config = client_config(&material.authorities, Some(&material.credentials), alpn)?;
    let mut config = Arc::unwrap_or_clone(config);
    let verifier = AnyHost(material.authorities.server_verifier()?);
    config
        .dangerous()
        .set_certificate_verifier(Arc::new(verifier));
    Ok(Arc::new(config))
}

/// How a node answers others, by TLS 1.3 alone: as [`super::server_config`], and a certificate
/// that is no node's is refused during the handshake.
///
/// # Errors
/// As of [`super::server_config`].
pub fn node_server_config(
    material: &Material,
    auth: ClientAuth,
    alpn: &[&[u8]],
) -> Result<Arc<ServerConfig>> {
    let verifier = NodesAlone(verifier(material, auth)?);
    of_client_verifier(material, Arc::new(verifier), alpn)
}

/// How a node dials that has nothing but the SHA-256 of its authority's certificate: trusts
/// whom that authority signed for, which must be in the chain that is shown. Shows nothing
/// itself.
///
/// # Errors
/// `Internal` if the provider has no TLS 1.3.
pub fn enroll_config(authority: [u8; 32], alpn: &[&[u8]]) -> Result<Arc<ClientConfig>> {
    of_verifier(Arc::new(KnownAuthority(authority)), alpn)
}

/// Checks that whoever dials by [`enroll_config`] takes this chain.
///
/// # Errors
/// Why it would not.
pub fn check_enrolling(
    authority: [u8; 32],
    chain: &[CertificateDer<'_>],
) -> std::result::Result<(), Failure> {
    let refused = |error| Failure::of_tls(Side::Peer, &error);
    let (first, between) = chain
        .split_first()
        .ok_or_else(|| refused(TlsError::NoCertificatesPresented))?;
    // Hosts are not compared.
    let anybody = ServerName::from(Ipv4Addr::LOCALHOST);
    let now = unix_time(Moment::now());
    KnownAuthority(authority)
        .verify_server_cert(first, between, &anybody, &[], now)
        .map(drop)
        .map_err(refused)
}

/// SHA-256 of a certificate.
pub(crate) fn fingerprint(certificate: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest(&SHA256, certificate).as_ref());
    bytes
}

#[derive(Debug)]
struct AnyHost(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyHost {
    /// IMPORTANT: hosts are compared last, when all else is found good.
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, TlsError> {
        use CertificateError::{NotValidForName, NotValidForNameContext};
        match self.0.verify_server_cert(leaf, between, name, ocsp, now) {
            Err(TlsError::InvalidCertificate(NotValidForName | NotValidForNameContext { .. })) => {
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Takes nodes alone of whom another takes.
#[derive(Debug)]
struct NodesAlone(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for NodesAlone {
    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> std::result::Result<ClientCertVerified, TlsError> {
        let verified = self.0.verify_client_cert(leaf, between, now)?;
        let unfit = |why| TlsError::from(CertificateError::Other(OtherError(Arc::new(why))));
        let identity = Leaf::of(leaf).map_err(unfit)?.identity;
        if identity.kind == Kind::Node {
            return Ok(verified);
        }
        Err(unfit(Error::invalid(format!(
            "it is that of {identity}, which is no node, and this port is for the members of the \
             cluster (`dkv cert node NAME`); clients use the node's address for clients"
        ))))
    }

    fn offer_client_auth(&self) -> bool {
        self.0.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.0.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// Knows an authority by its fingerprint alone.
#[derive(Debug)]
struct KnownAuthority([u8; 32]);

impl ServerCertVerifier for KnownAuthority {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, TlsError> {
        let unknown = || TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        let shown = between.iter().find(|it| fingerprint(it) == self.0);
        let mut roots = RootCertStore::empty();
        roots.add(shown.ok_or_else(unknown)?.clone())?;
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
            .build()
            .map_err(|_| unknown())?;
        AnyHost(verifier).verify_server_cert(leaf, between, name, ocsp, now)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        Err(TlsError::General("only TLS 1.3 is spoken".to_owned()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, TlsError> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}
