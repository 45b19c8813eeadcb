//! `dkv cert`: from nothing to certificates that are shown, issued anew and taken back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::{Ran, dkv, run};

/// An empty directory to work in, which has `certs` once there is an authority.
pub(crate) struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// One with an authority.
    pub(crate) fn with_authority() -> Self {
        let desk = Self::new();
        desk.cert("ca").exits(0);
        desk
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join("certs").join(file)
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    /// Types `dkv cert WORDS`.
    pub(crate) fn cert(&self, words: &str) -> Ran {
        let mut command = dkv();
        command.current_dir(self.dir.path()).arg("cert");
        run(command.args(words.split_whitespace()), b"")
    }

    #[track_caller]
    pub(crate) fn json(&self, words: &str) -> Value {
        let ran = self.cert(&format!("{words} -o json"));
        serde_json::from_str(ran.text()).unwrap_or_else(|error| panic!("{error}: {ran}"))
    }

    /// What `dkv cert show` tells of one file.
    #[track_caller]
    pub(crate) fn shown(&self, file: &str) -> Value {
        let all = self.json("show");
        let mut all = all.as_array().unwrap().iter();
        let found = all.find(|row| row["file"] == format!("certs/{file}"));
        found.unwrap_or_else(|| panic!("{file} is shown")).clone()
    }
}

pub(crate) fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn an_authority_signs_for_servers_clients_and_nodes() {
    let desk = Desk::new();
    let told = desk.json("ca --name example");
    assert_eq!(
        (&told["kind"], &told["name"]),
        (&"authority".into(), &"CN=example".into())
    );
    desk.cert("server")
        .exits(0)
        .complains("dkv serve --certs certs");
    desk.cert("client").exits(0);
    desk.cert("client alice --days 30")
        .exits(0)
        .complains("certs/alice.key");
    let nodes = desk.json("node n1 n2 --host localhost,10.0.0.7 --host ::1");
    assert_eq!(nodes.as_array().unwrap().len(), 2);
    let id = "6ba7b810-9dad-41d1-80b4-00c04fd430c8";
    desk.cert(&format!("node n3 --id {id}")).exits(0);

    assert_eq!(mode(&desk.path("")), 0o700);
    for name in ["ca", "server", "client", "alice", "n1", "n2", "n3"] {
        let told = desk.shown(&format!("{name}.crt"));
        assert_eq!(told["key"], "fits", "{told}");
        assert_eq!(told["key_mode"], "0600", "{told}");
        assert_eq!(told["authority"], "CN=example", "{told}");
        assert_eq!(told["state"], "ok", "{told}");
        assert_eq!(mode(&desk.path(&format!("{name}.key"))), 0o600);
    }
    let server = desk.shown("server.crt");
    let hosts: Vec<&str> = server["hosts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert!(
        hosts.starts_with(&["localhost", "127.0.0.1", "::1"]),
        "{hosts:?}"
    );
    let node = desk.shown("n2.crt");
    assert_eq!(node["kind"], "node");
    assert_eq!(
        node["hosts"],
        serde_json::json!(["localhost", "10.0.0.7", "::1"])
    );
    assert_eq!(desk.shown("n3.crt")["node_id"], id);
    let alice = desk.shown("alice.crt");
    assert_eq!(
        (&alice["kind"], &alice["name"]),
        (&"client".into(), &"alice".into())
    );
    assert!(
        (29..=30).contains(&alice["days_left"].as_i64().unwrap()),
        "{alice}"
    );
    let table = desk.cert("show");
    assert!(table.exits(0).text().contains("in 30 days"), "{table}");
    // Nothing says more than its own: no key is ever printed.
    for words in ["show", "show -o json", "client bob -o json"] {
        let ran = desk.cert(words);
        assert!(
            !ran.text().contains("PRIVATE") && !ran.stderr.contains("PRIVATE"),
            "{ran}"
        );
    }
}

