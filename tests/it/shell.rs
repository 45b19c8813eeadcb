//! `dkv shell` with commands from a pipe: what it prints, how it exits, and what it makes of
//! garbage.

use crate::harness::{Node, Ran, dkv, run};

fn shell(node: &Node, script: &[u8]) -> Ran {
    node.dkv_with_input(&["shell"], script)
}

fn typed(node: &Node, commands: &str) -> Ran {
    node.dkv(&["shell", "-c", commands])
}

/// One of nearly everything.
const SCRIPT: &[u8] = br#"# a comment, and an empty line

SET greeting 'hello, world'
get greeting
SET bytes "\xff\n"; SET k v 300
kv scan --keys-only
SET n 5 IF ABSENT
INCR n -7
HISTORY n LIMIT 1
GET greeting AT 1
SET poem <<END
two
lines
END
GET poem -o json
SET two "words
and a line"
HAS two
DELETE PREFIX t YES
BATCH
set a 1
set b 2

TXN
if value a = 1
then set a 3
else get a
END
WATCH a FROM 1 LIMIT 2
SCAN COUNT
BUCKET CREATE sessions TTL 30m
USE sessions
SET s:1 alice
OUTPUT jsonl
SCAN s LIMIT 5 KEYS
USE
OUTPUT text
SCAN g
EXIT
GET never
"#;

#[test]
fn a_script_prints_what_the_command_line_would() {
    let node = Node::start();
    let ran = shell(&node, SCRIPT);
    ran.exits(0);
    let lines: Vec<&str> = ran.text().lines().collect();
    let expected = [
        "revision=1",
        "hello, world",
        "revision=2",
        "revision=3",
        "bytes",
        "greeting",
        "k",
        "revision=4",
        "-2",
        "revision=5, kind=set, age=",
        "hello, world",
        "revision=6",
        "{",
        r#"  "key": "poem","#,
        r#"  "value": "two\nlines","#,
    ];
    for (line, expected) in lines.iter().zip(expected) {
        assert!(
            line.starts_with(expected),
            "`{line}`, expected `{expected}`: {ran}"
        );
    }
    for words in [
        "found=true",
        "deleted=1",
        "succeeded=true",
        "op=set, key=a, written=true",
        "set\t9\ta\t1\nset\t11\ta\t3\n",
        "count=7",
        "created=true",
        r#"{"key":"s:1","expired":false"#,
        "greeting\thello, world\n",
    ] {
        assert!(ran.text().contains(words), "{words}: {ran}");
    }
    assert_eq!(
        ran.stderr, "line 9: there are older changes: --before 5\n",
        "{ran}"
    );
}

#[test]
fn a_failure_is_told_with_its_line_and_the_others_go_on() {
    let node = Node::start();
    let script = b"SET a 1\nGET nothing\nSETT a 2\nSET a 2 IF REVISION 99\nGET a\n";
    let ran = shell(&node, script);
    ran.exits(3).prints("revision=1\nwritten=false\n1");
    ran.complains("line 2: not found")
        .complains("dkv: line 3: column 1: there is no command `SETT`: did you mean SET?");
    let stopped = node.dkv_with_input(&["shell", "--fail-fast"], script);
    stopped.exits(3).prints("revision=2");
    typed(&node, "SET b 1 FENCE nobody@1; GET a")
        .exits(4)
        .prints("1")
        .complains("stale fence");
    typed(&node, "SET b")
        .exits(2)
        .complains("SET needs a value");
    typed(&node, "GET a; GET \"a")
        .exits(2)
        .prints("")
        .complains("never closed");
    typed(&node, "lock run x -- true")
        .exits(2)
        .complains("not within the shell");
    typed(&node, "delete prefix a")
        .exits(2)
        .complains("add YES (or --yes)");
    typed(&node, "kv set a -")
        .exits(2)
        .complains("standard input is the shell's own");
    typed(&node, "kv import -")
        .exits(2)
        .complains("standard input is the shell's own");
}

#[test]
fn a_lock_is_remembered_until_it_is_given_up() {
    let node = Node::start();
    let ran = shell(
        &node,
        b"LOCK jobs 30s\nRENEW jobs 60\nLOCK jobs\nUNLOCK jobs\nUNLOCK jobs\n",
    );
    ran.exits(3)
        .complains("line 5: this shell does not hold the lock jobs");
    for words in [
        "acquired=true, ownerId=",
        "renewed=true",
        "acquired=false",
        "released=true",
    ] {
        assert!(ran.text().contains(words), "{words}: {ran}");
    }
    let left = typed(&node, "LOCK jobs");
    left.exits(0).complains("not given up: jobs;");
    let by_hand = typed(&node, "LOCK other 30s; LOCKS o");
    assert!(by_hand.exits(0).text().contains("name=other"), "{by_hand}");
}

