//! A node that brings a token, and those who say that they are a member.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use prost::Message;
use tempfile::TempDir;
use tokio::sync::watch;

use super::tokens::Token;
use super::{Registrar, Waiting, certify};
use crate::base::host::{Host, SystemRng};
use crate::base::types::NodeId;
use crate::base::{Error, ErrorKind, Result, limits};
use crate::proto::peer::{EnrollReply, EnrollRequest, HelloReply, JoinReply, JoinRequest};
use crate::server::peer::{Duties, Joining, Myself, PeerLinks, PeerServer, PeerService, Road};
use crate::server::port::{GuestBounds, Security};
use crate::server::settings::{ClusterConfig, ServeConfig, TlsConfig};
use crate::tls::fixture::{Certs, leaf_of};
use crate::tls::issue::{self, Folder, Request, Revocations, Revoked};
use crate::tls::{ClientAuth, Crl, Files, Kept, Moment};

const MINUTE: Duration = Duration::from_mins(1);

struct NoPlace;

impl Joining for NoPlace {
    fn join(&self, _: JoinRequest) -> futures_util::future::BoxFuture<'_, Result<JoinReply>> {
        async { Err(Error::unavailable("no place")) }.boxed()
    }
}

type Answer = dyn Fn(EnrollRequest) -> Result<EnrollReply> + Send + Sync;

/// Somebody at an address who shows a certificate, and what was asked there.
struct Somebody {
    address: String,
    asked: Arc<Mutex<Vec<EnrollRequest>>>,
    _stop: watch::Sender<bool>,
}

impl Somebody {
    /// Shows what is in `files`, and answers so.
    async fn start(files: Files, auth: ClientAuth, answer: Arc<Answer>) -> Self {
        let host = Host::system();
        let kept = Arc::new(Kept::open(files).await.unwrap());
        let road = Road::Secured(kept.clone());
        let myself = Myself::new(NodeId([3; 16]), "node-3", None, &*host.rng, road);
        let links = PeerLinks::new(&host, myself);
        let (stop, stopping) = watch::channel(false);
        let asked = Arc::new(Mutex::new(Vec::new()));
        let asking = asked.clone();
        let enroll = move |request: EnrollRequest| {
            asking.lock().push(request.clone());
            let answer = answer.clone();
            async move { answer(request) }.boxed()
        };
        let duties = Duties {
            hello: Arc::new(HelloReply::default),
            is_member: Arc::new(|_| false),
            name_of: Arc::new(|_| None),
            joining: Arc::new(NoPlace),
            enroll: Arc::new(enroll),
        };
        let service = PeerService::new(links, host.clock, duties, stopping.clone());
        let server = PeerServer::bind("127.0.0.1:0".parse().unwrap()).await;
        let server = server.unwrap();
        let address = server.address().to_string();
        let security = Security::new(kept, Arc::new(move || auth), &[b"h2"]);
        let security = security.for_nodes().with_guests(GuestBounds {
            total: limits::PEER_GUESTS_MAX,
            per_address: limits::PEER_GUESTS_PER_ADDRESS_MAX,
            within: MINUTE,
        });
        tokio::spawn(server.serve(service, Some(security), stopping));
        Self {
            address,
            asked,
            _stop: stop,
        }
    }
}

/// node-4, which has nothing but a token.
struct Joiner {
    dir: TempDir,
    config: ServeConfig,
}

impl Joiner {
    fn new(token: &Token, join: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (certs, file) = (dir.path().join("certs"), dir.path().join("token"));
        std::fs::write(&file, token.text()).unwrap();
        let tls = TlsConfig {
            files: Files::in_dir(&certs, "node-4"),
            client_auth: ClientAuth::Required,
            certs: Some(certs),
            join_token: Some(file),
        };
        let cluster = ClusterConfig {
            join: Some(join.to_owned()),
            ..ClusterConfig::default()
        };
        let config = ServeConfig {
            node_id: Some("node-4".to_owned()),
            tls: Some(tls),
            cluster,
            ..ServeConfig::default()
        };
        Self { dir, config }
    }

    async fn certify(&self) -> Result<()> {
        let waiting = Waiting::default();
        let asking = certify(&self.config, &waiting);
        let asked = tokio::time::timeout(MINUTE, asking).await;
        asked.expect("it must end by itself")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("certs").join(name)
    }

    /// What it keeps, but for what was there before.
    fn keeps_nothing(&self) -> bool {
        ["ca.crt", "ca.crl", "node-4.crt", "node-4.key"]
            .iter()
            .all(|name| !self.file(name).exists())
    }
}