#[test]
fn what_is_issued_anew_keeps_its_names_and_its_key_unless_told_otherwise() {
    let desk = Desk::with_authority();
    desk.cert("server --host db.example.com --days 2").exits(0);
    desk.cert("node n1 --host localhost").exits(0);
    let (before, key) = (desk.shown("server.crt"), desk.read("server.key"));
    desk.cert("show --expires-within 3")
        .exits(1)
        .complains("dkv cert rotate");
    desk.cert("rotate server").exits(0);
    let after = desk.shown("server.crt");
    assert_ne!(after["serial"], before["serial"]);
    assert_eq!(
        (&after["hosts"], &after["name"]),
        (&before["hosts"], &before["name"])
    );
    assert_eq!(desk.read("server.key"), key);
    desk.cert("show --expires-within 3").exits(0);

    desk.cert("rotate certs/server.crt --new-key").exits(0);
    assert_ne!(desk.read("server.key"), key);
    let again = desk.shown("server.crt");
    assert_eq!(
        (&again["key"], &again["key_mode"]),
        (&"fits".into(), &"0600".into())
    );
    // The authority goes along, for those who know it by its fingerprint alone.
    assert!(desk.read("server.crt").ends_with(&desk.read("ca.crt")));

    let all = desk.json("rotate --all --days 7");
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
    assert_eq!(all[0]["kind"], "node");
    assert_eq!(all[0]["expires"], "in 7 days");
    let left: Vec<_> = std::fs::read_dir(desk.path("")).unwrap().collect();
    assert_eq!(left.len(), 7, "nothing else is left: {left:?}");
}

#[test]
fn what_is_revoked_is_on_the_list_and_stays_there() {
    let desk = Desk::with_authority();
    desk.cert("client alice").exits(0);
    desk.cert("client bob").exits(0);
    let alice = desk.shown("alice.crt")["serial"]
        .as_str()
        .unwrap()
        .to_owned();
    let bob = desk.shown("bob.crt")["serial"].as_str().unwrap().to_owned();
    let told = desk.json("revoke alice");
    assert_eq!(
        (&told["serial"], &told["number"]),
        (&alice.clone().into(), &1.into())
    );
    std::fs::remove_file(desk.path("bob.crt")).unwrap();
    let told = desk.json(&format!("revoke --serial {}", bob.to_uppercase()));
    assert_eq!((&told["number"], &told["count"]), (&2.into(), &2.into()));

    let shown = desk.shown("alice.crt");
    assert_eq!(shown["state"], "revoked");
    assert!(shown["revoked_at"].is_string());
    let list = desk.shown("ca.crl");
    assert_eq!(list["serials"], serde_json::json!([alice, bob]));
    // What was taken back on purpose is no fault of the directory.
    desk.cert("show").exits(0);

    desk.cert("rotate --all")
        .exits(0)
        .complains("was revoked at");
    assert_eq!(desk.shown("alice.crt")["state"], "revoked");
    desk.cert("rotate alice").exits(2).complains("--new-key");
    desk.cert("rotate alice --new-key").exits(0);
    assert_eq!(desk.shown("alice.crt")["state"], "ok");
}

/// What was issued anew leaves others behind that are as good.
#[test]
fn a_holder_is_revoked_with_all_that_was_issued_before() {
    let desk = Desk::with_authority();
    desk.cert("client alice").exits(0);
    desk.cert("client bob").exits(0);
    let serial = |file| desk.shown(file)["serial"].as_str().unwrap().to_owned();
    let first = serial("alice.crt");
    desk.cert("rotate alice").exits(0);
    let second = serial("alice.crt");
    desk.cert("rotate alice --new-key").exits(0);
    let third = serial("alice.crt");
    desk.json(&format!("revoke --serial {second}"));
    let told = desk.json("revoke alice");
    assert_eq!(told["serial"], *third);
    assert_eq!(told["others"], serde_json::json!([first]));
    assert_eq!(told["count"], 3);
    desk.cert("rotate alice --new-key").exits(0);
    let told = desk.json("revoke certs/alice.crt");
    assert_eq!((&told["count"], told.get("others")), (&4.into(), None));
    assert_eq!(desk.shown("bob.crt")["state"], "ok");
}
