//! What the authority signs says what was asked, and nothing else.

use crate::base::host::SystemRng;
use crate::base::types::NodeId;
use crate::tls::fixture::{Certs, leaf_of};
use crate::tls::issue::{Authority, Request, Revocations, Revoked};
use crate::tls::{Identity, Kind, Moment};

#[test]
fn a_certificate_says_what_was_asked() {
    let certs = Certs::new();
    let id = NodeId::from_random([7; 16]);
    let hosts = ["localhost", "Db.Example.com.", "::1", "10.0.0.7"];
    for (request, servers, clients) in [
        (Request::server("server", &hosts), true, false),
        (Request::client("alice"), false, true),
        (Request::node("n1", None, &hosts), true, true),
        (Request::node("n1", Some(id), &hosts), true, true),
    ] {
        let now = Moment::now();
        let issued = certs.authority.issue(&request, &SystemRng).unwrap();
        let leaf = leaf_of(&issued.certificate_pem);
        assert_eq!(leaf.identity, request.identity);
        let hosts: &[&str] = match request.identity.kind {
            Kind::Client => &[],
            _ => &["localhost", "db.example.com", "::1", "10.0.0.7"],
        };
        assert_eq!(leaf.hosts, hosts);
        assert_eq!((leaf.for_servers, leaf.for_clients), (servers, clients));
        assert_eq!(leaf.issuer, "CN=dkv authority");
        assert_eq!(leaf.not_after.days_since(now), 365);
        assert!(leaf.not_before <= now.plus_seconds(-290), "clocks differ");
        assert_eq!(leaf.serial.len(), 32, "128 bits: {}", leaf.serial);
        assert!(leaf.serial.as_str() < "8", "never negative");
        let again = certs.authority.issue(&request, &SystemRng).unwrap();
        let again = leaf_of(&again.certificate_pem);
        assert_ne!(again.serial, leaf.serial);
    }
}

/// Whoever replaces one trusts both for a while.
#[test]
fn authorities_are_not_called_alike() {
    let names = [0; 8].map(|_| Authority::default_name(&SystemRng));
    assert!(names.iter().any(|name| *name != names[0]));
    for name in names {
        let digits = name.strip_prefix("dkv authority ").unwrap();
        assert!(u16::from_str_radix(digits, 16).is_ok() && digits.len() == 4);
        Authority::create(&name, 1, &SystemRng).unwrap();
    }
}

#[test]
fn a_key_may_stay_while_its_certificate_is_renewed() {
    let certs = Certs::new();
    let request = Request::client("alice");
    let issued = certs.authority.issue(&request, &SystemRng).unwrap();
    let renewed = certs
        .authority
        .renew(&request.for_days(30), &issued.key_pem, &SystemRng)
        .unwrap();
    let files = certs.write("alice", &issued);
    std::fs::write(&files.cert, &renewed).unwrap();
    crate::tls::fixture::material(&files);
    assert_eq!(leaf_of(&renewed).not_after.days_since(Moment::now()), 30);
}

#[test]
fn nothing_outlives_its_authority() {
    let day = Authority::create("short", 1, &SystemRng).unwrap();
    let day = Authority::of(&day.certificate_pem, &day.key_pem).unwrap();
    let issued = day.issue(&Request::client("alice"), &SystemRng).unwrap();
    assert_eq!(leaf_of(&issued.certificate_pem).not_after, day.not_after());

    let late = Moment::now().plus_days(2);
    let refused = day.issue_at(&Request::client("alice"), &SystemRng, late);
    assert!(refused.unwrap_err().message().contains("dkv cert ca"));
}

#[test]
fn what_cannot_be_issued_is_refused() {
    let certs = Certs::new();
    let none: &[&str] = &[];
    for (request, words) in [
        (Request::client(""), "no name"),
        (Request::client("a/b"), "no name"),
        (Request::client("alice").for_days(0), "1 to 36500 days"),
        (Request::client("alice").for_days(36_501), "1 to 36500 days"),
        (Request::server("server", none), "--host"),
        (Request::node("n1", None, none), "--host"),
        (Request::server("server", &["a b"]), "`a b` is no host"),
        (Request::server("server", &vec!["a"; 101]), "100 hosts"),
    ] {
        let error = certs.authority.issue(&request, &SystemRng).unwrap_err();
        assert!(error.message().contains(words), "{error}");
    }
    for (name, days) in [
        ("", 1),
        (" ", 1),
        ("a\nb", 1),
        (&*"a".repeat(65), 1),
        ("a", 0),
    ] {
        assert!(Authority::create(name, days, &SystemRng).is_err(), "{name}");
    }
    let other = Certs::new();
    let key = std::fs::read_to_string(other.path().join("ca.key")).unwrap();
    let error = Authority::of(certs.authority.certificate_pem(), &key).unwrap_err();
    assert!(error.message().contains("not that of"), "{error}");
    let client = certs.authority.issue(&Request::client("alice"), &SystemRng);
    let client = client.unwrap();
    let error = Authority::of(&client.certificate_pem, &client.key_pem).unwrap_err();
    assert!(
        error.message().contains("not that of an authority"),
        "{error}"
    );
    for serial in ["", "xyz", "-1", &"1".repeat(41)] {
        let revoked = vec![Revoked {
            serial: serial.to_owned(),
            at: Moment::now(),
        }];
        let list = Revocations { number: 1, revoked };
        assert!(list.sign(&certs.authority, Moment::now()).is_err());
    }
}

/// Certificates of other tools: only dkv's own names make a node.
mod foreign {
    use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType};

    use super::*;
    use crate::base::Result;
    use crate::tls::Leaf;

    fn leaf(names: &[&str], uris: &[&str], usages: &[ExtendedKeyUsagePurpose]) -> Result<Leaf> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for name in names {
            params.distinguished_name.push(DnType::CommonName, *name);
        }
        for uri in uris {
            let uri = (*uri).try_into().unwrap();
            params.subject_alt_names.push(SanType::URI(uri));
        }
        params.extended_key_usages = usages.to_vec();
        let key = KeyPair::generate().unwrap();
        Leaf::of(params.self_signed(&key).unwrap().der())
    }

    fn named(leaf: Result<Leaf>) -> Identity {
        leaf.unwrap().identity
    }

    #[test]
    fn only_a_name_of_dkv_makes_a_node() {
        let both = [
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        for name in ["n1", "dkv://node/n1", "node n1"] {
            let identity = named(leaf(&[name], &[], &both));
            assert_eq!((identity.kind, &*identity.name), (Kind::Client, name));
        }
        let identity = named(leaf(&["db"], &[], &both[..1]));
        assert_eq!(identity.kind, Kind::Server);
        let identity = named(leaf(&["alice"], &[], &[]));
        assert_eq!(identity.kind, Kind::Client);
        let identity = named(leaf(&[], &["spiffe://example.com/db"], &[]));
        assert_eq!(identity.name, "spiffe://example.com/db");
        let identity = named(leaf(&["alice"], &["spiffe://x/y", "dkv://node/n1"], &both));
        assert_eq!((identity.kind, &*identity.name), (Kind::Node, "n1"));
    }

    #[test]
    fn who_is_nobody_or_two_is_refused() {
        let two = ["dkv://node/n1", "dkv://client/alice"];
        for refused in [
            leaf(&[], &[], &[]),
            leaf(&[" "], &[], &[]),
            leaf(&["alice"], &two, &[]),
            leaf(&["alice"], &["dkv://admin/alice"], &[]),
        ] {
            refused.unwrap_err();
        }
    }
}
