//! A certificate that somebody else issued for a key of one's own: looked at before any of
//! it is kept.

use std::path::Path;

use super::authority::Issued;
use crate::base::{Error, Result};
use crate::tls::files::{Content, Files, PemFile};
use crate::tls::identity::Kind;
use crate::tls::leaf;
use crate::tls::nodes::fingerprint;
use crate::tls::{Authorities, Credentials, Pem};

/// Whether a list may take the place of what is in a directory that trusts somebody already:
/// nobody is let in again whom the lists there shut out.
///
/// # Errors
/// `Invalid`, naming the file, for what cannot be read.
pub fn may_follow(dir: &Path, revoked_pem: &str) -> Result<bool> {
    let ca = Files::ca_in_dir(dir);
    let before = Authorities::read(&ca, &Files::crl_in_dir(dir))?;
    let list = Pem::Bytes(revoked_pem.as_bytes().to_vec());
    let after = Authorities::given(&Pem::File(ca), Some(&list))?;
    Ok(after.check_after(&before).is_ok())
}

/// What a directory trusts already, in PEM; nothing if it trusts nobody yet. `known` is the
/// SHA-256 of the authority's certificate that must be in it.
///
/// # Errors
/// `Invalid`, naming the file, if that is not in it.
pub fn trust_beside(dir: &Path, known: &[u8; 32]) -> Result<Option<String>> {
    let path = Files::ca_in_dir(dir);
    let Some(file) = PemFile::read_if_there(&path, Content::Authorities)? else {
        return Ok(None);
    };
    let mut trusted = file.certificates()?.into_iter();
    if trusted.any(|it| fingerprint(&it) == *known) {
        return file.text().map(Some);
    }
    Err(Error::invalid(format!(
        "{} is there, and the authority of the token is not in it: the token is another \
         cluster's, or the file is; give a token of the cluster that is to be joined, or another \
         directory (--certs DIR)",
        path.display()
    )))
}

/// Checks what a member answered: that the node called `name` can show `issued`, and that who
/// trusts `trusted_pem`, but for what is in `revoked_pem`, lets it in. `known` is the SHA-256 of
/// the certificate of the authority that must have signed it.
///
/// # Errors
/// `Invalid`, with what is wrong.
pub fn check_received(
    known: &[u8; 32],
    name: &str,
    issued: &Issued,
    trusted_pem: &str,
    revoked_pem: &str,
) -> Result<()> {
    let given = |pem: &str| Pem::Bytes(pem.as_bytes().to_vec());
    let lists = Some(revoked_pem).filter(|pem| !pem.is_empty()).map(given);
    let trusted = Authorities::given(&given(trusted_pem), lists.as_ref())?;
    let read = PemFile::given(trusted_pem.into(), Content::Authorities).certificates()?;
    let authority = read.iter().find(|it| fingerprint(it) == *known);
    let authority = authority.ok_or_else(|| Error::invalid("its authority is not the token's"))?;
    let pair = Credentials::given(&given(&issued.certificate_pem), &given(&issued.key_pem))?;
    let pair = pair.ok_or_else(|| Error::invalid("there is no certificate in it"))?;
    let (found, first) = (&pair.leaf, leaf::parse(&pair.chain()[0])?);
    if found.identity.kind != Kind::Node || found.identity.name != name {
        return Err(Error::invalid(format!(
            "it is the certificate of {}, not of node {}",
            found.identity,
            name.escape_debug()
        )));
    }
    if found.identity.node.is_some() || !(found.for_servers && found.for_clients) {
        return Err(Error::invalid(format!(
            "the certificate of {} is not what a new node needs",
            found.identity
        )));
    }
    let authority = leaf::parse(authority)?;
    let signed = first.verify_signature(Some(authority.public_key()));
    if first.issuer() != authority.subject() || signed.is_err() {
        return Err(Error::invalid(format!(
            "the authority of the token did not sign the certificate of {}",
            found.identity
        )));
    }
    trusted.still_trust(pair.chain()).map_err(|why| {
        Error::invalid(format!(
            "the authority of the token does not stand for the certificate of {} ({:?})",
            found.identity, why.cause
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::host::SystemRng;
    use crate::base::types::NodeId;
    use crate::tls::fixture::{Certs, leaf_of};
    use crate::tls::issue::{Request, Revocations, Revoked, new_request};
    use crate::tls::moment::Moment;

    const HOSTS: &[&str] = &["localhost"];

    /// What `certs` answers who asks for `request`.
    fn answer(certs: &Certs, request: &Request) -> Issued {
        let (der, key_pem) = new_request(HOSTS).unwrap();
        let signed = certs.authority.sign_request(request, &der, &SystemRng);
        Issued {
            certificate_pem: signed.unwrap(),
            key_pem,
        }
    }

    /// For node-4, by who knows the authority of `certs`.
    fn check(certs: &Certs, issued: &Issued, trusted: &str, revoked: &str) -> Result<()> {
        let known = certs.authority.digest();
        check_received(&known, "node-4", issued, trusted, revoked)
    }

    #[test]
    fn a_certificate_is_that_of_the_node_its_key_and_the_known_authority() {
        let (certs, other) = (Certs::new(), Certs::new());
        let trusted = certs.authority.certificate_pem();
        let both = format!("{trusted}{}", other.authority.certificate_pem());
        let node = Request::node("node-4", None, HOSTS);
        let good = answer(&certs, &node);
        for trusted in [trusted, &both] {
            check(&certs, &good, trusted, "").unwrap();
        }
        let bound = Request::node("node-4", Some(NodeId([4; 16])), HOSTS);
        let mut others_key = good.clone();
        others_key.key_pem = answer(&certs, &node).key_pem;
        let mut cut = good.clone();
        cut.certificate_pem.truncate(100);
        let renamed = Request::node("node-5", None, HOSTS);
        for (bad, trusted) in [
            (good.clone(), other.authority.certificate_pem()),
            (good.clone(), ""),
            (answer(&other, &node), trusted),
            // Trusted, but not by the word of the token.
            (answer(&other, &node), &both),
            (answer(&certs, &renamed), trusted),
            (answer(&certs, &Request::client("node-4")), trusted),
            (answer(&certs, &bound), trusted),
            (others_key, trusted),
            (cut, trusted),
        ] {
            assert!(check(&certs, &bad, trusted, "").is_err(), "{bad:?}");
        }
        let revoked = Revocations {
            number: 1,
            revoked: vec![Revoked {
                serial: leaf_of(&good.certificate_pem).serial,
                at: Moment::now(),
            }],
        };
        let list = revoked.sign(&certs.authority, Moment::now()).unwrap();
        assert!(check(&certs, &good, trusted, &list).is_err());
        assert!(check(&certs, &good, trusted, "no list").is_err());
    }

    #[test]
    fn what_a_directory_trusts_already_must_have_the_known_authority() {
        let (certs, other) = (Certs::new(), Certs::new());
        let known = certs.authority.digest();
        let trusted = trust_beside(certs.path(), &known).unwrap();
        assert_eq!(trusted.as_deref(), Some(certs.authority.certificate_pem()));
        let empty = tempfile::tempdir().unwrap();
        assert_eq!(trust_beside(empty.path(), &known).unwrap(), None);
        let refused = trust_beside(other.path(), &known).unwrap_err();
        assert!(refused.message().contains("ca.crt is there"), "{refused}");
    }
}
