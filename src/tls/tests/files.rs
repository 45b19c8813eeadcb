//! Files that are not what they should be: each is named, with what it should hold.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::base::host::SystemRng;
use crate::tls::fixture::{Certs, write_key, write_public};
use crate::tls::issue::{Authority, Request, Revocations};
use crate::tls::{Authorities, Crl, Files, Material, Moment};

/// The refusal, which must name `path` and have all of `words`.
fn refused(files: &Files, path: &Path, words: &[&str]) {
    let error = Material::read(files).expect_err("it should be refused");
    let message = error.message();
    assert!(message.contains(path.to_str().unwrap()), "{message}");
    for word in words {
        assert!(message.contains(word), "`{word}` in: {message}");
    }
}

#[test]
fn a_key_is_for_its_owner_alone() {
    let certs = Certs::new();
    let files = certs.server();
    for mode in [0o640, 0o604, 0o620, 0o610, 0o601, 0o644] {
        fs::set_permissions(&files.key, fs::Permissions::from_mode(mode)).unwrap();
        let chmod = format!("chmod 600 {}", files.key.display());
        refused(&files, &files.key, &[&format!("0{mode:o}"), &chmod]);
    }
    for mode in [0o600, 0o400] {
        fs::set_permissions(&files.key, fs::Permissions::from_mode(mode)).unwrap();
        Material::read(&files).unwrap();
    }
}

