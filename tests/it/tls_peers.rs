//! Who is heard at the peer port: each case with each question of one node to another.

use std::time::Duration;

use dkv::base::types::NodeId;
use dkv::proto::v1;
use dkv::tls::issue::Request;
use dkv::tls::{Cause, Refusal};
use tonic::Code;

use crate::harness::Node;
use crate::harness::cluster::{free_ports, until};
use crate::harness::peers::{
    Anything, EnrollRequest, HelloReply, HelloRequest, Identity, JoinRequest, LinkHello, Member,
    ask, link,
};
use crate::harness::pki::{Pki, Shown, client_params, self_signed};
use crate::harness::tls::{Dialler, H2, HTTP1, Outcome};
use crate::tls_matrix::{PROTOCOL_VERSION, old_hello, says_to};

const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];
const QUESTIONS: [&str; 3] = ["Hello", "Join", "Link"];

/// A row: what is shown, whom the caller says it is, and what becomes of each question.
struct Case {
    name: &'static str,
    shown: Option<Shown>,
    says: (&'static str, u8),
    becomes: [Outcome; 3],
}

fn same(name: &'static str, shown: Shown, outcome: Outcome) -> Case {
    Case {
        name,
        shown: Some(shown),
        says: ("node-2", 2),
        becomes: [outcome.clone(), outcome.clone(), outcome],
    }
}

fn bad(name: &'static str, shown: Shown, why: Refusal) -> Case {
    same(name, shown, Outcome::Tls(Cause::Refused(why)))
}

fn node(name: &str, bound: Option<u8>) -> Request {
    Request::node(name, bound.map(|id| NodeId([id; 16])), &HOSTS)
}

fn denied(words: &str) -> Outcome {
    Outcome::Says(Code::PermissionDenied, words.to_owned())
}

/// A cluster of one node, whose peer port is asked.
struct World {
    pki: Pki,
    revoked: Shown,
    node: Node,
    peer: String,
    /// Who the node is.
    to: Identity,
}

impl World {
    async fn new() -> Self {
        let pki = Pki::new();
        pki.write("node-1", &Request::node("node-1", None, &HOSTS));
        let revoked = pki.show(&Request::node("node-2", None, &HOSTS));
        pki.revoke(&[&revoked]);
        let peer = format!("127.0.0.1:{}", free_ports());
        let members = format!("node-1={peer}");
        let node = Node::start_with(&[
            "--certs",
            pki.dir().to_str().unwrap(),
            "--node-id",
            "node-1",
            "--cluster-members",
            &members,
            // Else it tells of one refusal in a while.
            "--log-level",
            "debug",
        ]);
        let mut world = Self {
            pki,
            revoked,
            node,
            peer,
            to: Identity::default(),
        };
        let right = world.pki.show(&Request::node("node-2", None, &HOSTS));
        let dialler = world.dialler(Some(&right)).speaking(&[H2]);
        let (channel, _) = dialler.channel(&world.peer).await.unwrap();
        let from = Some(world.from("node-2", 2));
        let hello = ask(channel, "Hello", HelloRequest { from }).await;
        let HelloReply { from } = hello.unwrap();
        world.to = from.unwrap();
        assert_eq!(world.to.name, "node-1");
        world.takes_in(&right).await;
        world
    }

    /// Until node-2 is a member.
    async fn takes_in(&self, node_2: &Shown) {
        let case = same("its own", node_2.clone(), Outcome::Served);
        loop {
            match self.asks(&case).await {
                [_, _, Outcome::Says(Code::FailedPrecondition, _)] => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                [.., linked] => break assert_eq!(linked, Outcome::Served),
            }
        }
    }

    fn dialler(&self, shown: Option<&Shown>) -> Dialler {
        Dialler::new(&self.pki.ca(), shown)
    }

    fn from(&self, name: &str, id: u8) -> Identity {
        Identity {
            node: vec![id; 16],
            name: name.to_owned(),
            cluster: self.to.cluster.clone(),
        }
    }

    /// Asks each question.
    async fn asks(&self, case: &Case) -> [Outcome; 3] {
        let dialler = self.dialler(case.shown.as_ref()).speaking(&[H2]);
        let from = self.from(case.says.0, case.says.1);
        let hello = HelloRequest {
            from: Some(from.clone()),
        };
        let join = self.join(from.clone(), &from.name);
        let hello = dialler.call(&self.peer, async |channel| {
            ask::<_, Anything>(channel, "Hello", hello).await
        });
        let join = dialler.call(&self.peer, async |channel| {
            ask::<_, Anything>(channel, "Join", join).await
        });
        let linking = LinkHello {
            from: Some(from),
            to: self.to.node.clone(),
            lane: 0,
            incarnation: 1,
        };
        let linked = dialler.call(&self.peer, async |channel| link(channel, linking).await);
        [hello.await, join.await, linked.await]
    }

