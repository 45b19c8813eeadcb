//! Certificates for keys that stay where they were made: what is asked for, and answered.

use rcgen::{
    CertificateParams, CertificateSigningRequestParams, DistinguishedName, KeyPair,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::CertificateSigningRequestDer;

use super::authority::{Authority, unissued};
use super::request::{Request, alternative};
use crate::base::host::Rng;
use crate::base::{Error, Result};
use crate::tls::moment::Moment;

/// Makes a key and asks for a certificate: PKCS#10 in DER, and the key in PEM.
///
/// # Errors
/// `Invalid` for bad hosts.
pub fn new_request<S: AsRef<str>>(hosts: &[S]) -> Result<(Vec<u8>, String)> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(unissued)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    for host in hosts {
        params.subject_alt_names.push(alternative(host.as_ref())?);
    }
    let request = params.serialize_request(&key).map_err(unissued)?;
    Ok((request.der().to_vec(), key.serialize_pem()))
}

/// The hosts that a request is for, and nothing else it asks for.
///
/// # Errors
/// `Invalid` for what is no request, or was not signed with its own key.
pub fn hosts_of_request(der: &[u8]) -> Result<Vec<String>> {
    let names = read(der)?.params.subject_alt_names;
    let host = |name: SanType| match name {
        SanType::DnsName(name) => Some(name.to_string()),
        SanType::IpAddress(address) => Some(address.to_string()),
        _ => None,
    };
    Ok(names.into_iter().filter_map(host).collect())
}

impl Authority {
    /// Issues a certificate for the key of a request in PKCS#10, in PEM. Whom it names, and
    /// for how long, `request` alone says.
    ///
    /// # Errors
    /// As of [`Authority::issue`] and [`hosts_of_request`].
    pub fn sign_request(&self, request: &Request, der: &[u8], rng: &dyn Rng) -> Result<String> {
        let signed = self.sign(request, &read(der)?.public_key, rng, Moment::now())?;
        // A node may have a directory that it cannot write to, and gives them out all the same.
        if let Err(error) = self.record(&signed) {
            tracing::warn!(
                serial = signed.leaf.serial,
                "{error}: `dkv cert revoke` will find this certificate of {} by its file or its \
                 number alone",
                signed.leaf.identity
            );
        }
        Ok(signed.pem)
    }
}

fn read(der: &[u8]) -> Result<CertificateSigningRequestParams> {
    let der = CertificateSigningRequestDer::from(der);
    CertificateSigningRequestParams::from_der(&der).map_err(|error| {
        Error::invalid(format!("this is no signing request of PKCS#10: {error}")).with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::SystemRng;
    use crate::tls::issue::{Folder, Issued};
    use crate::tls::{Files, Kind, Material};

    #[test]
    fn the_authority_says_whom_a_requested_certificate_names() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::create(&dir.path().join("certs")).unwrap();
        let made = Authority::create("dkv", 10, &SystemRng).unwrap();
        folder.write_authority(&made).unwrap();
        let authority = folder.authority().unwrap();
        let (der, key_pem) = new_request(&["localhost", "10.0.0.7"]).unwrap();
        let hosts = hosts_of_request(&der).unwrap();
        assert_eq!(hosts, ["localhost", "10.0.0.7"]);
        let request = Request::node("node-4", None, &hosts);
        let certificate_pem = authority.sign_request(&request, &der, &SystemRng).unwrap();
        let issued = Issued {
            certificate_pem,
            key_pem,
        };
        folder.write_pair("node-4", &issued).unwrap();
        let files = Files::in_dir(folder.dir(), "node-4");
        let leaf = Material::read(&files).unwrap().credentials.leaf;
        assert_eq!(
            (leaf.identity.kind, &*leaf.identity.name),
            (Kind::Node, "node-4")
        );
        assert_eq!(leaf.hosts, hosts);
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let (der, _) = new_request(&["localhost"]).unwrap();
        let mut tampered = der.clone();
        *tampered.last_mut().unwrap() ^= 1;
        for bad in [&[][..], b"garbage", &der[..der.len() - 1], &tampered] {
            assert!(hosts_of_request(bad).is_err());
        }
    }
}
