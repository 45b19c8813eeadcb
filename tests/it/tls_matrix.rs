//! Who is let in at the client port, by certificate: each case at each listener, and with
//! each way to ask for certificates.

use std::io::{Read, Write};

use dkv::tls::issue::Request;
use dkv::tls::{Cause, Refusal};

use crate::harness::cluster::until;
use crate::harness::pki::{Pki, Shown, client_params, foreign_chain, self_signed, server_params};
use crate::harness::tls::{Dialler, H2, HTTP1, Outcome};
use crate::harness::{Node, PATIENCE};

const SERVER: [&str; 2] = ["localhost", "127.0.0.1"];

const REQUIRED: usize = 0;
const OPTIONAL: usize = 1;

/// A row of the table: what is shown, and what becomes of it where a certificate is
/// required, where it is optional, and where none is asked for.
struct Case {
    name: &'static str,
    shown: Option<Shown>,
    becomes: [Outcome; 3],
}

fn good(name: &'static str, shown: Shown) -> Case {
    Case {
        name,
        shown: Some(shown),
        becomes: [Outcome::Served, Outcome::Served, Outcome::Served],
    }
}

/// A bad certificate is worse than none, unless nobody looks at it.
fn bad(name: &'static str, shown: Shown, why: Refusal) -> Case {
    let refused = Outcome::Tls(Cause::Refused(why));
    Case {
        name,
        shown: Some(shown),
        becomes: [refused.clone(), refused, Outcome::Served],
    }
}

/// The nodes, one for each way to ask, that trust two authorities and have a list.
struct World {
    ours: Pki,
    /// Another program's authority, which has others sign.
    foreign: Shown,
    revoked: Vec<Shown>,
    nodes: Vec<Node>,
}

impl World {
    fn new() -> Self {
        let ours = Pki::new();
        ours.write("server", &Request::server("server", &SERVER));
        let (authority, foreign) = foreign_chain(&client_params("carol", &[]));
        let both = ours.authority.certificate_pem().to_owned() + &authority;
        std::fs::write(ours.ca(), both).unwrap();
        let client = ours.show(&Request::client("mallory"));
        let node = ours.show(&Request::node("node-9", None, &SERVER));
        let revoked = vec![client, node];
        ours.revoke(&revoked.iter().collect::<Vec<_>>());
        let dir = ours.dir().to_str().unwrap().to_owned();
        // Else it tells of one refusal in a while.
        let told = ["--log-level", "debug"];
        let nodes = ["required", "optional", "none"].map(|auth| {
            let words = ["--certs", &dir, "--client-auth", auth];
            Node::start_with(&[&words[..], &told].concat())
        });
        Self {
            ours,
            foreign,
            revoked,
            nodes: nodes.into(),
        }
    }

    fn cases(&self) -> Vec<Case> {
        let ours = &self.ours;
        let (other, twin) = (Pki::named("other authority"), Pki::new());
        let alice = Request::client("alice");
        let mut cut = ours.show(&alice);
        cut.chain[0] = cut.chain[0][..100].to_vec().into();
        let mut garbage = ours.show(&alice);
        garbage.chain = vec![vec![0x30; 64].into()];
        let mut key_of_another = ours.show(&alice);
        key_of_another.key = ours.show(&alice).key;
        let two = client_params("alice", &["dkv://client/alice", "dkv://node/node-1"]);
        let strange = client_params("alice", &["dkv://admin/alice"]);
        use Refusal::{Dates, Revoked, Unfit, UnknownAuthority, WrongPurpose};
        vec![
            Case {
                name: "no certificate",
                shown: None,
                becomes: [
                    Outcome::Tls(Cause::Refused(Refusal::NoCertificate)),
                    Outcome::Served,
                    Outcome::Served,
                ],
            },
            good("a client", ours.show(&alice)),
            good("a node", ours.show(&Request::node("node-2", None, &SERVER))),
            good("common name alone", ours.sign(&client_params("bob", &[]))),
            good("a chain of another authority", self.foreign.clone()),
            bad("another authority", other.show(&alice), UnknownAuthority),
            bad(
                "its namesake with another key",
                twin.show(&alice),
                UnknownAuthority,
            ),
            bad("expired", Shown::of(&ours.issue_in(-400, &alice)), Dates),
            bad(
                "not valid yet",
                Shown::of(&ours.issue_in(10, &alice)),
                Dates,
            ),
            bad(
                "a server's",
                ours.show(&Request::server("server", &SERVER)),
                WrongPurpose,
            ),
            bad(
                "a server's, common name alone",
                ours.sign(&server_params("x")),
                WrongPurpose,
            ),
            bad("a revoked client", self.revoked[0].clone(), Revoked),
            bad("a revoked node", self.revoked[1].clone(), Revoked),
            bad(
                "self-signed",
                self_signed(&client_params("alice", &["dkv://client/alice"])),
                UnknownAuthority,
            ),
            // How long a chain may be that ends at who is trusted is not for its
            // certificate to say (RFC 5280, 6.1.1).
            good(
                "through an authority that ours signed",
                ours.sign_through_another(&client_params("alice", &["dkv://client/alice"])),
            ),
            bad("the authority itself", ours.itself(), Unfit),
            bad("garbage", garbage, Unfit),
            bad("cut off", cut, Unfit),
            bad("the key of another", key_of_another, UnknownAuthority),
            bad("two names", ours.sign(&two), Unfit),
            bad("a name that is none", ours.sign(&strange), Unfit),
        ]
    }

