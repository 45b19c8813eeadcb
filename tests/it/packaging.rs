//! What is packaged beside the binary: releases, the systemd unit, completions in a terminal,
//! and the installation from source.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Machine, PATIENCE, Site, dkv, finish, run};

const TOP: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn two_releases_of_one_binary_are_equal() {
    let (one, other) = (Site::with(&["0.1.0"]), Site::with(&["0.1.0"]));
    let bytes = |site: &Site| std::fs::read(site.archive("0.1.0")).unwrap();
    assert!(bytes(&one) == bytes(&other), "the archives differ");
    // Nobody's, and of the time that was named: two runs in one second would be equal anyway.
    let mut list = Command::new("tar");
    list.arg("-tvzf").arg(one.archive("0.1.0")).env("TZ", "UTC");
    let list = run(&mut list, b"");
    for line in list.exits(0).text().lines() {
        assert!(line.contains(" 0/0 ") || line.contains(" 0 0 "), "{line}");
        assert!(line.contains("2023-11-14 22:13"), "{line}");
    }
    let latest = std::fs::read_to_string(one.folder().join("latest")).unwrap();
    assert_eq!(latest, "0.1.0\n");
}

/// What a unit of `Type=notify` waits for.
#[test]
fn systemd_is_told_when_the_node_is_ready_and_when_it_stops() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).unwrap();
    supervisor.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = dkv();
    let child = command
        .args(["serve", "--listen", "127.0.0.1:0"])
        .env("DKV_DATA_DIR", folder.path().join("data"))
        .env("NOTIFY_SOCKET", &path)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let heard = || {
        let mut buffer = [0; 64];
        let length = supervisor
            .recv(&mut buffer)
            .expect("the node says something");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    assert_eq!(heard(), "READY=1");
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(heard(), "STOPPING=1");
    finish(child, "dkv serve, asked to stop,").exits(0);
}

/// Every line that `dkv.env` offers must be taken by the node, and be its default.
#[test]
fn the_settings_of_the_unit_are_settings() {
    let text = std::fs::read_to_string(Path::new(TOP).join("packaging/dkv.env")).unwrap();
    let offered: Vec<(&str, &str)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("#DKV_")?.split_once('='))
        .collect();
    assert!(offered.len() >= 8, "{offered:?}");
    let variables = offered
        .iter()
        .map(|(name, value)| (format!("DKV_{name}"), *value));
    let mut command = dkv();
    command.args(["serve", "--print-config"]).envs(variables);
    let shown = run(&mut command, b"");
    shown.exits(0);
    let defaults = run(dkv().args(["serve", "--print-config"]), b"");
    for (name, value) in offered {
        let setting = name.to_ascii_lowercase().replace('_', "-");
        let line = |ran: &crate::harness::Ran| {
            let starts = |line: &&str| line.split(' ').next() == Some(setting.as_str());
            let line = ran
                .text()
                .lines()
                .find(starts)
                .unwrap_or_default()
                .to_owned();
            line.split_whitespace()
                .nth(1)
                .unwrap_or_default()
                .to_owned()
        };
        assert_eq!(line(&shown), value, "{setting}: {shown}");
        assert_eq!(
            line(&defaults),
            value,
            "the default of {setting} is another"
        );
    }
}

/// Installs from this checkout, in the profile that these tests have built already.
#[test]
fn a_checkout_is_built_and_installed() {
    let machine = Machine::new(None);
    let profile = if cfg!(debug_assertions) {
        "dev"
    } else {
        "release"
    };
    let mut command = Command::new(Path::new(TOP).join("install.sh"));
    command
        .args(["--source", "--path"])
        .arg(machine.home())
        .env("DKV_INSTALL_PROFILE", profile)
        .env_remove("DKV_INSTALL_URL");
    let ran = run(&mut command, b"");
    ran.exits(0);
    let binary = machine.home().join("bin/dkv");
    run(Command::new(binary).arg("version"), b"")
        .exits(0)
        .prints(concat!("dkv ", env!("CARGO_PKG_VERSION")));
    let page = std::fs::read(machine.home().join("share/man/man1/dkv.1")).unwrap();
    assert_eq!(
        page,
        std::fs::read(Path::new(TOP).join("man/dkv.1")).unwrap()
    );
    let script = machine.home().join("share/dkv/install.sh");
    run(Command::new("sh").arg(script).arg("--uninstall"), b"").exits(0);
    assert_eq!(machine.contents(), Vec::<String>::new());
}

/// A person types `dkv k` and the tabulator key, in a terminal.
#[test]
#[cfg(target_os = "linux")]
fn the_tabulator_key_completes_a_command() {
    use std::io::{Read, Write};
    let folder = tempfile::TempDir::new().unwrap();
    let startup = folder.path().join("startup");
    let completions = Path::new(TOP).join("completions/dkv.bash");
    std::fs::write(
        &startup,
        format!("PS1='ready> '\n. '{}'\n", completions.display()),
    )
    .unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_dkv"));
    let mut path = binary.parent().unwrap().as_os_str().to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut child = Command::new("script")
        .args(["--quiet", "--flush", "--return", "--command"])
        .arg(format!(
            "bash --noprofile --rcfile '{}' -i",
            startup.display()
        ))
        .arg("/dev/null")
        .env("TERM", "dumb")
        .env("PATH", path)
        .env("INPUTRC", "/dev/null")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("script (of util-linux) is installed");
    let (mut keys, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut seen = String::new();
    let mut see = |words: &str| {
        while !seen.contains(words) {
            let mut bytes = [0; 4_096];
            let length = screen.read(&mut bytes).unwrap();
            seen.push_str(&String::from_utf8_lossy(&bytes[..length]));
            assert!(length > 0, "`{words}` never came: {seen:?}");
        }
    };
    // Should the words never come, the terminal ends all the same.
    keys.write_all(b"TMOUT=30\n").unwrap();
    see("ready> ");
    keys.write_all(b"dkv k\t").unwrap();
    see("dkv kv ");
    keys.write_all(b"ge\t").unwrap();
    see("dkv kv get ");
    keys.write_all(b"\x15exit\n").unwrap();
    drop(keys);
    finish(child, "a terminal").exits(0);
}
