//! Files that change while they are in use.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::base::Error;
use crate::base::host::SystemRng;
use crate::tls::fixture::Certs;
use crate::tls::issue::Request;
use crate::tls::{Cause, Crl, Kept, Material, Moment};

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
#[tokio::test(start_paused = true)]
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
        // Time stands still while files are read: the first look is over when this goes on, and
        // the second has not begun.
        tokio::time::sleep(Duration::from_millis(1)).await;
        fs::write(&files.key, new_key).unwrap();
    };
    fs::write(&files.key, "neither").unwrap();
    let (reloaded, ()) = tokio::join!(kept.reload(), replace);
    assert!(reloaded.unwrap());
}

/// A node that cannot use its own certificate any more still hears who was taken back.
#[tokio::test]
async fn a_revocation_counts_whatever_is_wrong_with_the_certificate() {
    let lax = |files: &Files, _: &Certs| {
        fs::set_permissions(&files.key, fs::Permissions::from_mode(0o640)).unwrap();
    };
    let garbled = |files: &Files, _: &Certs| fs::write(&files.cert, "half of").unwrap();
    let expired = |_: &Files, certs: &Certs| {
        let request = Request::server("server", &["localhost"]).for_days(1);
        let then = Moment::now().plus_seconds(-2 * 86_400);
        let issued = certs.authority.issue_at(&request, &SystemRng, then);
        certs.write("server", &issued.unwrap());
    };
    let unfit = |_: &Files, certs: &Certs| drop(certs.issue("server", &Request::client("x")));
    let wrongs: [(&dyn Fn(&Files, &Certs), &str); 4] = [
        (&lax, "chmod 600"),
        (&garbled, "server.crt"),
        (&expired, "expired at"),
        (&unfit, "no server"),
    ];
    for (go_wrong, words) in wrongs {
        let certs = Certs::new();
        let (files, alice) = (certs.server(), certs.client("alice"));
        let chain = material(&alice).credentials.chain().to_vec();
        let fits = |new: &Material, _: Option<&Material>| match new.credentials.leaf.for_servers {
            true => Ok(()),
            false => Err(Error::invalid("no server")),
        };
        let kept = Kept::open_if(files.clone(), Box::new(fits)).await.unwrap();
        let first = serial(&kept);
        go_wrong(&files, &certs);
        certs.revoke(&[&alice]);
        let error = kept.reload().await.unwrap_err();
        assert!(error.message().contains(words), "{error}");
        let judged = kept.current().authorities.still_trust(&chain);
        assert_eq!(judged.unwrap_err().cause, Cause::Revoked, "{words}");
        assert_eq!((serial(&kept), *kept.generation().borrow()), (first, 2));
        // It is said again, and is not new again.
        assert!(kept.reload().await.is_err());
        assert_eq!(*kept.generation().borrow(), 2);
    }
}

/// Or a list that is damaged would shut out the node itself in the end.
#[tokio::test]
async fn a_certificate_is_renewed_whatever_is_wrong_with_the_authorities() {
    let certs = Certs::new();
    let files = certs.server();
    let kept = Kept::open(files.clone()).await.unwrap();
    fs::write(&files.ca, "half of").unwrap();
    certs.server();
    let error = kept.reload().await.unwrap_err();
    assert!(error.message().contains("ca.crt"), "{error}");
    let is = Credentials::read(&files.cert, &files.key).unwrap();
    assert_eq!(serial(&kept), is.leaf.serial);
}