    fn join(&self, from: Identity, name: &str) -> JoinRequest {
        let member = Member {
            node: from.node.clone(),
            name: name.to_owned(),
            // Nobody is there: a place is all it gets.
            peer_address: "127.0.0.1:1".to_owned(),
            client_address: String::new(),
        };
        JoinRequest {
            from: Some(from),
            member: Some(member),
        }
    }

    /// Those that are as they must be, and those of others.
    fn of_somebody(&self) -> Vec<Case> {
        let pki = &self.pki;
        let uri = client_params("node-2", &["dkv://node/node-2"]);
        let mut swapped = same(
            "a certificate of its own, and another's UUID",
            pki.show(&node("node-3", None)),
            denied("is node-2 in this cluster"),
        );
        swapped.says = ("node-3", 2);
        let mut nobody = same(
            "no certificate",
            pki.show(&node("node-2", None)),
            Outcome::Tls(Cause::Refused(Refusal::NoCertificate)),
        );
        nobody.shown = None;
        vec![
            same("its own", pki.show(&node("node-2", None)), Outcome::Served),
            same(
                "bound to it",
                pki.show(&node("node-2", Some(2))),
                Outcome::Served,
            ),
            same(
                "another program's, with its name",
                pki.sign(&uri),
                Outcome::Served,
            ),
            same(
                "through another authority",
                pki.sign_through_another(&uri),
                Outcome::Served,
            ),
            nobody,
            same(
                "another node's",
                pki.show(&node("node-3", None)),
                denied("that of node node-3, and the caller says it is node-2"),
            ),
            swapped,
            same(
                "bound to another",
                pki.show(&node("node-2", Some(9))),
                denied("is bound to node 09090909-"),
            ),
        ]
    }

