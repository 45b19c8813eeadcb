//! Files that change while they are in use.

use std::fs;

use super::*;
use crate::tls::fixture::Certs;
use crate::tls::issue::Request;
use crate::tls::{Cause, Crl, Kept};

fn serial(kept: &Kept) -> String {
    kept.current().credentials.leaf.serial.clone()
}

#[tokio::test]
async fn what_changes_is_in_force_once_it_is_read() {
    let certs = Certs::new();
    let files = certs.server();
    let kept = Kept::open(files.clone()).await.unwrap();
    let mut generation = kept.generation();
    let first = serial(&kept);
    assert_eq!(*generation.borrow_and_update(), 1);
    assert!(!kept.reload().await.unwrap());
    assert!(!generation.has_changed().unwrap());

    certs.server();
    assert_eq!(serial(&kept), first);
    assert!(kept.reload().await.unwrap());
    assert_ne!(serial(&kept), first);
    assert_eq!(*generation.borrow_and_update(), 2);

    // Written again with the same content.
    fs::write(&files.cert, fs::read(&files.cert).unwrap()).unwrap();
    assert!(!kept.reload().await.unwrap());
}

#[tokio::test]
async fn bad_files_leave_in_force_what_was() {
    let certs = Certs::new();
    let files = certs.server();
    let kept = Kept::open(files.clone()).await.unwrap();
    let first = serial(&kept);
    for path in [&files.cert, &files.key, &files.ca] {
        let good = fs::read(path).unwrap();
        fs::write(path, "half of").unwrap();
        let error = kept.reload().await.unwrap_err();
        assert!(error.message().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(
            (serial(&kept), *kept.generation().borrow()),
            (first.clone(), 1)
        );
        fs::write(path, good).unwrap();
        assert!(!kept.reload().await.unwrap());
    }
    fs::write(&files.ca, "").unwrap();
    assert!(Kept::open(files).await.is_err());
}

#[tokio::test]
async fn revocations_come_while_it_runs_and_do_not_go() {
    let certs = Certs::new();
    let (files, alice) = (certs.server(), certs.client("alice"));
    let kept = Kept::open(files.clone()).await.unwrap();
    let chain = material(&alice).credentials.chain().to_vec();
    assert_eq!(kept.current().authorities.still_trust(&chain), Ok(()));

    let list = certs.revoke(&[&alice]);
    assert!(kept.reload().await.unwrap());
    let refused = kept.current().authorities.still_trust(&chain).unwrap_err();
    assert_eq!(refused.cause, Cause::Revoked);

    fs::remove_file(&list).unwrap();
    let error = kept.reload().await.unwrap_err();
    assert!(error.message().contains("ca.crl is gone"), "{error}");
    assert!(kept.current().authorities.still_trust(&chain).is_err());

    // Without a list in the first place nothing is asked of it.
    let never = Files {
        crl: Crl::None,
        ..files
    };
    let kept = Kept::open(never).await.unwrap();
    assert!(!kept.reload().await.unwrap());
}

/// A key and its certificate are two files: who replaces both is between them for a moment.
#[tokio::test]
async fn a_pair_that_is_replaced_meanwhile_is_read_again() {
    let certs = Certs::new();
    let files = certs.server();
    let kept = Kept::open(files.clone()).await.unwrap();
    let key = fs::read(&files.key).unwrap();
    certs.issue("server", &Request::server("server", &["localhost"]));
    let new_key = fs::read(&files.key).unwrap();
    fs::write(&files.key, key).unwrap();
    assert!(kept.reload().await.is_err());
    let replace = async {
        // The first look is over when this runs: it does not wait for anything.
        fs::write(&files.key, new_key).unwrap();
    };
    fs::write(&files.key, "neither").unwrap();
    let (reloaded, ()) = tokio::join!(kept.reload(), replace);
    assert!(reloaded.unwrap());
}
