//! Files that cannot be imported: each is named with what is wrong, and what to do.

use std::io::Read;
use std::os::unix::fs::PermissionsExt;

use crate::harness::{Node, Ran, dkv, finish, run};

/// What an import of a file with this content says, and that it exits with `code`.
#[track_caller]
fn refused(node: &Node, name: &str, content: &[u8], code: i32) -> Ran {
    let path = node.folder().join(name);
    std::fs::write(&path, content).unwrap();
    let ran = node.dkv(&["kv", "import", path.to_str().unwrap()]);
    ran.exits(code).complains("dkv: ");
    ran
}

/// File, content, and what is said of it.
const WRONG: &[(&str, &[u8], &str)] = &[
    (
        "a.jsonl",
        b"hello",
        "a.jsonl:1: this is not JSON: expected value (at byte 1); if the file is CSV",
    ),
    (
        "a.jsonl",
        b"\n\r\n{\"key\":\"a\",\"value\":\"b\"\n",
        "a.jsonl:3: this is not JSON: EOF",
    ),
    (
        "a.jsonl",
        b"{\"key\":\"a\xff\",\"value\":\"\"}",
        "a.jsonl:1: byte 10 of the line (0xff) is not UTF-8",
    ),
    (
        "a.jsonl",
        b"{\"key\":\"a\0\",\"value\":\"\"}",
        "a.jsonl:1: this is not JSON: control character",
    ),
    (
        "a.jsonl",
        b"{\"key\":\"\",\"value\":\"\"}",
        "a.jsonl:1: the key is empty",
    ),
    (
        "a.jsonl",
        b"[{\"key\":\"a\",\"value\":\"b\"}]",
        "a.jsonl:1: this is a JSON array",
    ),
    (
        "a.gz",
        b"\x1f\x8b\x08\0\0\0",
        "a.gz:1: this is compressed: pipe it in",
    ),
    (
        "a.zst",
        b"\x28\xb5\x2f\xfd\0\0",
        "a.zst:1: this is compressed: pipe it in",
    ),
    (
        "a.csv",
        b"\xff\xfek\0e\0y\0",
        "a.csv:1: this is UTF-16: save it as UTF-8",
    ),
    (
        "a.csv",
        b"user:1,alice\n",
        "a.csv:1: unknown column `user:1`",
    ),
    (
        "a.csv",
        b"key;value\n",
        "a.csv:1: the columns are separated by `;`",
    ),
    (
        "a.csv",
        b"key,value\na\n",
        "a.csv:2: 1 cells, and the header names 2",
    ),
    (
        "a.csv",
        b"key,value\na,\"b\nc,d\n",
        "a.csv:2: a quote in this row is never closed",
    ),
    (
        "a.CSV",
        b"key,value_b64\na,?\n",
        "a.CSV:2: `value_b64` is not base64",
    ),
];

#[test]
fn content_that_is_no_record_is_named_by_file_and_line() {
    let mut node = Node::start();
    let long_key = format!("{{\"key\":\"{}\",\"value\":\"\"}}", "k".repeat(4_097));
    let long_line = format!("{{\"key\":\"a\",\"value\":\"{}", "v".repeat(29 << 20));
    let cases = [
        (
            "a.jsonl",
            long_key.as_bytes(),
            "a.jsonl:1: the key takes 4097 bytes: a key has 1 to 4096",
        ),
        (
            "a.jsonl",
            long_line.as_bytes(),
            "a.jsonl:1: the line is longer than 29360128 bytes",
        ),
    ];
    for (name, content, expected) in cases.iter().chain(WRONG) {
        let ran = refused(&node, name, content, 1);
        ran.complains(expected)
            .complains("stopped: nothing was written");
    }
    node.assert_healthy();
    // Without a header no row can be read, so none is skipped.
    let stdin = ["kv", "import", "-", "--format", "csv", "--skip-errors"];
    let ran = node.dkv_with_input(&stdin, b"user:1,alice\nuser:2,bob\n");
    ran.exits(1)
        .complains("stdin:1: unknown column `user:1`")
        .complains("stopped: nothing was written; mend the file and import it again");
    // The same in a dry run, which goes on and writes nothing.
    let ran = node.dkv_with_input(&["kv", "import", "-", "--dry-run"], b"{}\n{\"kye\":1}");
    ran.exits(1)
        .complains("stdin:1: no key")
        .complains("stdin:2: unknown field `kye`");
}

