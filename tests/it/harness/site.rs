//! A release server of a test's own, and a machine to install on: an empty home, and no
//! programs but those that are named.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;

use super::command::{Ran, run};

const TOP: &str = env!("CARGO_MANIFEST_DIR");

/// What `install.sh` and a release's scripts may count on.
const TOOLS: &[&str] = &[
    "basename",
    "bash",
    "cat",
    "chmod",
    "cp",
    "cut",
    "date",
    "dirname",
    "env",
    "find",
    "grep",
    "gzip",
    "head",
    "install",
    "ls",
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
    "touch",
    "tr",
    "uname",
];

/// Serves a folder over HTTP, on a free port of loopback.
pub(crate) struct Site {
    folder: TempDir,
    address: std::net::SocketAddr,
    requests: Arc<AtomicUsize>,
    stalls: Arc<AtomicBool>,
    ends: Arc<AtomicBool>,
}

impl Site {
    /// An empty site.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let site = Self {
            folder: TempDir::new().unwrap(),
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            stalls: Arc::default(),
            ends: Arc::default(),
        };
        let folder = site.folder.path().to_owned();
        let (requests, stalls) = (Arc::clone(&site.requests), Arc::clone(&site.stalls));
        let ends = Arc::clone(&site.ends);
        thread::spawn(move || {
            let mut held = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                requests.fetch_add(1, Ordering::SeqCst);
                // A stalled archive is held until the site ends.
                held.extend(answer(stream, &folder, stalls.load(Ordering::SeqCst)));
            }
        });
        site
    }

    /// A site with releases of a stand-in: a shell script that answers as `dkv` does.
    pub(crate) fn with(versions: &[&str]) -> Self {
        let site = Self::start();
        for version in versions {
            let binary = stand_in(site.folder(), version);
            site.release(&binary).exits(0);
        }
        site
    }

    /// Publishes a binary with the script that makes releases.
    pub(crate) fn release(&self, binary: &Path) -> Ran {
        let mut command = Command::new(Path::new(TOP).join("scripts/release"));
        command.arg("--binary").arg(binary);
        command
            .arg("--out")
            .arg(self.folder())
            .env("SOURCE_DATE_EPOCH", "1700000000");
        run(&mut command, b"")
    }

    /// What it serves.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The one archive of a version.
    pub(crate) fn archive(&self, version: &str) -> PathBuf {
        let folder = self.folder().join(format!("v{version}"));
        let paths = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        paths
            .into_iter()
            .find(|path| path.extension().is_some_and(|extension| extension == "gz"))
            .expect("a release has an archive")
    }

    /// Puts another binary into the archive of a version, with a checksum that is right.
    pub(crate) fn replace_binary(&self, version: &str, text: &str) {
        let script = "set -e; d=$(mktemp -d); tar -xzf \"$0\" -C \"$d\"; cat >\"$d\"/*/bin/dkv; \
                      tar -czf \"$0\" -C \"$d\" .; rm -r \"$d\"; sha256sum <\"$0\" >\"$0.sha256\"";
        let mut command = Command::new("bash");
        command.args(["-c", script]).arg(self.archive(version));
        run(&mut command, text.as_bytes()).exits(0);
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often it was asked for something.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// From now on archives begin, and never end.
    pub(crate) fn stall(&self) {
        self.stalls.store(true, Ordering::SeqCst);
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

/// Answers one request; gives the connection back if it is to be held open.
fn answer(mut stream: TcpStream, folder: &Path, stalls: bool) -> Option<TcpStream> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let first = lines.next()?.ok()?;
    while lines
        .next()
        .is_some_and(|line| line.is_ok_and(|line| !line.is_empty()))
    {}
    let path = first.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let Ok(body) = std::fs::read(folder.join(&path)) else {
        let _ = stream
            .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return None;
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).ok()?;
    if stalls && path.ends_with(".gz") {
        stream.write_all(&body[..body.len() / 2]).ok()?;
        return Some(stream);
    }
    stream.write_all(&body).ok()?;
    None
}

/// A script that answers as `dkv` of that version does, as far as a release needs it.
fn stand_in(folder: &Path, version: &str) -> PathBuf {
    let text = format!(
        "#!/bin/sh\ncase $1 in\nversion) echo 'dkv {version}' ;;\n\
         completions) for name in dkv.bash _dkv dkv.fish; do echo '# {version}' >\"$3/$name\"; done ;;\n\
         man) for name in dkv dkv-since-{version}; do echo '{version}' >\"$2/$name.1\"; done ;;\nesac\n"
    );
    let path = folder.join(format!("stand-in-{version}"));
    // Written by another process: a file this one has open for writing cannot be run.
    let mut write = Command::new("sh");
    write
        .args(["-c", "cat >\"$0\" && chmod 755 \"$0\""])
        .arg(&path);
    run(&mut write, text.as_bytes()).exits(0);
    path
}

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
    std::fs::read(Path::new(TOP).join("install.sh")).unwrap()
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
