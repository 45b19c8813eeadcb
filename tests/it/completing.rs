//! Completion in the shells of people: what Tab offers, quickly and without a word of error.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::harness::{Node, PATIENCE, Ran, dkv, dkv_at, run};

/// Asks until the answer is the expected one: a machine that is busy has no answer in time.
#[track_caller]
fn offers(node: &Node, line: &str, expected: &[&str]) {
    let word = line.rsplit([' ', ':', '=']).next().unwrap_or_default();
    until(expected, || {
        let ran = node.dkv(&["__complete", "bash", line, word]);
        silent(&ran);
        ran.text().lines().map(str::to_owned).collect()
    });
}

#[track_caller]
fn until(expected: &[&str], ask: impl Fn() -> Vec<String>) {
    let begun = Instant::now();
    loop {
        let offered = ask();
        if offered == expected {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{offered:?}, not {expected:?}");
    }
}

#[track_caller]
fn silent(ran: &Ran) {
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran}");
}

#[test]
fn keys_buckets_locks_and_shards_are_offered() {
    let node = Node::start();
    let mut script = String::from("SET order:1 x; SET 'two words' x; BUCKET CREATE sessions\n");
    script.push_str("LOCK jobs; SET s:1 x --bucket sessions\n");
    for n in 0..150 {
        script.push_str(&format!("SET user:{n} x\n"));
    }
    node.dkv_with_input(&["shell", "-q"], script.as_bytes())
        .exits(0);
    // Of more than fit on a screen, the next part.
    offers(&node, "dkv kv get ", &["order:", "two\\ words", "user:"]);
    let of_user_14 = [
        "14", "140", "141", "142", "143", "144", "145", "146", "147", "148", "149",
    ];
    offers(&node, "dkv kv get user:14", &of_user_14);
    offers(&node, "dkv kv scan --prefix o", &["order:1"]);
    offers(&node, "dkv kv --bucket s", &["sessions"]);
    offers(&node, "dkv kv get --bucket sessions ", &["s:1"]);
    offers(&node, "dkv bucket drop ", &["sessions"]);
    offers(&node, "dkv lock info j", &["jobs"]);
    offers(&node, "dkv kv get a --shard ", &["100", "200"]);
}

/// bash quotes around a word with a blank in it: what is typed within stays.
#[test]
fn a_word_in_quotes_is_offered_as_it_is() {
    let node = Node::start();
    node.dkv(&["kv", "set", "two words", "x"]).exits(0);
    until(&["two words"], || {
        let ran = node.dkv(&["__complete", "bash", "dkv kv get \"two", "two"]);
        silent(&ran);
        ran.text().lines().map(str::to_owned).collect()
    });
}

#[test]
fn nobody_is_kept_waiting_and_nobody_sees_an_error() {
    let silent_listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent_listener.local_addr().unwrap().to_string();
    let begun = Instant::now();
    for endpoint in [address.as_str(), "127.0.0.1:1", "not an address"] {
        let words = ["__complete", "bash", "dkv kv get us", "us"];
        silent(dkv_at(endpoint, &words).prints(""));
    }
    // 200 ms each, and what a busy machine takes to start three programs.
    assert!(begun.elapsed() < Duration::from_secs(10));
    for words in [
        &["__complete"][..],
        &["__complete", "bash"],
        &["__complete", "csh", "dkv"],
    ] {
        silent(run(dkv().args(words), b"").prints(""));
    }
    let mut unsettled = dkv();
    unsettled
        .env("DKV_NOTHING", "1")
        .args(["__complete", "fish", "dkv", "kv", "get", "a"]);
    silent(run(&mut unsettled, b"").prints(""));
}

/// The scripts are read by their shells, those that are here.
#[test]
fn scripts_are_read_by_their_shells() {
    for (shell, flag) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
        let script = run(dkv().args(["completions", shell]), b"");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &script.exits(0).stdout).unwrap();
        let Ok(read) = Command::new(shell).arg(flag).arg(file.path()).output() else {
            assert_ne!(shell, "bash", "bash is here, since the tests need it");
            continue;
        };
        assert!(read.status.success(), "{shell}: {read:?}");
    }
}

/// bash itself completes `dkv kv get user:1` although it splits words at colons.
#[test]
fn bash_completes_keys_with_colons() {
    let node = Node::start();
    node.dkv(&["kv", "set", "user:1234", "x"]).exits(0);
    let script = "source <(\"$DKV\" completions bash)\n\
        COMP_LINE='dkv kv get user:1' COMP_POINT=17 COMP_CWORD=5\n\
        COMP_WORDS=(dkv kv get user : 1)\n\
        _dkv \"$DKV\" 1 :\n\
        printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    until(&["1234"], || {
        let mut bash = Command::new("bash");
        bash.args(["--norc", "-c", script])
            .env("DKV", env!("CARGO_BIN_EXE_dkv"))
            .env("DKV_ENDPOINTS", node.address());
        let ran = run(&mut bash, b"");
        ran.text().lines().map(str::to_owned).collect()
    });
}