/// A revoked member knows the authority's good name, and stands on the way to a member.
#[tokio::test]
async fn who_stands_on_the_way_with_a_revoked_certificate_learns_no_secret() {
    let certs = Certs::new();
    let revoked = certs.node("node-3");
    certs.revoke(&[&revoked]);
    let refuse: Arc<Answer> = Arc::new(|_| Err(Error::invalid("no")));
    // Its own view: it keeps no list.
    let mut files = revoked.clone();
    files.crl = Crl::None;
    let thief = Somebody::start(files, ClientAuth::Optional, refuse).await;
    let token = Token {
        authority: certs.authority.digest(),
        secret: *b"a secret that nobody else knows!",
    };
    let joiner = Joiner::new(&token, &thief.address);
    joiner.certify().await.unwrap_err();
    let asked = thief.asked.lock().clone();
    assert_eq!(asked.len(), 1);
    let said = asked[0].encode_to_vec();
    let is_in = said.windows(32).any(|bytes| bytes == token.secret);
    assert!(!is_in, "the secret itself was sent");
}

/// What a member answers that has made the token.
fn signed(certs: &Certs, asked: &EnrollRequest, name: &str) -> EnrollReply {
    let request = Request::node(name, None, &["localhost"]);
    let signed = certs
        .authority
        .sign_request(&request, &asked.signing_request, &SystemRng);
    EnrollReply {
        certificate: signed.unwrap(),
        authority: certs.authority.certificate_pem().to_owned(),
        ..EnrollReply::default()
    }
}

/// Whoever is at the address makes up an authority of its own, leaves out the list of those
/// that are revoked, or gives what nobody asked for.
#[tokio::test]
async fn a_reply_that_is_not_what_was_asked_for_is_not_kept() {
    let (certs, other) = (Arc::new(Certs::new()), Arc::new(Certs::new()));
    let token = Token {
        authority: certs.authority.digest(),
        secret: [7; 32],
    };
    let made_up = (other.clone(), token.clone());
    let (unproven, renamed) = (certs.clone(), (certs.clone(), token.clone()));
    let answers: [(&str, Arc<Answer>); 3] = [
        (
            "another authority's",
            Arc::new(move |asked| Ok(made_up.1.vouch(signed(&made_up.0, &asked, "node-4")))),
        ),
        (
            "of somebody who has not the token",
            Arc::new(move |asked| Ok(signed(&unproven, &asked, "node-4"))),
        ),
        (
            "for another node",
            Arc::new(move |asked| Ok(renamed.1.vouch(signed(&renamed.0, &asked, "node-5")))),
        ),
    ];
    for (case, answer) in answers {
        let liar = Somebody::start(certs.node("node-3"), ClientAuth::Optional, answer).await;
        let joiner = Joiner::new(&token, &liar.address);
        let refused = joiner.certify().await.expect_err(case);
        assert!(
            refused.message().contains("nothing of that is kept"),
            "{case}: {refused}"
        );
        assert!(joiner.keeps_nothing(), "{case}");
    }
}

#[tokio::test]
async fn an_authority_that_is_there_is_not_replaced() {
    let (certs, other) = (Arc::new(Certs::new()), Certs::new());
    let token = Token {
        authority: certs.authority.digest(),
        secret: [7; 32],
    };
    let (signing, vouching) = (certs.clone(), token.clone());
    let answer: Arc<Answer> =
        Arc::new(move |asked| Ok(vouching.vouch(signed(&signing, &asked, "node-4"))));
    let member = Somebody::start(certs.node("node-3"), ClientAuth::Optional, answer).await;
    let joiner = Joiner::new(&token, &member.address);
    Folder::create(&joiner.dir.path().join("certs")).unwrap();
    std::fs::write(joiner.file("ca.crt"), other.authority.certificate_pem()).unwrap();
    let refused = joiner.certify().await.unwrap_err();
    assert!(refused.message().contains("ca.crt is there"), "{refused}");
    assert!(member.asked.lock().is_empty(), "the token is still good");
    // One that has both is kept as it is.
    let both = format!(
        "{}{}",
        other.authority.certificate_pem(),
        certs.authority.certificate_pem()
    );
    std::fs::write(joiner.file("ca.crt"), &both).unwrap();
    joiner.certify().await.unwrap();
    assert_eq!(
        std::fs::read_to_string(joiner.file("ca.crt")).unwrap(),
        both
    );
    Kept::open(Files::in_dir(&joiner.dir.path().join("certs"), "node-4"))
        .await
        .unwrap();
}

/// A directory that was made ready may know more of the revoked than the member.
#[tokio::test]
async fn a_later_list_that_is_there_stays() {
    let certs = Arc::new(Certs::new());
    let list = |number: u64, serials: &[&str]| {
        let revoked = serials.iter().map(|serial| Revoked {
            serial: (*serial).to_owned(),
            at: Moment::now(),
        });
        let list = Revocations {
            number,
            revoked: revoked.collect(),
        };
        list.sign(&certs.authority, Moment::now()).unwrap()
    };
    let (earlier, later, last) = (
        list(1, &["1a"]),
        list(5, &["1a", "2b"]),
        list(9, &["1a", "2b", "3c"]),
    );
    for (there, brought, stays) in [(&later, &earlier, &later), (&later, &last, &last)] {
        let token = Token {
            authority: certs.authority.digest(),
            secret: [7; 32],
        };
        let (signing, vouching, brought) = (certs.clone(), token.clone(), brought.clone());
        let answer: Arc<Answer> = Arc::new(move |asked| {
            let reply = signed(&signing, &asked, "node-4");
            let revoked = brought.clone();
            Ok(vouching.vouch(EnrollReply { revoked, ..reply }))
        });
        let member = Somebody::start(certs.node("node-3"), ClientAuth::Optional, answer).await;
        let joiner = Joiner::new(&token, &member.address);
        Folder::create(&joiner.dir.path().join("certs")).unwrap();
        std::fs::write(joiner.file("ca.crt"), certs.authority.certificate_pem()).unwrap();
        std::fs::write(joiner.file("ca.crl"), there).unwrap();
        joiner.certify().await.unwrap();
        let kept = std::fs::read_to_string(joiner.file("ca.crl")).unwrap();
        assert_eq!(&kept, stays);
    }
}