    fn dialler(&self, shown: Option<&Shown>) -> Dialler {
        Dialler::new(&self.ours.ca(), shown)
    }
}

#[tokio::test]
async fn every_certificate_at_every_listener_of_clients() {
    let world = World::new();
    let mut wrong = Vec::new();
    for case in world.cases() {
        let dialler = world.dialler(case.shown.as_ref());
        for (node, expected) in world.nodes.iter().zip(&case.becomes) {
            let address = node.address();
            let outcomes = [
                ("gRPC", dialler.grpc(address).await),
                ("REST", dialler.rest(address, "/v1/keys/a").await),
                ("the status page", dialler.rest(address, "/").await),
                ("metrics", dialler.rest(address, "/metrics").await),
            ];
            for (listener, outcome) in outcomes {
                if !outcome.is(expected) {
                    let row = format!("{} at {listener} of {}", case.name, node.ready_line());
                    wrong.push(format!("{row}: {outcome:?}, not {expected:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn what_is_spoken_inside_is_agreed_on() {
    let world = World::new();
    let alice = world.dialler(Some(&world.ours.show(&Request::client("alice"))));
    let address = world.nodes[REQUIRED].address();
    for (offered, agreed) in [
        (&[][..], None),
        (&[H2][..], Some(H2)),
        (&[HTTP1], Some(HTTP1)),
        (&[HTTP1, H2], Some(H2)),
        (&[b"spdy/3", HTTP1], Some(HTTP1)),
    ] {
        let connected = alice.speaking(offered).connect(address).await.unwrap();
        assert_eq!(connected.protocol(), agreed, "{offered:?}");
    }
    let none = alice.speaking(&[b"spdy/3"]).connect(address).await;
    assert_eq!(none.unwrap_err().cause, Cause::NoCommonProtocol);
}

/// What a client sends that speaks TLS 1.2 and nothing newer.
pub(crate) fn old_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    // No session; two suites; no compression.
    body.extend([0, 0, 4, 0xc0, 0x2f, 0xc0, 0x2b, 1, 0]);
    // Extensions: X25519 and P-256, uncompressed points, ECDSA and RSA with SHA-256.
    let extensions = [
        &[0, 10, 0, 6, 0, 4, 0, 29, 0, 23][..],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 6, 0, 4, 4, 3, 8, 4],
    ]
    .concat();
    body.extend([0, u8::try_from(extensions.len()).unwrap()]);
    body.extend(extensions);
    let mut record = vec![0x16, 3, 1, 0, u8::try_from(body.len() + 4).unwrap()];
    record.extend([1, 0, 0, u8::try_from(body.len()).unwrap()]);
    record.extend(body);
    record
}

/// What a server says to these bytes before it hangs up.
pub(crate) fn says_to(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut said = Vec::new();
    stream.read_to_end(&mut said).unwrap();
    said
}

/// A fatal alert of TLS.
pub(crate) const PROTOCOL_VERSION: [u8; 7] = [0x15, 3, 3, 0, 2, 2, 70];

#[test]
fn other_protocols_are_told_so() {
    let world = World::new();
    let node = &world.nodes[OPTIONAL];
    assert_eq!(says_to(node.address(), &old_hello()), PROTOCOL_VERSION);
    let page = says_to(node.address(), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let page = String::from_utf8(page).unwrap();
    assert!(
        page.starts_with("HTTP/1.1 400 ") && page.contains("https://"),
        "{page}"
    );
    let alert = says_to(node.address(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(alert[0], 0x15, "{alert:?}");
    // The log says why.
    for why in ["does not speak TLS 1.3", "spoke plain text"] {
        until(why, || node.said().contains(why));
    }
}

#[tokio::test]
async fn figures_tell_of_handshakes_and_of_the_certificate() {
    let world = World::new();
    let alice = world.dialler(Some(&world.ours.show(&Request::client("alice"))));
    let address = world.nodes[REQUIRED].address();
    assert!(world.dialler(None).grpc(address).await != Outcome::Served);
    let page = alice.http(address, "/metrics").await.unwrap();
    let value = |name: &str| {
        let line = page.lines().find_map(|line| line.strip_prefix(name));
        let value = line.unwrap_or_else(|| panic!("no {name} in {page}"));
        value.trim().parse::<i64>().unwrap()
    };
    assert!(value("dkv_tls_handshakes_total{result=\"secured\"}") >= 1);
    assert!(value("dkv_tls_handshakes_total{result=\"failed\"}") >= 1);
    assert_eq!(
        value("dkv_connections_refused_total{reason=\"handshakes\"}"),
        0
    );
    let shown = alice.connect(address).await.unwrap().peer().leaf.not_after;
    assert_eq!(value("dkv_tls_certificate_expires_seconds"), shown.0);
}
