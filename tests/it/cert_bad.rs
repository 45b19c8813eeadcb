//! What `dkv cert` refuses, and what it then leaves as it was.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use crate::cert::Desk;
use crate::harness::{dkv, run};

#[test]
fn nothing_is_overwritten_unless_told() {
    let desk = Desk::with_authority();
    desk.cert("server").exits(0);
    desk.cert("node n1").exits(0);
    let before = ["ca.crt", "ca.key", "server.crt", "server.key", "n1.key"].map(|it| desk.read(it));
    for words in [
        "ca",
        "server",
        "client server",
        "node n1",
        "node n2 n1",
        "client n1",
    ] {
        desk.cert(words).exits(2);
    }
    desk.cert("server").exits(2).complains("--force");
    let after = ["ca.crt", "ca.key", "server.crt", "server.key", "n1.key"].map(|it| desk.read(it));
    assert_eq!(after, before);
    assert!(!desk.path("n2.crt").exists(), "all or none");

    desk.cert("server --force").exits(0);
    assert_ne!(desk.read("server.key"), before[3]);
    desk.cert("revoke n1").exits(0);
    desk.cert("ca --force")
        .exits(0)
        .complains("issue them anew");
    let stranger = desk.cert("show");
    stranger.exits(1).complains("which is not in ca.crt");
    assert!(!stranger.stderr.contains("ca.crl"), "{stranger}");
    desk.cert("rotate n1").exits(2).complains("was signed by");
    desk.cert("revoke n1").exits(2).complains("was signed by");
}

#[test]
fn without_an_authority_nothing_is_signed() {
    let desk = Desk::new();
    for words in [
        "server",
        "client",
        "node n1",
        "rotate --all",
        "revoke --serial 1",
        "show",
    ] {
        desk.cert(words).exits(2).complains("dkv cert ca");
        assert!(!desk.path("").exists(), "{words}");
    }
    let desk = Desk::with_authority();
    desk.cert("client").exits(0);
    fs::remove_file(desk.path("ca.key")).unwrap();
    for words in ["server", "rotate client", "revoke client"] {
        desk.cert(words).exits(2).complains("certs/ca.key");
    }
    desk.cert("show").exits(0);
}

#[test]
fn what_others_may_read_is_refused_with_the_cure() {
    let desk = Desk::with_authority();
    desk.cert("server").exits(0);
    fs::set_permissions(desk.path("server.key"), Permissions::from_mode(0o640)).unwrap();
    let shown = desk.cert("show");
    shown.exits(1).complains("`chmod 600 certs/server.key`");
    desk.cert("rotate server").exits(2).complains("chmod 600");
    fs::set_permissions(desk.path("ca.key"), Permissions::from_mode(0o604)).unwrap();
    desk.cert("client")
        .exits(2)
        .complains("`chmod 600 certs/ca.key`");
    fs::set_permissions(desk.path(""), Permissions::from_mode(0o750)).unwrap();
    for words in ["ca --force", "client", "show", "revoke server"] {
        desk.cert(words).exits(2).complains("`chmod 700 certs`");
    }
}

#[test]
fn bad_words_are_refused_by_name() {
    let desk = Desk::with_authority();
    for (words, about) in [
        ("server --host a..b", "`a..b` is no host"),
        ("server --host 10.0.0.256", "`10.0.0.256` is no host"),
        ("server --host https://db", "is no host"),
        ("server --days 0", "1 to 36500 days"),
        ("client --days=-1", "--days"),
        ("client a/b", "no name"),
        ("client ca", "another meaning"),
        ("client Server", "another meaning"),
        ("node client", "another meaning"),
        ("node n1 n1", "named twice"),
        (
            "node n1 n2 --id 6ba7b810-9dad-41d1-80b4-00c04fd430c8",
            "--id is the UUID of one",
        ),
        ("node n1 --id 7", "UUID"),
        ("node", "NAME"),
        ("rotate", "NAME|FILE"),
        ("rotate alice", "there is no certificate `alice`"),
        ("rotate ca", "is an authority"),
        ("revoke", "NAME|FILE"),
        ("revoke ca", "cannot take itself back"),
        ("revoke --serial xyz", "no serial number"),
        ("show certs/none.crt", "certs/none.crt"),
    ] {
        desk.cert(words).exits(2).complains(about);
    }
    assert!(!desk.path("server.crt").exists());
    desk.cert("client alice").exits(0);
    desk.cert("revoke alise")
        .exits(2)
        .complains("did you mean alice?");
    desk.cert("revoke alice").exits(0);
    desk.cert("revoke alice")
        .exits(2)
        .complains("nothing was changed");
    assert_eq!(desk.shown("ca.crl")["number"], 1);
}

#[test]
fn garbage_and_keys_that_do_not_fit_are_told_apart() {
    let desk = Desk::with_authority();
    for name in ["alice", "bob", "carol"] {
        desk.cert(&format!("client {name}")).exits(0);
    }
    fs::write(desk.path("alice.crt"), "garbage").unwrap();
    fs::copy(desk.path("carol.key"), desk.path("bob.key")).unwrap();
    let shown = desk.cert("show");
    shown.exits(1).complains("certs/alice.crt");
    shown.complains("certs/bob.key is not that of this certificate");
    assert!(
        shown.text().contains("carol"),
        "the others are shown: {shown}"
    );
    assert_eq!(desk.shown("bob.crt")["key"], "bad");
    desk.cert("rotate alice")
        .exits(2)
        .complains("certs/alice.crt");
    // The key that is there gets a certificate: that is what is left after a crash in between.
    desk.cert("rotate bob").exits(0);
    assert_eq!(desk.shown("bob.crt")["key"], "fits");
    fs::write(desk.path("ca.crl"), "garbage").unwrap();
    desk.cert("revoke carol").exits(2).complains("ca.crl");
    assert_eq!(desk.read("ca.crl"), "garbage");
}

#[test]
fn a_directory_elsewhere_is_named_by_flag_variable_or_file() {
    let desk = Desk::new();
    desk.cert("ca --dir other").exits(0);
    desk.cert("client alice --certs other").exits(0);
    desk.cert("rotate other/alice.crt").exits(0);
    let dir = desk.path("").with_file_name("other");
    let ran = run(dkv().env("DKV_CERTS", &dir).args(["cert", "show"]), b"");
    assert!(ran.exits(0).text().contains("alice"), "{ran}");
    assert!(!desk.path("").exists());
}
