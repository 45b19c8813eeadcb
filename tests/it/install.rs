//! `curl ... | bash`: what it installs, how it upgrades, and that it removes exactly that.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::{Machine, Site, finish, install_script, run};

#[test]
fn a_release_of_this_binary_is_installed_runs_and_goes_without_a_trace() {
    let site = Site::start();
    site.release(&stripped(site.folder())).exits(0);
    let machine = Machine::new(Some(site.url()));
    let ran = machine.install(&[]);
    ran.exits(0);
    for words in ["is installed", "export PATH='", "~/.bashrc", "dkv serve"] {
        assert!(ran.text().contains(words), "{words}: {ran}");
    }
    let contents = machine.contents();
    for path in [
        "bin/dkv",
        "share/man/man1/dkv.1",
        "share/man/man1/dkv-kv-set.1",
        "share/bash-completion/completions/dkv",
        "share/zsh/site-functions/_dkv",
        "share/fish/vendor_completions.d/dkv.fish",
        "share/dkv/installed",
        "share/dkv/dkv.service",
        "share/doc/dkv/LICENSE",
    ] {
        assert!(
            contents.contains(&format!(".local/{path}")),
            "{path}: {contents:?}"
        );
    }
    // The address of the installer may stay in the environment.
    let binary = machine.home().join(".local/bin/dkv");
    let mut version = Command::new(&binary);
    version.arg("version").env("DKV_INSTALL_URL", site.url());
    run(&mut version, b"")
        .exits(0)
        .prints(concat!("dkv ", env!("CARGO_PKG_VERSION")));

    let installer = machine.home().join(".local/share/dkv/install.sh");
    let mut remove = machine.bash(&[]);
    remove.arg(installer).arg("--uninstall");
    run(&mut remove, b"").exits(0);
    assert_eq!(machine.contents(), Vec::<String>::new());
}

/// The binary under test without its debug information, which takes long to pack.
fn stripped(folder: &Path) -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_dkv"));
    let lean = folder.join("stripped");
    let mut strip = Command::new("strip");
    let stripped = strip.arg("-o").arg(&lean).arg(binary).status();
    if stripped.is_ok_and(|status| status.success()) {
        lean
    } else {
        binary.to_owned()
    }
}

#[test]
fn an_upgrade_replaces_everything_and_an_uninstall_spares_what_is_not_ours() {
    let site = Site::with(&["0.0.9", "0.1.0"]);
    let machine = Machine::new(Some(site.url()));
    let root = machine.home().join("my tools");
    std::fs::create_dir_all(root.join("bin")).unwrap();
    std::fs::write(root.join("bin/other"), "other").unwrap();
    let path = format!("--path={}", root.display());

    machine.install(&[&path, "--version", "v0.0.9"]).exits(0);
    let version = || run(Command::new(root.join("bin/dkv")).arg("version"), b"");
    version().prints("dkv 0.0.9");
    assert!(root.join("share/man/man1/dkv-since-0.0.9.1").exists());

    // Without a version it is the latest, and a second time changes nothing.
    for _ in 0..2 {
        let ran = machine.install(&["--path", "my tools/"]);
        assert!(!ran.stderr.contains("did not install"), "{ran}");
        version().prints("dkv 0.1.0");
    }
    assert!(root.join("share/man/man1/dkv-since-0.1.0.1").exists());
    assert!(!root.join("share/man/man1/dkv-since-0.0.9.1").exists());

    std::fs::write(root.join("share/dkv/notes"), "mine").unwrap();
    machine.install(&[&path, "--uninstall"]).exits(0);
    let left = ["bin", "bin/other", "share", "share/dkv", "share/dkv/notes"];
    let left = left.map(|path| format!("my tools/{path}"));
    assert_eq!(machine.contents()[1..], left);
    machine
        .install(&[&path, "--uninstall"])
        .exits(1)
        .complains("nothing to remove");
}

#[test]
fn wget_does_where_curl_is_missing_and_shasum_where_sha256sum_is() {
    let site = Site::with(&["0.1.0"]);
    let machine = Machine::new(Some(site.url()));
    machine.lacks("sha256sum");
    if machine.has("shasum") && machine.has("perl") {
        machine.install(&[]).exits(0);
    }
    machine.lacks("shasum");
    machine
        .install(&[])
        .exits(1)
        .complains("sha256sum or shasum is needed");
    assert!(machine.has("sha256sum"));
    if machine.has("wget") {
        machine.lacks("curl");
        machine.install(&[]).exits(0);
    }
    machine.lacks("curl");
    machine.lacks("wget");
    machine
        .install(&[])
        .exits(1)
        .complains("curl or wget is needed");
}

/// As with a binary for another machine: the old one stays until the new one has answered.
#[test]
fn a_binary_that_does_not_run_here_does_not_replace_one_that_does() {
    let site = Site::with(&["0.0.9", "0.1.0"]);
    let machine = Machine::new(Some(site.url()));
    machine.install(&["--version=0.0.9"]).exits(0);
    let before = machine.contents();
    for (script, words) in [
        ("echo no such loader >&2; exit 127", "no such loader"),
        ("echo dkv 7.7.7", "calls itself `dkv 7.7.7`"),
    ] {
        site.replace_binary("0.1.0", &format!("#!/bin/sh\n{script}\n"));
        machine.install(&[]).exits(1).complains(words);
        assert_eq!(machine.contents(), before);
    }
    let binary = machine.home().join(".local/bin/dkv");
    run(Command::new(binary).arg("version"), b"").prints("dkv 0.0.9");
}

#[test]
fn an_interrupted_download_leaves_nothing() {
    let site = Site::with(&["0.1.0"]);
    site.stall();
    let machine = Machine::new(Some(site.url()));
    let script = machine.home().join("install.sh");
    std::fs::write(&script, install_script()).unwrap();
    let mut command = machine.bash(&[]);
    let child = std::os::unix::process::CommandExt::process_group(&mut command, 0)
        .arg(&script)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let group = rustix::process::Pid::from_child(&child);
    let started = std::time::Instant::now();
    // `latest` and the archive.
    while site.requests() < 2 && started.elapsed() < crate::harness::PATIENCE {
        std::thread::yield_now();
    }
    // Ctrl-C reaches everything in the terminal's group.
    rustix::process::kill_process_group(group, rustix::process::Signal::INT).unwrap();
    finish(child, "install.sh, interrupted,").exits(130);
    machine.assert_no_scraps();
    assert_eq!(machine.contents(), ["install.sh"]);
}

/// A connection that breaks must not leave half of the script running.
#[test]
fn a_script_that_was_cut_short_does_nothing() {
    let site = Site::with(&["0.1.0"]);
    let machine = Machine::new(Some(site.url()));
    let script = install_script();
    let body = script.windows(2).position(|bytes| bytes == b"\n{").unwrap() + 2;
    // The last byte is a newline: without it the script is whole.
    let end = script.len() - 1;
    let cuts = (0..end - 80).step_by(151).chain(end - 80..end);
    for cut in cuts {
        let ran = run(&mut machine.bash(&[]), &script[..cut]);
        assert!(cut <= body || ran.code != 0, "cut at {cut}: {ran}");
        assert_eq!(
            machine.contents(),
            Vec::<String>::new(),
            "cut at {cut}: {ran}"
        );
    }
    assert_eq!(site.requests(), 0);
    run(&mut machine.bash(&[]), &script[..end]).exits(0);
    assert_eq!(site.requests(), 3);
}
