//! A machine to install on: an empty home, and no programs but those that are named.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::command::{Ran, run};

/// What `install.sh` may count on.
const TOOLS: &[&str] = &[
    "basename",
    "bash",
    "cat",
    "chmod",
    "cp",
    "dirname",
    "env",
    "find",
    "grep",
    "gzip",
    "head",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "rmdir",
    "sed",
    "sh",
    "sha256sum",
    "sleep",
    "sort",
    "tar",
    "tr",
    "uname",
];

/// A home and a PATH of their own; `id` says that nobody is root.
pub(crate) struct Machine {
    folder: TempDir,
    url: Option<String>,
}

impl Machine {
    /// A machine that knows a site, with curl (or wget, where there is no curl).
    #[track_caller]
    pub(crate) fn new(url: Option<String>) -> Self {
        let machine = Self {
            folder: TempDir::new().unwrap(),
            url,
        };
        for folder in ["home alice", "tmp", "tools"] {
            std::fs::create_dir(machine.folder.path().join(folder)).unwrap();
        }
        for tool in TOOLS {
            assert!(machine.has(tool), "these tests need `{tool}`");
        }
        assert!(
            machine.has("curl") || machine.has("wget"),
            "these tests need `curl` or `wget`"
        );
        machine.fake("id", "echo 1000");
        machine
    }

    /// Adds a program of the real machine; whether there is one.
    pub(crate) fn has(&self, tool: &str) -> bool {
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let found = std::env::split_paths(&paths)
            .map(|folder| folder.join(tool))
            .find(|path| path.is_file());
        found.is_some_and(|path| symlink(path, self.tools().join(tool)).is_ok())
    }

    /// Takes a program away.
    pub(crate) fn lacks(&self, tool: &str) {
        let _ = std::fs::remove_file(self.tools().join(tool));
    }

    /// Puts a script in a program's place.
    pub(crate) fn fake(&self, tool: &str, script: &str) {
        self.lacks(tool);
        let mut write = Command::new("sh");
        write
            .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
            .arg(self.tools().join(tool));
        run(&mut write, format!("#!/bin/sh\n{script}\n").as_bytes()).exits(0);
    }

    /// Alice's home, with a blank in its name.
    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home alice")
    }

    fn tools(&self) -> PathBuf {
        self.folder.path().join("tools")
    }

    /// What `curl ... | bash -s -- ARGUMENTS` runs, without the script.
    pub(crate) fn bash(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("bash");
        if !arguments.is_empty() {
            command.args(["-s", "--"]).args(arguments);
        }
        command
            .current_dir(self.home())
            .env_clear()
            .env("HOME", self.home())
            .env("TMPDIR", self.folder.path().join("tmp"))
            .env("PATH", self.tools())
            .env("SHELL", "/bin/bash");
        if let Some(url) = &self.url {
            command.env("DKV_INSTALL_URL", url);
        }
        command
    }

    /// `curl ... | bash -s -- ARGUMENTS`.
    pub(crate) fn install(&self, arguments: &[&str]) -> Ran {
        let ran = run(&mut self.bash(arguments), &install_script());
        self.assert_no_scraps();
        ran
    }

    /// Every file and folder below the home, sorted.
    pub(crate) fn contents(&self) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.home(), &self.home(), &mut found);
        found.sort();
        found
    }

    /// Asserts that nothing temporary stayed.
    #[track_caller]
    pub(crate) fn assert_no_scraps(&self) {
        let tmp = self.folder.path().join("tmp");
        assert_eq!(
            std::fs::read_dir(tmp).unwrap().count(),
            0,
            "temporary files stayed"
        );
        let scraps: Vec<String> = self.contents();
        assert!(
            !scraps.iter().any(|path| path.contains(".new.")),
            "{scraps:?}"
        );
    }
}

/// The installer, as it is downloaded.
pub(crate) fn install_script() -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("install.sh")).unwrap()
}

fn list(top: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let below = path.strip_prefix(top).expect("it was found there");
        found.push(below.to_string_lossy().into_owned());
        if path.is_dir() {
            list(top, &path, found);
        }
    }
}
