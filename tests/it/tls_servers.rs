//! Certificates of servers: those that clients refuse, and those that `serve` does.

use std::path::Path;

use dkv::tls::issue::Request;
use dkv::tls::{Cause, Crl};

use crate::harness::pki::{Pki, Shown, client_params, server_params};
use crate::harness::tls::{Dialler, Outcome};
use crate::harness::{Node, serve_fails};

fn words(dir: &Path) -> [&str; 4] {
    ["--certs", dir.to_str().unwrap(), "--client-auth", "none"]
}

fn wrong_name(asked: &str, names: &[&str]) -> Outcome {
    Outcome::Tls(Cause::WrongName {
        asked: asked.to_owned(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    })
}

/// Puts what nobody looked at where the server's certificate is.
fn put(pki: &Pki, shown: &Shown) {
    let pem = |label: &str, der: &[u8]| {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(der);
        format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
    };
    let chain: String = shown
        .chain
        .iter()
        .map(|it| pem("CERTIFICATE", it))
        .collect();
    std::fs::write(pki.folder.path("server.crt"), chain).unwrap();
    let key = pem("PRIVATE KEY", shown.key.secret_der());
    let path = pki.folder.path("server.key");
    std::fs::write(&path, key).unwrap();
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

fn trusting(pki: &Pki) -> Dialler {
    Dialler::new(&pki.ca(), None)
}

type Case<'a> = (&'static str, &'a Node, Dialler, Outcome);

/// Servers that show different certificates.
struct Servers {
    ours: Pki,
    /// That is known by a name and an address.
    both: Node,
    /// Whoever uses this takes the certificate of `both` for revoked.
    listing: Dialler,
    addresses: Pki,
    address_alone: Node,
    nameless: Pki,
    common_alone: Node,
}

impl Servers {
    fn start() -> Self {
        let ours = Pki::new();
        let names = ["localhost", "::1"];
        let issued = ours.write("server", &Request::server("db.example", &names));
        let both = Node::start_with(&words(ours.dir()));
        let list = ours.folder.path("list.crl");
        std::fs::write(&list, ours.list(&[&Shown::of(&issued)])).unwrap();
        let listing = Dialler::with_list(&ours.ca(), &Crl::File(list), None);
        let addresses = Pki::new();
        addresses.write("server", &Request::server("localhost", &["127.0.0.1"]));
        let nameless = Pki::new();
        put(&nameless, &nameless.sign(&server_params("localhost")));
        Self {
            both,
            listing,
            address_alone: Node::start_with(&words(addresses.dir())),
            common_alone: Node::start_with(&words(nameless.dir())),
            ours,
            addresses,
            nameless,
        }
    }

    fn cases(&self) -> Vec<Case<'_>> {
        let unknown = Outcome::Tls(Cause::UnknownAuthority);
        let right = trusting(&self.ours);
        let by_address = trusting(&self.addresses);
        let names = &["localhost", "::1"][..];
        let both = |name, dialler: Dialler, outcome| (name, &self.both, dialler, outcome);
        let other = Pki::named("other authority");
        vec![
            both("a name of it", right.clone(), Outcome::Served),
            both("an address of it", right.meaning("::1"), Outcome::Served),
            both(
                "another name",
                right.meaning("example.org"),
                wrong_name("example.org", names),
            ),
            both(
                "another address",
                right.meaning("127.0.0.1"),
                wrong_name("127.0.0.1", names),
            ),
            both(
                "its common name",
                right.meaning("db.example"),
                wrong_name("db.example", names),
            ),
            both("another authority", trusting(&other), unknown.clone()),
            both(
                "a namesake of its authority",
                trusting(&Pki::new()),
                unknown,
            ),
            both(
                "revoked",
                self.listing.clone(),
                Outcome::Tls(Cause::Revoked),
            ),
            (
                "an address instead of a name",
                &self.address_alone,
                by_address.clone(),
                wrong_name("localhost", &["127.0.0.1"]),
            ),
            (
                "an address",
                &self.address_alone,
                by_address.meaning("127.0.0.1"),
                Outcome::Served,
            ),
            (
                "a common name alone",
                &self.common_alone,
                trusting(&self.nameless),
                wrong_name("localhost", &[]),
            ),
        ]
    }
}

#[tokio::test]
async fn a_client_trusts_the_right_server_alone() {
    let servers = Servers::start();
    let mut wrong = Vec::new();
    for (name, node, dialler, expected) in servers.cases() {
        for (listener, outcome) in [
            ("gRPC", dialler.grpc(node.address()).await),
            ("REST", dialler.rest(node.address(), "/v1/keys/a").await),
        ] {
            if !outcome.is(&expected) {
                wrong.push(format!(
                    "{name} at {listener}: {outcome:?}, not {expected:?}"
                ));
            }
        }
    }
    // An authority's certificate is no server's, whatever is in it.
    let itself = Pki::new();
    put(&itself, &itself.itself());
    let authority = Node::start_with(&words(itself.dir()));
    let outcome = trusting(&itself).grpc(authority.address()).await;
    if !matches!(outcome, Outcome::Tls(Cause::Unfit(_))) {
        wrong.push(format!("the authority itself: {outcome:?}"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is done to a folder that a server could use.
type Spoil = fn(&Pki);

const SPOILED: [(&str, Spoil, &[&str]); 11] = [
    (
        "expired",
        |pki| {
            let server = Request::server("server", &["localhost"]);
            pki.folder
                .write_pair("server", &pki.issue_in(-400, &server))
                .unwrap();
        },
        &["server.crt", "expired", "dkv cert rotate"],
    ),
    (
        "not valid yet",
        |pki| {
            let server = Request::server("server", &["localhost"]);
            pki.folder
                .write_pair("server", &pki.issue_in(10, &server))
                .unwrap();
        },
        &["server.crt", "is valid from", "clock"],
    ),
    (
        "a client's",
        |pki| {
            pki.write("server", &Request::client("alice"));
        },
        &["server.crt", "not for servers", "dkv cert server"],
    ),
    (
        "two names",
        |pki| {
            put(
                pki,
                &pki.sign(&client_params("x", &["dkv://node/a", "dkv://node/b"])),
            );
        },
        &["server.crt", "2 names"],
    ),
    (
        "the key of another",
        |pki| {
            let key = pki.show(&Request::client("alice")).key;
            put(
                pki,
                &Shown {
                    key,
                    ..pki.show(&Request::server("s", &["localhost"]))
                },
            );
        },
        &["server.key", "not that of the certificate"],
    ),
    (
        "garbage",
        |pki| {
            std::fs::write(pki.folder.path("server.crt"), "garbage").unwrap();
        },
        &["server.crt", "-----BEGIN CERTIFICATE-----"],
    ),
    (
        "no key",
        |pki| {
            std::fs::remove_file(pki.folder.path("server.key")).unwrap();
        },
        &["server.key"],
    ),
    (
        "a key for everybody",
        |pki| {
            use std::os::unix::fs::PermissionsExt;
            let key = pki.folder.path("server.key");
            std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).unwrap();
        },
        &["server.key", "chmod 600"],
    ),
    (
        "a list of another authority",
        |pki| {
            let other = Pki::named("other authority");
            let list = other.list(&[&other.show(&Request::client("alice"))]);
            pki.folder.write_revocations(&list).unwrap();
        },
        &["ca.crl", "other authority"],
    ),
    (
        "a list of a namesake",
        |pki| {
            pki.folder.write_revocations(&Pki::new().list(&[])).unwrap();
        },
        &["ca.crl", "another key"],
    ),
    (
        "an authority that is none",
        |pki| {
            let alice = pki.issue(&Request::client("alice"));
            std::fs::write(pki.ca(), alice.certificate_pem).unwrap();
        },
        &["ca.crt", "no authority"],
    ),
];

#[test]
fn certificates_that_nobody_would_accept_are_refused_at_the_start() {
    for (name, spoil, expected) in SPOILED {
        let pki = Pki::new();
        pki.write("server", &Request::server("server", &["localhost"]));
        spoil(&pki);
        let folder = tempfile::TempDir::new().unwrap();
        let mut arguments = words(pki.dir()).to_vec();
        arguments.extend(["--listen", "127.0.0.1:0"]);
        let refused = serve_fails(&arguments, &[], folder.path());
        assert_ne!(refused.code, 0, "{name}");
        for word in expected {
            assert!(refused.stderr.contains(word), "{name}: {}", refused.stderr);
        }
    }
}
