//! How nodes dial each other: by who is there, not by where that is.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore,
    SignatureScheme,
};

use super::connect::{client_config, of_verifier};
use super::material::Material;
use super::provider::provider;
use crate::base::Result;

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

/// How a node dials that has nothing but the SHA-256 of its authority's certificate: trusts
/// whom that authority signed for, which must be in the chain that is shown. Shows nothing
/// itself.
///
/// # Errors
/// `Internal` if the provider has no TLS 1.3.
pub fn enroll_config(authority: [u8; 32], alpn: &[&[u8]]) -> Result<Arc<ClientConfig>> {
    of_verifier(Arc::new(KnownAuthority(authority)), alpn)
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