    /// Those that nobody may show here.
    fn of_nobody(&self) -> Vec<Case> {
        use Refusal::{Dates, Revoked, Unfit, UnknownAuthority, WrongPurpose};
        let pki = &self.pki;
        let uri = client_params("node-2", &["dkv://node/node-2"]);
        let other = Pki::named("other authority");
        vec![
            bad("a client's", pki.show(&Request::client("node-2")), Unfit),
            bad(
                "a common name alone",
                pki.sign(&client_params("node-2", &[])),
                Unfit,
            ),
            bad(
                "a server's",
                pki.show(&Request::server("node-2", &HOSTS)),
                WrongPurpose,
            ),
            bad(
                "of another authority",
                other.show(&node("node-2", None)),
                UnknownAuthority,
            ),
            bad(
                "of its namesake",
                Pki::new().show(&node("node-2", None)),
                UnknownAuthority,
            ),
            bad(
                "expired",
                Shown::of(&pki.issue_in(-400, &node("node-2", None))),
                Dates,
            ),
            bad(
                "not valid yet",
                Shown::of(&pki.issue_in(10, &node("node-2", None))),
                Dates,
            ),
            bad("revoked", self.revoked.clone(), Revoked),
            bad("self-signed", self_signed(&uri), UnknownAuthority),
            bad("the authority itself", pki.itself(), Unfit),
        ]
    }
}

#[tokio::test]
async fn every_certificate_with_every_question_of_a_node() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for case in world.of_somebody().into_iter().chain(world.of_nobody()) {
        let outcomes = world.asks(&case).await;
        let expected = case.becomes.iter().zip(QUESTIONS);
        for (outcome, (expected, question)) in outcomes.iter().zip(expected) {
            if !outcome.is(expected) {
                let name = case.name;
                wrong.push(format!("{name}, {question}: {outcome:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    until("the log says whom it refused", || {
        let said = world.node.said();
        said.contains("client node-2, which is no node")
    });
}

#[tokio::test]
async fn a_node_asks_for_a_place_under_its_own_name_alone() {
    let world = World::new().await;
    let shown = world.pki.show(&Request::node("node-2", None, &HOSTS));
    let dialler = world.dialler(Some(&shown)).speaking(&[H2]);
    let join = world.join(world.from("node-2", 2), "node-7");
    let refused = dialler.call(&world.peer, async |channel| {
        ask::<_, Anything>(channel, "Join", join).await
    });
    let own = Outcome::Says(Code::InvalidArgument, "a place of its own".to_owned());
    let refused = refused.await;
    assert!(refused.is(&own), "{refused:?}");
}

#[tokio::test]
async fn the_peer_port_speaks_nothing_else() {
    let world = World::new().await;
    let shown = world.pki.show(&Request::node("node-2", None, &HOSTS));
    let dialler = world.dialler(Some(&shown));
    let http1 = dialler.speaking(&[HTTP1]).connect(&world.peer).await;
    assert_eq!(http1.unwrap_err().cause, Cause::NoCommonProtocol);
    let from = Some(world.from("node-2", 2));
    let without = dialler.call(&world.peer, async |channel| {
        ask::<_, Anything>(channel, "Hello", HelloRequest { from }).await
    });
    assert_eq!(without.await, Outcome::Served);
    assert_eq!(says_to(&world.peer, &old_hello()), PROTOCOL_VERSION);
    let plain = says_to(&world.peer, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(plain[0], 0x15, "{plain:?}");
    until("the log says why", || {
        let said = world.node.said();
        said.contains("does not speak TLS 1.3") && said.contains("spoke plain text")
    });
}

/// While a token is open anybody may finish a handshake: to bring a token, and for nothing
/// else.
#[tokio::test]
async fn an_open_token_lets_nobody_ask_for_anything_else() {
    let world = World::new().await;
    let alice = world.pki.show(&Request::client("alice"));
    let client = world.dialler(Some(&alice));
    let asked = v1::CreateTokenRequest {
        ttl_ms: 3_000,
        name: "node-4".to_owned(),
    };
    let made = client.call(world.node.address(), async |channel| {
        v1::cluster_client::ClusterClient::new(channel)
            .create_token(asked)
            .await
    });
    assert_eq!(made.await, Outcome::Served);
    let mut nobody = Case {
        name: "no certificate",
        shown: None,
        says: ("node-2", 2),
        becomes: [Outcome::Served, Outcome::Served, Outcome::Served],
    };
    let unknown = Outcome::Says(Code::Unauthenticated, "showed none".to_owned());
    for outcome in world.asks(&nobody).await {
        assert!(outcome.is(&unknown), "{outcome:?}");
    }
    // Nor is anything told to those who are in another cluster, or nobody at all.
    nobody.says = ("", 0);
    for outcome in world.asks(&nobody).await {
        assert!(outcome.is(&unknown), "{outcome:?}");
    }
    let guest = world.dialler(None).speaking(&[H2]);
    let enroll = async |signing_request: Vec<u8>| {
        let asked = EnrollRequest {
            token: vec![7; 16],
            name: "node-4".to_owned(),
            signing_request,
            proof: vec![7; 32],
        };
        let asking = guest.call(&world.peer, async |channel| {
            ask::<_, Anything>(channel, "Enroll", asked).await
        });
        asking.await
    };
    let guessed = enroll(Vec::new()).await;
    assert!(
        guessed.is(&denied("the token is not known here")),
        "{guessed:?}"
    );
    // A client is nobody here, and not a guest either.
    let unfit = Outcome::Tls(Cause::Refused(Refusal::Unfit));
    let from = Some(world.from("node-2", 2));
    let hello = client.call(&world.peer, async |channel| {
        ask::<_, Anything>(channel, "Hello", HelloRequest { from }).await
    });
    assert_eq!(hello.await, unfit);
    let long = enroll(vec![7; 100 << 10]).await;
    assert!(
        matches!(long, Outcome::Says(Code::OutOfRange, _)),
        "{long:?}"
    );
    // Its time is over: nobody finishes a handshake any more.
    let refused = Outcome::Tls(Cause::Refused(Refusal::NoCertificate));
    loop {
        match enroll(Vec::new()).await {
            Outcome::Says(..) => tokio::time::sleep(Duration::from_millis(100)).await,
            outcome => break assert_eq!(outcome, refused),
        }
    }
}

/// Whoever is unknown gets no token, which would make a node of it.
#[tokio::test]
async fn a_token_is_for_who_is_known() {
    let pki = Pki::new();
    pki.write("node-1", &Request::node("node-1", None, &HOSTS));
    let members = format!("node-1=127.0.0.1:{}", free_ports());
    let dir = pki.dir().to_str().unwrap();
    let words = [
        "--certs",
        dir,
        "--node-id",
        "node-1",
        "--cluster-members",
        &members,
    ];
    let node = Node::start_with(&[&words[..], &["--client-auth", "optional"]].concat());
    let asks = async |shown: Option<&Shown>| {
        let dialler = Dialler::new(&pki.ca(), shown);
        let asked = v1::CreateTokenRequest {
            ttl_ms: 1_000,
            name: String::new(),
        };
        let asking = dialler.call(node.address(), async |channel| {
            let mut client = v1::cluster_client::ClusterClient::new(channel);
            client.create_token(asked).await
        });
        asking.await
    };
    let refused = asks(None).await;
    let unknown = "does not know who asks".to_owned();
    assert!(
        refused.is(&Outcome::Says(Code::Unauthenticated, unknown)),
        "{refused:?}"
    );
    let alice = pki.show(&Request::client("alice"));
    assert_eq!(asks(Some(&alice)).await, Outcome::Served);
}
