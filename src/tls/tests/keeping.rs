//! Files that change while they are in use.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::base::Error;
use crate::base::host::SystemRng;
use crate::tls::fixture::{Certs, chain_of};
use crate::tls::issue::{Request, Revoked};
use crate::tls::{Cause, Crl, Kept, Material, Moment, Peer};

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

/// Or whoever was shut out would be let in again by a copy from before.
#[tokio::test]
async fn a_list_from_before_is_refused_and_changes_nothing() {
    let certs = Certs::new();
    let (files, alice) = (certs.server(), certs.client("alice"));
    let chain = material(&alice).credentials.chain().to_vec();
    let alice = Revoked {
        serial: material(&alice).credentials.leaf.serial,
        at: Moment::now(),
    };
    certs.revoke_as(300, vec![alice.clone()]);
    let kept = Kept::open(files.clone()).await.unwrap();
    for number in [299, 2, 0] {
        let list = certs.revoke_as(number, Vec::new());
        let error = kept.reload().await.unwrap_err();
        for words in [list.to_str().unwrap(), &format!("number {number}"), "300"] {
            assert!(error.message().contains(words), "{error}");
        }
        assert!(kept.current().authorities.still_trust(&chain).is_err());
    }
    // One behind a newer one counts for nothing, and neither does it if it is the first.
    let new = fs::read_to_string(certs.revoke_as(301, vec![alice.clone()])).unwrap();
    let old = fs::read_to_string(certs.revoke_as(2, Vec::new())).unwrap();
    fs::write(certs.path().join("ca.crl"), old + &new).unwrap();
    assert!(kept.reload().await.unwrap());
    assert!(kept.current().authorities.still_trust(&chain).is_err());
    certs.revoke_as(302, vec![alice]);
    assert!(kept.reload().await.unwrap());
    assert!(kept.current().authorities.still_trust(&chain).is_err());

    // That of another authority says nothing of this one's.
    let other = Certs::named("another");
    let both = [&certs, &other].map(|it| it.authority.certificate_pem());
    fs::write(&files.ca, both.concat()).unwrap();
    let theirs = other.revoke_as(900, Vec::new());
    fs::copy(theirs, certs.path().join("ca.crl")).unwrap();
    let error = kept.reload().await.unwrap_err();
    assert!(
        error.message().contains("holds none of CN=dkv authority"),
        "{error}"
    );
    // But who is not trusted any more needs none.
    fs::write(&files.ca, both[1]).unwrap();
    assert!(kept.reload().await.unwrap());
}

/// Two directories with one `ca.key` have lists of their own, of which each would let in whom
/// the other has shut out.
#[tokio::test]
async fn a_list_that_lacks_what_another_took_back_is_refused() {
    let certs = Certs::new();
    let days_ago = |days: i64| Moment::now().plus_seconds(-days * 86_400);
    let revoked = |serial: &str, days: i64| Revoked {
        serial: serial.to_owned(),
        at: days_ago(days),
    };
    certs.revoke_as(1, vec![revoked("1a", 0), revoked("3c", 40)]);
    let kept = Kept::open(certs.server()).await.unwrap();
    for number in [1, 2, 9] {
        certs.revoke_as(number, vec![revoked("2b", 0), revoked("3c", 40)]);
        let error = kept.reload().await.unwrap_err();
        assert!(error.message().contains("lacks 1a"), "{error}");
    }
    // What was taken back long ago may have expired.
    certs.revoke_as(2, vec![revoked("1a", 0), revoked("2b", 0)]);
    assert!(kept.reload().await.unwrap());
}

#[tokio::test]
async fn an_open_connection_ends_with_its_certificate() {
    let certs = Certs::new();
    let kept = Kept::open(certs.server()).await.unwrap();
    let request = Request::client("alice").for_days(1);
    let then = Moment::now().plus_seconds(2 - 86_400);
    let issued = certs
        .authority
        .issue_at(&request, &SystemRng, then)
        .unwrap();
    let peer = Peer::of(&chain_of(&issued.certificate_pem)).unwrap();
    let lost = tokio::time::timeout(PATIENCE, kept.is_lost(&peer)).await;
    assert!(matches!(lost.unwrap().cause, Cause::Expired(_)));
}
