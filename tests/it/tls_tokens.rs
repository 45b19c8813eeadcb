//! Tokens: a node gets its certificate for one, loses it again, and reads why it gets none.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dkv::tls::issue::Request;
use tempfile::TempDir;

use crate::harness::cluster::{Cluster, free_ports, until};
use crate::harness::pki::Pki;
use crate::harness::{Node, Ran, dkv, dkv_at, run, serve_fails};

const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];

/// A cluster of one node, which has the authority's key.
struct World {
    pki: Pki,
    node: Node,
    peer: String,
    folder: TempDir,
}

impl World {
    fn new() -> Self {
        let pki = Pki::new();
        pki.write("node-1", &Request::node("node-1", None, &HOSTS));
        pki.write("client", &Request::client("alice"));
        let peer = format!("127.0.0.1:{}", free_ports());
        let members = format!("node-1={peer}");
        let node = Node::start_with(&[
            "--certs",
            pki.dir().to_str().unwrap(),
            "--node-id",
            "node-1",
            "--cluster-members",
            &members,
        ]);
        Self {
            pki,
            node,
            peer,
            folder: TempDir::new().unwrap(),
        }
    }

    fn certs(&self) -> &str {
        self.pki.dir().to_str().unwrap()
    }

    /// A token, in a file.
    fn token(&self) -> PathBuf {
        let file = self.folder.path().join("token");
        let words = ["cluster", "token", "create", "--certs", self.certs()];
        let out = ["--out", file.to_str().unwrap()];
        let made = dkv_at(self.node.address(), &[&words[..], &out].concat());
        assert_eq!(made.value_of("join"), self.peer);
        file
    }

    fn cert(&self, words: &[&str]) -> Ran {
        let mut command = dkv();
        command.arg("cert").args(words);
        run(command.args(["--certs", self.certs()]), b"")
    }
}

/// To join with it, keeping what is given in `certs`.
fn words<'a>(name: &'a str, world: &'a World, token: &'a Path, certs: &'a Path) -> Vec<&'a str> {
    let (token, certs) = (token.to_str().unwrap(), certs.to_str().unwrap());
    let mut words = vec!["--node-id", name, "--join", &world.peer];
    words.extend(["--join-token-file", token, "--certs", certs]);
    words
}

#[test]
fn a_node_gets_a_certificate_for_a_token_and_it_can_be_taken_back() {
    let world = World::new();
    let (token, certs) = (world.token(), world.folder.path().join("node-4"));
    let peer = format!("127.0.0.1:{}", free_ports());
    let mut joining = words("node-4", &world, &token, &certs);
    joining.extend(["--peer-listen", &peer]);
    let joined = Node::start_with(&joining);
    let given = certs.join("node-4.crt");
    let kept = world.pki.folder.path("node-4.crt");
    let read = |path: &Path| std::fs::read_to_string(path).unwrap();
    assert_eq!(read(&given), read(&kept));
    assert!(!world.pki.folder.has("node-4.key"));
    assert!(!joined.said().contains("(--join-token-file) has mode"));

    // It is used up, and whoever else could read it is warned of.
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o644)).unwrap();
    let others = world.folder.path().join("node-5");
    let late = words("node-5", &world, &token, &others);
    let refused = serve_fails(&late, &[], world.folder.path());
    refused.complains("no token open: this one is used up");
    refused.complains("dkv cluster token create");
    refused.complains("has mode 0644");
    assert!(!others.exists(), "nothing is kept");

    // The node has the key alone: what is issued anew for all passes it over.
    let rotated = world.cert(&["rotate", "--all"]);
    rotated.exits(0).complains("--new-key");
    assert_eq!(read(&given), read(&kept));
    let serial = world.cert(&["revoke", "node-4"]).value_of("serial");
    let said = world.node.said();
    assert!(said.contains(&serial), "{said}");
    until("it is heard no more", || {
        world.node.said().contains("certificate was revoked")
    });
}

/// Nobody answers, it used to say, where somebody refused.
#[test]
fn a_node_that_is_refused_says_so_while_it_waits() {
    let world = World::new();
    let other = Pki::named("other authority");
    let mut cluster = Cluster::planned(3);
    let stranger = &mut cluster.members[1];
    other.write("node-2", &Request::node("node-2", None, &HOSTS));
    let both = [&world.pki.ca(), &other.ca()].map(|it| std::fs::read_to_string(it).unwrap());
    std::fs::write(other.ca(), both.concat()).unwrap();
    let certs = ["--certs", other.dir().to_str().unwrap()];
    let list = format!("node-1={},node-2={}", world.peer, stranger.peer);
    for how in [["--join", &world.peer], ["--cluster-members", &list]] {
        let words = [certs, how].concat();
        stranger.words = words.into_iter().map(str::to_owned).collect();
        stranger.start();
        until("it says that it is refused", || {
            let said = stranger.said();
            let mut lines = said.lines().filter(|line| line.contains("waiting for"));
            lines.any(|line| line.contains("does not trust the authority"))
        });
        stranger.stop();
    }
}