#[test]
fn settings_of_the_shell_hold_for_its_lines_and_flags_beat_them() {
    let node = Node::start();
    node.dkv(&["bucket", "create", "b"]).exits(0);
    let ran = node.dkv(&[
        "shell",
        "--bucket",
        "b",
        "-o",
        "jsonl",
        "-c",
        "SET k 1; GET k",
    ]);
    assert!(ran.exits(0).text().contains(r#""value":"1""#), "{ran}");
    node.dkv(&["kv", "get", "k"]).exits(3);
    let mut command = dkv();
    command
        .env("DKV_ENDPOINTS", node.address())
        .env("DKV_BUCKET", "b");
    let ran = run(
        command.args(["shell", "-c", "GET k; USE; GET k; get --bucket b k"]),
        b"",
    );
    ran.exits(3).prints("1\n1").complains("not found");
    typed(&node, "USE c")
        .exits(1)
        .complains("there is no bucket `c`");
    typed(&node, "USE b; SHARD").prints("shard=100");
    typed(&node, "OUTPUT jsn")
        .exits(2)
        .complains("did you mean json?");
    let ran = typed(&node, "TIMING on; HAS k");
    assert!(ran.stderr.contains(" ms)\n"), "{ran}");
}

#[test]
fn nodes_may_be_changed_and_may_be_gone() {
    let (mut one, two) = (Node::start(), Node::start());
    two.dkv(&["kv", "set", "who", "two"]).exits(0);
    let connect = format!(
        "CONNECT {}; GET who; CONNECT 127.0.0.1:1; GET who",
        two.address()
    );
    typed(&one, &connect)
        .exits(5)
        .prints("two\ntwo")
        .complains("127.0.0.1:1");
    let address = one.address().to_owned();
    one.kill();
    let gone = run(
        dkv().args([
            "shell",
            "--endpoints",
            &address,
            "--timeout",
            "1s",
            "-c",
            "GET a; HELP",
        ]),
        b"",
    );
    gone.exits(5).complains("is `dkv serve` running?");
    assert!(gone.text().contains("REVERT"), "{gone}");
}

#[test]
fn garbage_is_refused_line_by_line() {
    let mut node = Node::start();
    let table: [(&[u8], i32, &str); 9] = [
        (
            b"SET a \x00\n",
            2,
            "line 1: column 7: the byte 0 is not printable",
        ),
        (b"\xff\xfe\xfd a b\n", 2, "there is no command"),
        (
            b"SET a 'b\n\nc",
            2,
            "line 1: column 7: this ' is never closed",
        ),
        (b"SET a <<END\nb\n", 2, "no line with `END` alone ends this"),
        (b"GET a \\", 3, "line 1: not found"),
        (b"\n\nSET a \"\\q\"\n", 2, "line 3: column 8"),
        (b";;;\n#\n \t\n", 0, ""),
        (b"SET a b c d e\n", 2, "`c` is not expected here"),
        (b"kv set\n", 2, "required arguments"),
    ];
    for (script, code, about) in table {
        let ran = shell(&node, script);
        ran.exits(code).complains(about);
    }
    // Any bytes that are not text are a key and a value.
    shell(&node, b"SET \xff \xfe\nGET \xff -o raw\n").exits(0);
    node.assert_healthy();
}

#[test]
fn long_lines_are_values_or_refused() {
    let mut node = Node::start();
    let megabyte = "v".repeat(1 << 20);
    let ran = shell(&node, format!("SET big {megabyte}\nGET big\n").as_bytes());
    assert_eq!(
        ran.exits(0).stdout.len(),
        "revision=1\n".len() + (1 << 20) + 1
    );
    let ran = shell(&node, format!("{megabyte} a\nHAS big\n").as_bytes());
    ran.exits(2).prints("found=true");
    assert!(
        ran.stderr.len() < 1_000,
        "a word that nobody wants to read is cut"
    );
    // An open quote in the first of many lines costs no time that grows with their square.
    let mut open = b"SET a 'x\n".to_vec();
    open.extend_from_slice("GET a b c d\n".repeat(100_000).as_bytes());
    shell(&node, &open)
        .exits(2)
        .complains("line 1: column 7: this ' is never closed");
    node.assert_healthy();
}
