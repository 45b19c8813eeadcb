//! The client and TLS: what it speaks, and what people read when that fails.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::fake::Fake;
use super::reach::LONG;
use crate::base::{Error, ErrorKind};
use crate::client::{Client, ClientOptions, Pem, TlsOptions, WatchOptions};
use crate::tls::fixture::{Certs, material};
use crate::tls::issue::Request;
use crate::tls::{ClientAuth, Files, accept, server_config};

/// TLS in front of a fake.
struct Front {
    endpoint: String,
    serving: JoinHandle<()>,
}

impl Front {
    async fn of(fake: &Fake, files: &Files, auth: ClientAuth) -> Self {
        let config = server_config(&material(files), auth, &[b"h2"]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = listener.local_addr().unwrap().to_string();
        let behind = fake.endpoint.clone();
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (config, behind) = (Arc::clone(&config), behind.clone());
                tokio::spawn(async move {
                    let Ok(mut accepted) = accept(&config, stream).await else {
                        return;
                    };
                    let mut behind = TcpStream::connect(behind).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut accepted.stream, &mut behind).await;
                });
            }
        });
        Self { endpoint, serving }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// One that tries again, if that may help.
async fn client(endpoint: &str, tls: Option<TlsOptions>) -> Client {
    Client::connect(options(endpoint, tls)).await.unwrap()
}

fn options(endpoint: &str, tls: Option<TlsOptions>) -> ClientOptions {
    ClientOptions {
        timeout: LONG,
        tls,
        ..ClientOptions::to(endpoint)
    }
}

/// What a person reads of a write and of a question, which go different ways.
async fn refused(endpoint: &str, tls: Option<TlsOptions>) -> Error {
    let client = client(endpoint, tls).await;
    let error = client.set("k", "v").await.unwrap_err();
    let described = client.describe().await.unwrap_err();
    assert_eq!(described.message(), error.message());
    assert_eq!(described.kind(), error.kind());
    let asked = client.cluster().unwrap().status().await.unwrap_err();
    assert_eq!(asked.message(), error.message());
    let watched = client.watch(WatchOptions::key("k")).await.err().unwrap();
    assert_eq!(watched.message(), error.message());
    error
}

fn assert_says(error: &Error, kind: ErrorKind, words: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    for word in words {
        assert!(error.message().contains(word), "`{word}` in: {error}");
    }
}

#[tokio::test]
async fn calls_go_over_tls_with_and_without_a_certificate() {
    let (fake, certs) = (Fake::local(1).await, Certs::new());
    let front = Front::of(&fake, &certs.server(), ClientAuth::Required).await;
    certs.client("client");
    let shown = client(&front.endpoint, Some(TlsOptions::in_dir(certs.path()))).await;
    shown.set("a", "1").await.unwrap();
    shown.describe().await.unwrap();

    let open = Front::of(&fake, &certs.server(), ClientAuth::None).await;
    let ca = std::fs::read(certs.path().join("ca.crt")).unwrap();
    let nobody = TlsOptions::trusting(Pem::Bytes(ca));
    let nobody = client(&format!("https://{}", open.endpoint), Some(nobody)).await;
    assert_eq!(&nobody.get("a").await.unwrap().unwrap().value[..], b"1");
}

#[tokio::test]
async fn a_server_that_wants_a_certificate_says_so_to_whoever_gives_none_or_a_wrong_one() {
    let (fake, certs) = (Fake::local(1).await, Certs::new());
    let front = Front::of(&fake, &certs.server(), ClientAuth::Required).await;
    let none = TlsOptions::in_dir(certs.path());
    let error = refused(&front.endpoint, Some(none.clone())).await;
    let none_given = ["none was given", "--cert FILE", "--key FILE"];
    assert_says(&error, ErrorKind::Unauthenticated, &none_given);

    let others = Certs::named("another authority");
    let strange = others.client("alice");
    let shown = TlsOptions {
        certificate: Some(Pem::from(strange.cert)),
        key: Some(Pem::from(strange.key)),
        ..none
    };
    let error = refused(&front.endpoint, Some(shown)).await;
    assert_says(&error, ErrorKind::Unauthenticated, &["does not trust"]);
    assert_eq!(fake.requests(), 0);
}

