//! A release server of a test's own, filled by the script that makes releases.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use tempfile::TempDir;

use super::command::{Ran, run};

const TOP: &str = env!("CARGO_MANIFEST_DIR");

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
