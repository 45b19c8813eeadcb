//! Each way of not getting in, by certificates: who notices, and what both ends say.

use std::fs;

use super::*;
use crate::base::host::SystemRng;
use crate::base::{Error, ErrorKind};
use crate::tls::fixture::Certs;
use crate::tls::issue::Request;
use crate::tls::{Cause, Crl, Kind, Moment, Refusal};

/// The words of both ends, which must name something to type.
fn causes(met: Met) -> (Cause, Cause) {
    let server = met.0.map(drop).unwrap_err();
    let client = met.1.map(drop).unwrap_err();
    (server.cause, client.cause)
}

#[tokio::test]
async fn both_ends_know_each_other() {
    let certs = Certs::new();
    let (server, alice) = (certs.server(), certs.client("alice"));
    let serving = serving(&server, ClientAuth::Required);
    for host in ["localhost", "127.0.0.1"] {
        let met = meet(&serving, &dialling(&alice, Some(&alice)), host).await;
        let (accepted, connected) = (met.0.unwrap(), met.1.unwrap());
        assert_eq!(accepted.protocol.as_deref(), Some(&b"h2"[..]));
        assert_eq!(connected.protocol(), Some(&b"h2"[..]));
        let peer = accepted.peer.unwrap();
        assert_eq!(peer.identity().to_string(), "client alice");
        assert_eq!(connected.peer().identity().kind, Kind::Server);
        assert!(connected.noted().get().is_none());
        let version = accepted.stream.get_ref().1.protocol_version();
        assert_eq!(version, Some(rustls::ProtocolVersion::TLSv1_3));
    }
}

#[tokio::test]
async fn nodes_dial_each_other_with_one_certificate() {
    let certs = Certs::new();
    let (n1, n2) = (certs.node("n1"), certs.node("n2"));
    let (serving, dialling) = (serving(&n1, ClientAuth::Required), dialling(&n2, Some(&n2)));
    let met = meet(&serving, &dialling, "localhost").await;
    assert_eq!(
        met.0.unwrap().peer.unwrap().identity().to_string(),
        "node n2"
    );
    assert_eq!(met.1.unwrap().peer().identity().to_string(), "node n1");
}

#[tokio::test]
async fn whether_a_client_shows_itself_is_up_to_the_server() {
    let certs = Certs::new();
    let (server, alice) = (certs.server(), certs.client("alice"));
    let silent = dialling(&alice, None);
    let shown = dialling(&alice, Some(&alice));
    for (auth, client, named) in [
        (ClientAuth::None, &silent, false),
        (ClientAuth::None, &shown, false),
        (ClientAuth::Optional, &silent, false),
        (ClientAuth::Optional, &shown, true),
    ] {
        let met = meet(&serving(&server, auth), client, "localhost").await;
        assert_eq!(met.0.unwrap().peer.is_some(), named, "{auth:?}");
        met.1.unwrap();
    }

    let serving = serving(&server, ClientAuth::Required);
    let (server, client) = meet(&serving, &silent, "localhost").await;
    let (server, client) = (server.unwrap_err(), client.unwrap_err());
    assert_eq!(server.cause, Cause::NoCertificate);
    assert_eq!(client.cause, Cause::Refused(Refusal::NoCertificate));
    assert_eq!(
        client.to_string(),
        "the server asks for a certificate, and none was given: give one with --certs DIR, or \
         --cert FILE and --key FILE (`dkv cert client` issues it)"
    );
    assert_eq!(Error::from(client).kind(), ErrorKind::Unauthenticated);
    assert!(server.to_string().contains("--client-auth optional"));
}

#[tokio::test]
async fn an_authority_that_is_not_trusted_is_told_on_both_ends() {
    let (ours, theirs) = (Certs::new(), Certs::named("another"));
    // A name is not enough either: its signature must be of the same key.
    let namesake = Certs::new();
    for stranger in [&theirs, &namesake] {
        let (server, alice) = (ours.server(), stranger.client("alice"));
        let serving = serving(&server, ClientAuth::Required);
        let met = meet(&serving, &dialling(&alice, None), "localhost").await;
        let unknown = (
            Cause::Refused(Refusal::UnknownAuthority),
            Cause::UnknownAuthority,
        );
        assert_eq!(causes(met), unknown);

        let met = meet(&serving, &dialling(&server, Some(&alice)), "localhost").await;
        assert_eq!(causes(met), (unknown.1, unknown.0));
    }
}

#[tokio::test]
async fn a_certificate_for_other_hosts_says_for_which() {
    let certs = Certs::new();
    let server = certs.server();
    let client = dialling(&server, None);
    let serving = serving(&server, ClientAuth::None);
    for host in ["db.example.com", "10.0.0.7", "server"] {
        let (served, met) = meet(&serving, &client, host).await;
        assert_eq!(
            served.unwrap_err().cause,
            Cause::Refused(Refusal::Unfit),
            "{host}"
        );
        assert_eq!(
            met.unwrap_err().to_string(),
            format!(
                "the server's certificate is for localhost, 127.0.0.1, not for {host}: dial one \
                 of those, give it with --server-name NAME, or issue a certificate with `dkv \
                 cert server --host {host}`"
            )
        );
    }
}