#[test]
fn files_without_records_are_no_error() {
    let node = Node::start();
    for (name, content) in [
        ("a.jsonl", ""),
        ("a.jsonl", "\n\r\n  \n"),
        ("a.csv", ""),
        ("a.csv", "key,value\r\n"),
    ] {
        let path = node.folder().join(name);
        std::fs::write(&path, content).unwrap();
        let ran = node.dkv(&["kv", "import", path.to_str().unwrap()]);
        assert!(
            ran.exits(0).text().starts_with("imported=0, skipped=0"),
            "{ran}"
        );
    }
}

#[test]
fn files_that_cannot_be_read_are_named_before_anything_is_written() {
    let node = Node::start();
    let good = node.folder().join("good.jsonl");
    std::fs::write(&good, "{\"key\":\"a\",\"value\":\"1\"}").unwrap();
    let good = good.to_str().unwrap();
    let folder = node.folder().to_str().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (
            &[good, "/nowhere/people.jsonl"],
            "cannot read /nowhere/people.jsonl: No such file",
        ),
        (&[good, folder], "is a directory: name a file, or several"),
        (&["-", good, "-"], "stdin can be read once"),
        (&[good, "--format", "xml"], "xml"),
        (
            &[good, "--report", good],
            "would be written over a file that is imported",
        ),
        (
            &[good, "--report", "/nowhere/bad.csv"],
            "cannot write /nowhere/bad.csv",
        ),
        (&[], "<FILE>"),
    ];
    for (arguments, expected) in cases {
        let ran = node.dkv(&[&["kv", "import"][..], arguments].concat());
        ran.exits(2).complains(expected);
    }
    let locked = node.folder().join("locked.jsonl");
    std::fs::write(&locked, "").unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Whoever may read everything, as root may, is not refused.
    if std::fs::File::open(&locked).is_err() {
        let ran = node.dkv(&["kv", "import", good, locked.to_str().unwrap()]);
        ran.exits(2).complains("locked.jsonl: Permission denied");
    }
    node.dkv(&["kv", "has", "a"]).exits(3);
    assert!(!std::fs::read(good).unwrap().is_empty());
}

#[test]
fn what_is_wrong_with_the_server_is_not_blamed_on_a_line() {
    let node = Node::start();
    let good = node.folder().join("good.jsonl");
    std::fs::write(&good, "{\"key\":\"a\",\"value\":\"1\"}").unwrap();
    let good = good.to_str().unwrap();
    let import = |more: &[&str]| {
        let ran = node.dkv(&[&["kv", "import", good], more].concat());
        assert!(!ran.stderr.contains("good.jsonl"), "{ran}");
        ran
    };
    import(&["--shard", "200"]).exits(2).complains("locks only");
    import(&["--shard", "700"])
        .exits(1)
        .complains("shard 700 is not served");
    import(&["--bucket", "nope"]).exits(1).complains("nope");
    let nobody = format!("unix:{}/nobody.sock", node.folder().display());
    let ran = run(
        dkv().args([
            "kv",
            "import",
            good,
            "--retries",
            "0",
            "--endpoints",
            &nobody,
        ]),
        b"",
    );
    ran.exits(5).complains("is `dkv serve` running?");
}

#[test]
fn an_export_into_what_is_no_file_is_refused() {
    let node = Node::start();
    let folder = node.folder().to_str().unwrap();
    node.dkv(&["kv", "export", folder])
        .exits(2)
        .complains("is a directory: name a file in it");
    node.dkv(&["kv", "export", "/nowhere/dump.jsonl"])
        .exits(2)
        .complains("cannot write /nowhere/dump.jsonl: No such file");
    node.dkv(&["kv", "export", "--prefix", "a", "--start", "b"])
        .exits(2);
    node.dkv(&["kv", "export", "--bucket", "nope"])
        .exits(1)
        .complains("nope");
    node.dkv(&["kv", "export", "/dev/null"]).exits(0);
}

/// The export waited for the reader of a pipe, and Ctrl-C for the export.
#[test]
fn an_export_into_a_pipe_that_nobody_reads_can_be_interrupted() {
    let node = Node::start();
    let value = "v".repeat(1 << 20);
    node.dkv_with_input(&["kv", "set", "a", "-"], value.as_bytes())
        .exits(0);
    let pipe = node.folder().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    // Open for both, so that neither side waits for the other.
    let mut reader = std::fs::File::options()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    let export = dkv()
        .env("DKV_ENDPOINTS", node.address())
        .args(["kv", "export"])
        .arg(&pipe)
        .spawn()
        .unwrap();
    reader.read_exact(&mut [0; 1]).unwrap();
    let pid = rustix::process::Pid::from_child(&export);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(finish(export, "the export").code, 130);
}