#[test]
fn what_is_missing_empty_or_cut_off_is_named() {
    let certs = Certs::new();
    let files = Files {
        crl: Crl::File(certs.revoke(&[])),
        ..certs.server()
    };
    Material::read(&files).unwrap();
    let Crl::File(crl) = &files.crl else {
        unreachable!()
    };
    for (path, marker) in [
        (&files.cert, "BEGIN CERTIFICATE"),
        (&files.key, "BEGIN PRIVATE KEY"),
        (&files.ca, "BEGIN CERTIFICATE"),
        (crl, "BEGIN X509 CRL"),
    ] {
        let good = fs::read(path).unwrap();
        for (content, words) in [
            (&b""[..], "is empty"),
            (b" \n", "is empty"),
            (b"hello", "holds no PEM"),
            (&[0x30, 0x82, 1], "DER"),
            (&good[..good.len() / 2], "damaged or cut off"),
            (
                b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
                "holds a public key",
            ),
        ] {
            fs::write(path, content).unwrap();
            refused(&files, path, &[words, marker]);
        }
        fs::write(path, vec![b'\n'; (1 << 20) + 1]).unwrap();
        refused(&files, path, &["longer than 1048576 bytes"]);
        fs::remove_file(path).unwrap();
        refused(&files, path, &["there is no file", "dkv cert"]);
        fs::create_dir(path).unwrap();
        refused(&files, path, &["no regular file"]);
        fs::remove_dir(path).unwrap();
        fs::write(path, good).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    Material::read(&files).unwrap();
}

#[test]
fn what_was_put_in_the_wrong_place_is_told() {
    let certs = Certs::new();
    let (server, alice) = (certs.server(), certs.client("alice"));
    let key = Files {
        key: alice.key.clone(),
        ..server.clone()
    };
    refused(&key, &alice.key, &["is not that of the certificate"]);

    let swapped = Files {
        cert: server.key.clone(),
        ..server.clone()
    };
    refused(&swapped, &server.key, &["holds a private key"]);

    let ca = Files {
        ca: server.cert.clone(),
        ..server.clone()
    };
    refused(&ca, &server.cert, &["no authority", "dkv authority"]);

    let both = certs.path().join("both.key");
    let two = fs::read_to_string(&server.key).unwrap() + &fs::read_to_string(&alice.key).unwrap();
    write_key(&both, &two);
    let two = Files {
        key: both.clone(),
        ..server.clone()
    };
    refused(&two, &both, &["2 private keys"]);

    write_key(
        &both,
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    refused(&two, &both, &["passphrase", "openssl pkey"]);
}

#[test]
fn a_list_of_revocations_is_of_a_trusted_authority() {
    let (ours, theirs) = (Certs::new(), Certs::named("another"));
    let namesake = Certs::new();
    let server = ours.server();
    for (of, words) in [
        (&theirs, "not among the authorities"),
        (&namesake, "another key"),
    ] {
        let path = of.revoke(&[]);
        let files = Files {
            crl: Crl::File(path.clone()),
            ..server.clone()
        };
        refused(&files, &path, &[words]);
    }
    let read = |crl| Authorities::read(&server.ca, &crl).unwrap();
    assert!(!read(Crl::IfThere(ours.path().join("ca.crl"))).has_revocations());
    assert!(read(Crl::File(ours.revoke(&[]))).has_revocations());
    assert!(!read(Crl::None).has_revocations());
}

#[test]
fn an_authority_whose_time_is_over_is_trusted_no_more() {
    let certs = Certs::new();
    let server = certs.server();
    let then = Moment::now().plus_seconds(-2 * 86_400);
    let over = Authority::create_at("long gone", 1, &SystemRng, then).unwrap();
    let both = over.certificate_pem.clone() + certs.authority.certificate_pem();
    fs::write(&server.ca, both).unwrap();
    Material::read(&server).unwrap();
    fs::write(&server.ca, over.certificate_pem).unwrap();
    refused(&server, &server.ca, &["expired at", "long gone"]);
    let ahead = Authority::create_at("to come", 1, &SystemRng, Moment::now().plus_days(9));
    fs::write(&server.ca, ahead.unwrap().certificate_pem).unwrap();
    refused(&server, &server.ca, &["valid from", "to come"]);
}

/// Its list is of nobody who is trusted, and does no harm.
#[test]
fn the_list_of_an_authority_whose_time_is_over_is_passed_over() {
    let certs = Certs::new();
    let server = certs.server();
    let then = Moment::now().plus_seconds(-2 * 86_400);
    let over = Authority::create_at("dkv authority", 1, &SystemRng, then).unwrap();
    let both = over.certificate_pem.clone() + certs.authority.certificate_pem();
    fs::write(&server.ca, both).unwrap();
    let over = Authority::of(&over.certificate_pem, &over.key_pem).unwrap();
    let list = |of: &Authority| Revocations::default().sign(of, then).unwrap();
    let crl = certs.path().join("ca.crl");
    write_public(&crl, &list(&over));
    let read = |crl: &Path| Authorities::read(&server.ca, &Crl::File(crl.to_owned()));
    assert!(!read(&crl).unwrap().has_revocations());
    write_public(&crl, &(list(&over) + &list(&certs.authority)));
    assert!(read(&crl).unwrap().has_revocations());
    // One of somebody who is not there at all is a mistake, with two ways out.
    fs::write(&server.ca, certs.authority.certificate_pem()).unwrap();
    let gone = Certs::named("gone");
    let error = read(&gone.revoke_as(1, Vec::new())).unwrap_err();
    assert!(error.message().contains("take the list away"), "{error}");
}

/// Who is on which list is told by name alone.
#[test]
fn two_authorities_of_one_name_are_refused_once_one_has_a_list() {
    let (ours, namesake) = (Certs::new(), Certs::new());
    let server = ours.server();
    let both = [&namesake, &ours].map(|it| it.authority.certificate_pem());
    fs::write(&server.ca, both.concat()).unwrap();
    Material::read(&server).unwrap();
    ours.revoke_as(1, Vec::new());
    let words = ["two authorities", "CN=dkv authority", "dkv cert ca --name"];
    refused(&server, &server.ca, &words);
    // The same one twice is one.
    fs::write(&server.ca, both[1].repeat(2)).unwrap();
    Material::read(&server).unwrap();
}

/// Whoever may write there chooses whom we trust.
#[test]
fn what_others_may_write_is_not_trusted() {
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let certs = Certs::new();
    let files = certs.server();
    let crl = certs.revoke_as(1, Vec::new());
    for path in [&files.ca, &crl] {
        for mode in [0o664, 0o646, 0o620, 0o602, 0o666] {
            set(path, mode);
            let chmod = format!("`chmod go-w {}`", path.display());
            refused(&files, path, &[&format!("0{mode:o}"), &chmod]);
        }
        set(path, 0o644);
    }
    for mode in [0o770, 0o707, 0o720, 0o1777] {
        set(certs.path(), mode);
        let chmod = format!("`chmod 700 {}`", certs.path().display());
        refused(&files, certs.path(), &[&format!("{mode:04o}"), &chmod]);
    }
    set(certs.path(), 0o755);
    Material::read(&files).unwrap();
    // A link is as good as what it leads to.
    let linked = certs.path().join("linked.crt");
    std::os::unix::fs::symlink(&files.ca, &linked).unwrap();
    let by_link = Files {
        ca: linked.clone(),
        ..files.clone()
    };
    Material::read(&by_link).unwrap();
    set(&files.ca, 0o666);
    refused(&by_link, &linked, &["chmod go-w"]);
    set(&files.ca, 0o644);
    set(certs.path(), 0o777);
    // One by one, a directory says nothing.
    let alone = Files {
        crl: Crl::File(crl),
        ..files
    };
    Material::read(&alone).unwrap();
}

/// What is printed for people who look for mistakes has no secrets.
#[test]
fn no_key_is_printed() {
    let certs = Certs::new();
    let issued = certs
        .authority
        .issue(&Request::client("alice"), &SystemRng)
        .unwrap();
    let files = certs.write("alice", &issued);
    let read = format!("{:?} {issued:?}", Material::read(&files).unwrap());
    assert!(!read.contains("PRIVATE"), "{read}");
    let secret = issued.key_pem.lines().nth(1).unwrap();
    assert!(!read.contains(secret) && !format!("{:?}", certs.authority).contains(secret));
}