#[tokio::test]
async fn a_server_is_trusted_for_its_authority_and_its_hosts_alone() {
    let (fake, certs) = (Fake::local(1).await, Certs::new());
    let files = certs.issue("server", &Request::server("server", &["db.example"]));
    let front = Front::of(&fake, &files, ClientAuth::None).await;
    let trusting = TlsOptions::trusting(files.ca);
    let error = refused(&front.endpoint, Some(trusting.clone())).await;
    let words = ["db.example", "not for 127.0.0.1", "--server-name"];
    assert_says(&error, ErrorKind::Unauthenticated, &words);

    let named = TlsOptions {
        server_name: Some("db.example".to_owned()),
        ..trusting
    };
    let named = client(&front.endpoint, Some(named)).await;
    named.set("a", "1").await.unwrap();

    let others = Certs::named("another authority");
    let others = TlsOptions::trusting(others.path().join("ca.crt"));
    let error = refused(&front.endpoint, Some(others)).await;
    assert_says(
        &error,
        ErrorKind::Unauthenticated,
        &["--ca FILE", "--certs DIR"],
    );
}

#[tokio::test]
async fn one_end_alone_that_speaks_tls_is_told_apart() {
    let (fake, certs) = (Fake::local(1).await, Certs::new());
    let front = Front::of(&fake, &certs.server(), ClientAuth::None).await;
    let error = refused(&front.endpoint, None).await;
    let words = ["the server speaks TLS", "--certs DIR", "--ca FILE"];
    assert_says(&error, ErrorKind::Invalid, &words);

    let tls = TlsOptions::in_dir(certs.path());
    let error = client(&fake.endpoint, Some(tls)).await;
    let error = error.set("k", "v").await.unwrap_err();
    assert_says(
        &error,
        ErrorKind::Invalid,
        &["does not speak TLS", "http://"],
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_named_before_anything_is_dialled() {
    let certs = Certs::new();
    let error = Client::connect(options("https://a:1", None)).await;
    assert_says(&error.unwrap_err(), ErrorKind::Invalid, &["--ca FILE"]);

    let missing = TlsOptions::trusting(certs.path().join("none.crt"));
    let error = Client::connect(options("a:1", Some(missing))).await;
    assert_says(&error.unwrap_err(), ErrorKind::Invalid, &["none.crt"]);

    let files = certs.client("client");
    std::fs::remove_file(&files.key).unwrap();
    let half = TlsOptions::in_dir(certs.path());
    let error = Client::connect(options("a:1", Some(half.clone()))).await;
    assert_says(&error.unwrap_err(), ErrorKind::Invalid, &["client.key"]);

    let server = certs.server();
    let wrong = TlsOptions {
        certificate: Some(Pem::from(server.cert)),
        key: Some(Pem::from(server.key)),
        ..half
    };
    let error = Client::connect(options("a:1", Some(wrong))).await;
    assert_says(
        &error.unwrap_err(),
        ErrorKind::Invalid,
        &["not for clients"],
    );
}

#[tokio::test]
async fn files_that_changed_are_read_for_the_next_connection_if_they_are_good() {
    let (fake, certs) = (Fake::local(1).await, Certs::new());
    let front = Front::of(&fake, &certs.server(), ClientAuth::None).await;
    let others = Certs::named("another authority");
    let ca = others.path().join("ca.crt");
    let client = client(&front.endpoint, Some(TlsOptions::trusting(ca.clone()))).await;
    client.set("a", "1").await.unwrap_err();
    std::fs::write(&ca, "no certificate").unwrap();
    let error = client.set("a", "1").await.unwrap_err();
    assert_says(&error, ErrorKind::Unauthenticated, &["--ca FILE"]);
    std::fs::copy(certs.path().join("ca.crt"), &ca).unwrap();
    client.set("a", "1").await.unwrap();
}

#[tokio::test]
async fn a_leader_that_another_node_named_is_dialled_with_tls_too() {
    let (fake, certs) = (Fake::replicated(1).await, Certs::new());
    let first = Front::of(&fake, &certs.server(), ClientAuth::None).await;
    let second = Front::of(&fake, &certs.server(), ClientAuth::None).await;
    let tls = TlsOptions::in_dir(certs.path());
    let client = client(&first.endpoint, Some(tls)).await;
    fake.state.lock().leader = second.endpoint.clone();
    client.set("a", "1").await.unwrap();
    drop(first);
    fake.state.lock().leader = String::new();
    let sent = tokio::time::timeout(Duration::from_secs(60), client.set("a", "2"));
    sent.await.unwrap().unwrap();
}
