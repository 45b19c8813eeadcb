//! What `install.sh` refuses, with which words, and that it then has changed nothing.

use crate::harness::{Machine, Site};

/// Installs what must be refused, and asserts that nothing is there.
#[track_caller]
fn refused(machine: &Machine, arguments: &[&str], code: i32, words: &[&str]) {
    let before = machine.contents();
    let ran = machine.install(arguments);
    ran.exits(code);
    for word in words {
        ran.complains(word);
    }
    assert_eq!(machine.contents(), before, "{ran}");
}

#[test]
fn a_wrong_checksum_is_refused_before_anything_is_unpacked() {
    let site = Site::with(&["0.1.0"]);
    let machine = Machine::new(Some(site.url()));
    let archive = site.archive("0.1.0");
    let mut bytes = std::fs::read(&archive).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&archive, bytes).unwrap();
    // Whoever unpacks says so.
    machine.fake("tar", "echo unpacked >&2; exit 1");
    let words = ["checksum", "expected ", "got ", "nothing was installed"];
    refused(&machine, &[], 1, &words);
    assert!(!machine.install(&[]).stderr.contains("unpacked"));

    std::fs::write(archive.with_extension("gz.sha256"), "<html>welcome</html>").unwrap();
    refused(&machine, &[], 1, &["does not hold a checksum"]);
}

#[test]
fn what_the_server_does_not_have_is_named() {
    let site = Site::with(&["0.1.0"]);
    let machine = Machine::new(Some(site.url()));
    refused(
        &machine,
        &["--version", "9.9.9"],
        1,
        &["dkv 9.9.9 for ", &site.url()],
    );
    std::fs::write(site.folder().join("latest"), "<html>../../x</html>").unwrap();
    refused(&machine, &[], 1, &["/latest does not hold a version"]);
    std::fs::remove_file(site.folder().join("latest")).unwrap();
    refused(&machine, &[], 1, &["cannot read", "DKV_INSTALL_URL"]);
    let nobody = Machine::new(Some("http://127.0.0.1:1".to_owned()));
    refused(&nobody, &[], 1, &["http://127.0.0.1:1/latest"]);
}

#[test]
fn without_a_release_server_it_says_so() {
    let machine = Machine::new(None);
    let words = "no release server is configured yet: set DKV_INSTALL_URL or use --source";
    refused(&machine, &[], 1, &[words]);
    let machine = Machine::new(Some("releases.example".to_owned()));
    refused(&machine, &[], 1, &["must begin with https://"]);
}

#[test]
fn a_place_that_cannot_be_written_is_named_before_any_download() {
    let site = Site::with(&["0.1.0"]);
    let machine = Machine::new(Some(site.url()));
    std::fs::write(machine.home().join("file"), "").unwrap();
    let below = format!("--path={}/file/below", machine.home().display());
    refused(&machine, &[&below], 1, &["/file is not a folder"]);
    assert_eq!(site.requests(), 0);
    // Not even root makes a folder there.
    refused(
        &machine,
        &["--path=/proc/dkv"],
        1,
        &["/proc", "Two ways out", "--path=/proc/dkv"],
    );
    // sudo hands no environment on: without the address root would be told that there is none.
    let as_root = format!("sudo DKV_INSTALL_URL='{}' bash -s", site.url());
    refused(&machine, &["--path=/proc/dkv"], 1, &[&as_root]);
    let occupied = machine.home().join(".local/bin/dkv");
    std::fs::create_dir_all(occupied).unwrap();
    refused(&machine, &[], 1, &["/.local/bin/dkv is a folder"]);
}

#[test]
fn systems_without_releases_are_sent_to_the_source() {
    let site = Site::with(&["0.1.0"]);
    for (system, architecture, named) in [
        ("FreeBSD", "amd64", "FreeBSD"),
        ("Linux", "riscv64", "riscv64"),
    ] {
        let machine = Machine::new(Some(site.url()));
        let script = format!("case $1 in -s) echo {system} ;; *) echo {architecture} ;; esac");
        machine.fake("uname", &script);
        refused(&machine, &[], 1, &[named, "--source"]);
    }
    assert_eq!(site.requests(), 0);
}

#[test]
fn a_mac_and_an_arm_board_ask_for_their_own_archives() {
    let site = Site::with(&["0.1.0"]);
    for (system, machine_name, platform) in [
        ("Darwin", "arm64", "macos-aarch64"),
        ("Darwin", "x86_64", "macos-x86_64"),
        ("Linux", "aarch64", "linux-aarch64"),
    ] {
        let machine = Machine::new(Some(site.url()));
        machine.fake(
            "uname",
            &format!("case $1 in -s) echo {system} ;; *) echo {machine_name} ;; esac"),
        );
        let ran = machine.install(&[]);
        let archive = format!("/v0.1.0/dkv-0.1.0-{platform}.tar.gz");
        // The site was made on another machine: there may or may not be such an archive.
        assert!(ran.text().contains(&archive), "{ran}");
    }
}

#[test]
fn misuse_is_a_usage_error() {
    let machine = Machine::new(None);
    for (arguments, words) in [
        (&["--nonsense"][..], "unknown argument `--nonsense`"),
        (&["--path"], "--path needs a value"),
        (&["--path="], "--path is empty"),
        (&["--version", "latest"], "`latest` is no version"),
        (&["--version", "../../etc"], "is no version"),
        (&["--version=1.0.0", "--source"], "use one"),
        (&["--uninstall", "--source"], "--path alone"),
    ] {
        refused(&machine, arguments, 2, &[words]);
    }
    refused(&machine, &["--source"], 1, &["there is none", "clone"]);
    refused(&machine, &["--uninstall"], 1, &["nothing to remove"]);
    let help = machine.install(&["--help"]);
    help.exits(0);
    for option in [
        "--path",
        "--version",
        "--source",
        "--uninstall",
        "DKV_INSTALL_URL",
    ] {
        assert!(help.text().contains(option), "{option}: {help}");
    }
}

/// A manifest says what is deleted: it must not reach beyond its own folder.
#[test]
fn a_damaged_manifest_deletes_nothing_else() {
    let site = Site::with(&["0.1.0"]);
    let machine = Machine::new(Some(site.url()));
    machine.install(&[]).exits(0);
    let manifest = machine.home().join(".local/share/dkv/installed");
    for line in ["share/../../precious", "precious", "/precious"] {
        std::fs::write(machine.home().join("precious"), "").unwrap();
        std::fs::write(&manifest, format!("{line}\n")).unwrap();
        refused(&machine, &["--uninstall"], 1, &["is damaged", line]);
    }
}
