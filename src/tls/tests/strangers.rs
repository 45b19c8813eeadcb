//! Ends that speak something else, or nothing.

use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::base::{Error, ErrorKind};
use crate::tls::fixture::Certs;
use crate::tls::{Cause, Refusal, speaks_tls};

/// A ClientHello of TLS 1.2: one cipher suite, no extensions.
fn hello_of_tls_1_2() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]);
    // The groups and signatures that every client of today sends.
    let extensions = [
        &[0, 10, 0, 4, 0, 2, 0, 23][..],
        &[0, 11, 0, 2, 1, 0],
        &[0, 13, 0, 4, 0, 2, 4, 3],
        &[0, 23, 0, 0],
    ]
    .concat();
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let mut message = vec![1, 0, 0, hello.len() as u8];
    message.extend(hello);
    let mut record = vec![0x16, 3, 1, 0, message.len() as u8];
    record.extend(message);
    record
}

/// What a server says to `bytes`, and of whom sent them.
async fn told(bytes: &[u8]) -> (Failure, Vec<u8>) {
    let certs = Certs::new();
    let server = serving(&certs.server(), ClientAuth::Required);
    let (mut near, far) = duplex(16 << 10);
    near.write_all(bytes).await.unwrap();
    let talk = async {
        let mut heard = Vec::new();
        near.shutdown().await.unwrap();
        near.read_to_end(&mut heard).await.unwrap();
        heard
    };
    let both = async { tokio::join!(accept(&server, far), talk) };
    let (accepted, heard) = tokio::time::timeout(PATIENCE, both).await.unwrap();
    (accepted.map(drop).unwrap_err(), heard)
}

/// What a client says of a server that answers with `bytes`.
async fn answered(bytes: &[u8]) -> Failure {
    let certs = Certs::new();
    let client = dialling(&certs.server(), None);
    let (near, mut far) = duplex(16 << 10);
    far.write_all(bytes).await.unwrap();
    far.shutdown().await.unwrap();
    let name = server_name("localhost").unwrap();
    let connected = connect(&client, name, near, Side::Client);
    let connected = tokio::time::timeout(PATIENCE, connected).await.unwrap();
    connected.map(drop).unwrap_err()
}

#[tokio::test]
async fn plain_text_is_told_from_tls() {
    for bytes in [
        &b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"*1\r\n$4\r\nPING\r\n",
    ] {
        let (failure, heard) = told(bytes).await;
        assert_eq!(failure.cause, Cause::PlainText);
        assert!(failure.to_string().contains("https://"), "{failure}");
        assert!(speaks_tls(&heard), "{heard:?}");
        assert!(!speaks_tls(bytes));
    }
    for bytes in [
        &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
        &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0x40, 0],
        b"-ERR unknown command\r\n",
    ] {
        let failure = answered(bytes).await;
        assert_eq!(failure.cause, Cause::PlainText);
        assert!(failure.to_string().contains("http://"), "{failure}");
        assert_eq!(Error::from(failure).kind(), ErrorKind::Invalid);
    }
}

#[tokio::test]
async fn older_versions_are_told_by_name() {
    let (failure, heard) = told(&hello_of_tls_1_2()).await;
    assert_eq!(failure.cause, Cause::OldTls);
    // A fatal alert: protocol_version.
    assert_eq!(heard[heard.len() - 2..], [2, 70], "{heard:?}");
    assert_eq!(answered(&heard).await.cause, Cause::OldTls);
}

#[tokio::test]
async fn an_end_that_hangs_up_is_no_mystery() {
    let (failure, _) = told(b"").await;
    assert_eq!(failure.cause, Cause::Closed);
    let failure = answered(b"").await;
    assert_eq!(failure.cause, Cause::Closed);
    assert!(
        failure.to_string().contains("may not speak TLS"),
        "{failure}"
    );
    assert_eq!(Error::from(failure).kind(), ErrorKind::Unavailable);

    let failure = Failure::timed_out(Side::Peer, Duration::from_secs(10));
    assert!(failure.to_string().contains("within 10 s"), "{failure}");
}

#[tokio::test]
async fn protocols_inside_must_meet() {
    let certs = Certs::new();
    let server = server_config(&material(&certs.server()), ClientAuth::None, &[b"x"]).unwrap();
    let (served, met) = meet(&server, &dialling(&certs.server(), None), "localhost").await;
    assert_eq!(served.unwrap_err().cause, Cause::NoCommonProtocol);
    assert_eq!(met.unwrap_err().cause, Cause::NoCommonProtocol);
}

/// Over real sockets: what the client has written when it is refused must not lose the alert.
#[tokio::test]
async fn a_refused_client_that_has_written_much_learns_why() {
    let certs = Certs::new();
    let (server, alice) = (certs.server(), certs.client("alice"));
    certs.revoke(&[&alice]);
    let server = serving(&server, ClientAuth::Required);
    let client = dialling(&server_files(&certs), Some(&alice));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        accept(&server, stream).await.map(drop).unwrap_err()
    };
    let dial = async {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = server_name("127.0.0.1").unwrap();
        let mut connected = connect(&client, name, stream, Side::Client).await.unwrap();
        let error = loop {
            if let Err(error) = connected.write_all(&[7; 4_096]).await {
                break error;
            }
            if let Err(error) = connected.flush().await {
                break error;
            }
        };
        (error, connected.noted())
    };
    let both = async { tokio::join!(serve, dial) };
    let (served, (error, noted)) = tokio::time::timeout(PATIENCE, both).await.unwrap();
    assert_eq!(served.cause, Cause::Revoked);
    let failure = Failure::of(Side::Client, &error).unwrap();
    assert_eq!(failure.cause, Cause::Refused(Refusal::Revoked));
    assert_eq!(noted.get(), Some(&failure));
    // A library between may keep the words alone.
    assert!(error.to_string().contains("was revoked"), "{error}");
}

fn server_files(certs: &Certs) -> Files {
    Files {
        crl: crate::tls::Crl::None,
        ..Files::in_dir(certs.path(), "server")
    }
}