#[tokio::test]
async fn dates_are_kept_on_both_ends() {
    let certs = Certs::new();
    let now = Moment::now();
    let (good, alice) = (certs.server(), certs.client("alice"));
    for (begun, is_over) in [
        (now.plus_seconds(-2 * 86_400), true),
        (now.plus_days(2), false),
    ] {
        let issue = |request: &Request| {
            let request = request.clone().for_days(1);
            certs.authority.issue_at(&request, &SystemRng, begun)
        };
        // Such files are not even read: what is on the wire is judged all the same.
        let bad = issue(&Request::client("bob")).unwrap();
        let files = certs.write("bob", &bad);
        let refused = Credentials::read(&files.cert, &files.key).unwrap_err();
        let said = if is_over {
            "expired at"
        } else {
            "is valid from"
        };
        assert!(refused.message().contains(said), "{refused}");

        let leaf = |pem: &str| crate::tls::fixture::leaf_of(pem);
        let from = leaf(&bad.certificate_pem).not_before;
        let until = leaf(&bad.certificate_pem).not_after;
        let chain = crate::tls::fixture::chain_of(&bad.certificate_pem);
        let judged = material(&alice).authorities.still_trust(&chain);
        let expected = if is_over {
            Cause::Expired(Some(until))
        } else {
            Cause::NotYetValid(Some(from))
        };
        assert_eq!(judged.unwrap_err().cause, expected);

        let request = Request::server("server", &["localhost"]);
        let server = crate::tls::fixture::unchecked(&issue(&request).unwrap(), &alice);
        let server = server_config(&server, ClientAuth::None, &[b"h2"]).unwrap();
        let met = meet(&server, &dialling(&alice, None), "localhost").await;
        let (server, client) = causes(met);
        assert_eq!(server, Cause::Refused(Refusal::Dates));
        assert!(
            matches!(client, Cause::Expired(_) | Cause::NotYetValid(_)),
            "{client:?}"
        );

        let shown = crate::tls::fixture::unchecked(&bad, &good);
        let authorities = Authorities::read(&good.ca, &Crl::None).unwrap();
        let client = client_config(&authorities, Some(&shown.credentials), &[b"h2"]).unwrap();
        let met = meet(&serving(&good, ClientAuth::Required), &client, "localhost").await;
        assert_eq!(causes(met), (expected, Cause::Refused(Refusal::Dates)));
    }
}

#[tokio::test]
async fn what_was_revoked_stays_out_and_others_get_in() {
    let certs = Certs::new();
    let (server, alice, bob) = (certs.server(), certs.client("alice"), certs.client("bob"));
    certs.revoke(&[&alice]);
    let serving = serving(&server, ClientAuth::Required);
    let met = meet(&serving, &dialling(&bob, Some(&bob)), "localhost").await;
    met.0.unwrap();
    let met = meet(&serving, &dialling(&alice, Some(&alice)), "localhost").await;
    assert_eq!(
        causes(met),
        (Cause::Revoked, Cause::Refused(Refusal::Revoked))
    );
    let authorities = &material(&server).authorities;
    let chain = |files: &Files| material(files).credentials.chain().to_vec();
    assert_eq!(authorities.still_trust(&chain(&bob)), Ok(()));
    let refused = authorities.still_trust(&chain(&alice)).unwrap_err();
    assert_eq!(refused.cause, Cause::Revoked);

    certs.revoke(&[&server]);
    let met = meet(&serving, &dialling(&bob, Some(&bob)), "localhost").await;
    assert_eq!(
        causes(met),
        (Cause::Refused(Refusal::Revoked), Cause::Revoked)
    );
}

#[tokio::test]
async fn an_authority_without_a_list_has_revoked_nobody() {
    let (first, second) = (Certs::new(), Certs::named("the next"));
    let (server, alice) = (first.server(), first.client("alice"));
    let bob = second.client("bob");
    first.revoke(&[&alice]);
    let both = fs::read_to_string(&server.ca).unwrap() + &fs::read_to_string(&bob.ca).unwrap();
    fs::write(&server.ca, both).unwrap();
    let serving = serving(&server, ClientAuth::Required);
    let met = meet(&serving, &dialling(&server, Some(&bob)), "localhost").await;
    met.0.unwrap();
    let met = meet(&serving, &dialling(&server, Some(&alice)), "localhost").await;
    assert_eq!(met.0.map(drop).unwrap_err().cause, Cause::Revoked);
}

#[tokio::test]
async fn a_certificate_is_for_one_end_unless_it_is_a_nodes() {
    let certs = Certs::new();
    let (server, alice) = (certs.server(), certs.client("alice"));
    let refused = server_config(&material(&alice), ClientAuth::None, &[]).unwrap_err();
    assert!(refused.message().contains("not for servers"), "{refused}");
    let authorities = Authorities::read(&server.ca, &server.crl).unwrap();
    let shown = material(&server).credentials;
    let refused = client_config(&authorities, Some(&shown), &[]).unwrap_err();
    assert!(refused.message().contains("not for clients"), "{refused}");

    // Another program may show them all the same.
    let mut lying = material(&server);
    lying.credentials.leaf.for_clients = true;
    let client = client_config(&authorities, Some(&lying.credentials), &[b"h2"]).unwrap();
    let met = meet(
        &serving(&server, ClientAuth::Required),
        &client,
        "localhost",
    )
    .await;
    assert_eq!(
        causes(met),
        (Cause::WrongPurpose, Cause::Refused(Refusal::WrongPurpose))
    );
    let mut lying = material(&alice);
    lying.credentials.leaf.for_servers = true;
    let lying = server_config(&lying, ClientAuth::None, &[b"h2"]).unwrap();
    let met = meet(&lying, &dialling(&server, None), "localhost").await;
    assert_eq!(
        causes(met),
        (Cause::Refused(Refusal::WrongPurpose), Cause::WrongPurpose)
    );
}