/// A member that signs, in a directory as `dkv cert` makes it.
async fn registrar(certs: &Certs, shown: &Files) -> Registrar {
    std::fs::set_permissions(certs.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let tls = TlsConfig {
        files: shown.clone(),
        client_auth: ClientAuth::Required,
        certs: Some(certs.path().to_owned()),
        join_token: None,
    };
    let kept = Arc::new(Kept::open(shown.clone()).await.unwrap());
    Registrar::new(&Host::system(), Some(&tls), Some(kept))
}

/// When the machine of the node is gone, its certificate is to be revoked by its name.
#[tokio::test]
async fn what_was_given_for_a_token_is_kept_where_it_can_be_revoked() {
    let certs = Certs::new();
    let registrar = registrar(&certs, &certs.node("node-1")).await;
    let enroll = |name: &str| {
        let token = registrar.create_token(MINUTE, None).unwrap();
        let (der, _) = issue::new_request(&["localhost"]).unwrap();
        let asked = token.request(name, der);
        let given = registrar.enroll(&asked, |name| name == "node-1");
        given.inspect(|reply| assert!(token.vouches(reply)))
    };
    let given = enroll("node-4").unwrap();
    let kept = std::fs::read_to_string(certs.path().join("node-4.crt")).unwrap();
    assert_eq!(kept, given.certificate);
    assert!(!certs.path().join("node-4.key").exists());
    // As long as it is good nobody takes its place there: nor that of whoever has a key here.
    certs.node("node-2");
    for name in ["node-4", "node-2", "node-1", "ca", "Client", "../node-5"] {
        let refused = enroll(name).err().unwrap_or_else(|| panic!("{name}"));
        let is_known = matches!(refused.kind(), ErrorKind::Denied | ErrorKind::Invalid);
        assert!(is_known, "{name}: {refused}");
    }
    assert_eq!(
        std::fs::read_to_string(certs.path().join("node-4.crt")).unwrap(),
        kept
    );
    let folder = Folder::open(certs.path()).unwrap();
    let serial = leaf_of(&kept).serial;
    folder
        .revoke(
            &certs.authority,
            std::slice::from_ref(&serial),
            Moment::now(),
        )
        .unwrap();
    let again = enroll("node-4").unwrap();
    assert_ne!(leaf_of(&again.certificate).serial, serial);
    assert!(!again.revoked.is_empty());
}

/// No node could tell who this member is.
#[tokio::test]
async fn a_member_that_no_node_would_know_makes_no_token() {
    let (certs, other) = (Certs::new(), Certs::new());
    let shown = certs.node("node-1");
    // As other programs write it: without its authority.
    let whole = std::fs::read_to_string(&shown.cert).unwrap();
    let end = "-----END CERTIFICATE-----\n";
    let first = whole.find(end).unwrap() + end.len();
    std::fs::write(&shown.cert, &whole[..first]).unwrap();
    let refused = registrar(&certs, &shown).await.create_token(MINUTE, None);
    let refused = refused.err().unwrap();
    assert!(refused.message().contains("dkv cert rotate"), "{refused}");
    // Of another authority than the one whose key is there.
    let foreign = other.node("node-1");
    let refused = registrar(&certs, &foreign).await.create_token(MINUTE, None);
    assert_eq!(refused.err().unwrap().kind(), ErrorKind::Invalid);
    std::fs::write(&shown.cert, &whole).unwrap();
    assert!(
        registrar(&certs, &shown)
            .await
            .create_token(MINUTE, None)
            .is_ok()
    );
}

/// The port asks everybody for a certificate again: no token is open there.
#[tokio::test]
async fn who_brings_a_token_to_a_closed_port_reads_that_it_is_not_known_there() {
    let certs = Certs::new();
    let token = Token {
        authority: certs.authority.digest(),
        secret: [7; 32],
    };
    let never: Arc<Answer> = Arc::new(|_| Err(Error::internal("it was let in")));
    let member = Somebody::start(certs.node("node-3"), ClientAuth::Required, never).await;
    let refused = Joiner::new(&token, &member.address).certify().await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    let words = "used up, its time is over, or another member made it";
    assert!(refused.message().contains(words), "{refused}");
}
