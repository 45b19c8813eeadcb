//! Certificates, lists of revocations, requests for certificates.

use dkv::tls::issue::{Authority, hosts_of_request};
use dkv::tls::{Authorities, Credentials, Leaf, Pem};
use rustls::pki_types::CertificateDer;

/// Any bytes as each of them.
pub(crate) fn certificates(data: &[u8]) {
    let given = Pem::Bytes(data.to_vec());
    if let Ok(leaf) = Leaf::of(&CertificateDer::from(data.to_vec())) {
        let shown = format!("{leaf:?}");
        assert!(!shown.is_empty());
    }
    // Refused or not: nothing may be beyond words.
    let _ = hosts_of_request(data);
    let _ = Authorities::given(&given, None);
    let _ = Authorities::given(&given, Some(&given));
    let _ = Credentials::given(&given, &given);
    let text = String::from_utf8_lossy(data);
    let _ = Authority::of(&text, &text);
}
