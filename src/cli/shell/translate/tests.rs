//! Lines and the command lines they mean.

use super::super::lexer::statements;
use super::*;
use crate::cli::root;

fn tree() -> Command {
    let mut tree = root::command();
    tree.build();
    tree
}

fn asked(line: &str) -> Result<Asked, Wrong> {
    let read = statements(line.as_bytes()).unwrap_or_else(|wrong| panic!("{line}: {wrong:?}"));
    translate(&read[0], &tree())
}

fn argv(line: &str) -> String {
    match asked(line) {
        Ok(Asked::Command(line)) => {
            let words = line.argv();
            let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
            words.join(" ")
        }
        other => panic!("{line}: {other:?}"),
    }
}

fn refusal(line: &str) -> String {
    let wrong = asked(line).expect_err("it must be refused");
    wrong.in_text(line.as_bytes()).message().to_owned()
}

/// Lines, and what they are on the command line.
const LINES: &[(&str, &str)] = &[
    ("SET k v", "dkv kv set -- k v"),
    ("set k v", "dkv kv set -- k v"),
    ("SET k v 300", "dkv kv set --ttl=300 -- k v"),
    ("set k v 5m", "dkv kv set --ttl=5m -- k v"),
    ("SET k v ttl 5m", "dkv kv set --ttl=5m -- k v"),
    (
        "SET k v EX 300 NX",
        "dkv kv set --ttl=300 --if-absent -- k v",
    ),
    ("SET k v IF ABSENT", "dkv kv set --if-absent -- k v"),
    ("SET k v IF REVISION 7", "dkv kv set --if-revision=7 -- k v"),
    ("SET k v IF VALUE -1", "dkv kv set --if-value=-1 -- k v"),
    ("SET k v FENCE jobs@42", "dkv kv set --fence=jobs@42 -- k v"),
    (
        "SET k v EXPIRE IN 5m DELETE IN 1h",
        "dkv kv set --expire-in=5m --delete-in=1h -- k v",
    ),
    ("SET ttl ex 5", "dkv kv set --ttl=5 -- ttl ex"),
    ("SET k 300", "dkv kv set -- k 300"),
    ("SET k -5", "dkv kv set -- k -5"),
    ("SET k '@bob'", "dkv kv set --literal -- k @bob"),
    ("SET k @bob", "dkv kv set -- k @bob"),
    ("SET k -", "dkv kv set --literal -- k -"),
    ("set --ttl 5m k v", "dkv kv set --ttl 5m -- k v"),
    (
        "set k v --ttl=5m -o json",
        "dkv kv set --ttl=5m -o json -- k v",
    ),
    ("dkv kv set k v --ttl 5m", "dkv kv set k v --ttl 5m"),
    ("kv get --at 5 key", "dkv kv get --at 5 key"),
    ("KV GET key", "dkv kv get key"),
    ("get --at 5 key", "dkv kv get --at 5 -- key"),
    ("GET a b AT 5m", "dkv kv get --at=5m -- a b"),
    ("GET at", "dkv kv get -- at"),
    ("GET a 'at'", "dkv kv get -- a at"),
    ("DEL a", "dkv kv delete -- a"),
    ("DELETE PREFIX a YES", "dkv kv delete --prefix=a --yes"),
    ("DELETE \"prefix\"", "dkv kv delete -- prefix"),
    ("TOUCH k 60", "dkv kv touch --ttl=60 -- k"),
    ("TTL k", "dkv kv ttl -- k"),
    ("INCR n", "dkv kv incr -- n"),
    ("INCR n -5", "dkv kv incr -- n -5"),
    ("SCAN", "dkv kv scan"),
    (
        "SCAN user: LIMIT 5 KEYS REVERSE",
        "dkv kv scan --prefix=user: --limit=5 --keys-only --reverse",
    ),
    ("SCAN LIMIT 5", "dkv kv scan --limit=5"),
    ("SCAN \"LIMIT\"", "dkv kv scan --prefix=LIMIT"),
    ("scan user: count", "dkv kv scan --prefix=user: --count"),
    ("HISTORY k LIMIT 3", "dkv kv history --limit=3 -- k"),
    ("DIFF 5m", "dkv kv diff --since=5m"),
    (
        "DIFF SINCE 5m UNTIL 1m PREFIX a",
        "dkv kv diff --since=5m --until=1m --prefix=a",
    ),
    ("REVERT k TO 7", "dkv kv revert --to=7 -- k"),
    ("REVERT k 7", "dkv kv revert --to=7 -- k"),
    ("WATCH a LIMIT 2", "dkv kv watch --prefix=a --limit=2"),
    ("WATCH KEY a FROM 1", "dkv kv watch --from=1 -- a"),
    ("BUCKETS", "dkv bucket list"),
    (
        "BUCKET CREATE b TTL 5m QUOTA 1MiB QUOTA KEYS 9",
        "dkv bucket create --ttl=5m --quota=1MiB --quota-keys=9 -- b",
    ),
    (
        "bucket create b --quota 1MiB",
        "dkv bucket create --quota 1MiB -- b",
    ),
    ("BUCKET ENTRIES b", "dkv bucket entries b"),
    (
        "LOCK jobs 30s WAIT 10s",
        "dkv lock acquire --ttl=30s --wait=10s -- jobs",
    ),
    ("lock info jobs", "dkv lock info jobs"),
    ("LOCK 'info'", "dkv lock acquire -- info"),
    ("UNLOCK jobs 00ff", "dkv lock release -- jobs 00ff"),
    ("RENEW jobs 60s", "dkv lock renew --ttl=60s -- jobs"),
    ("LOCKS a", "dkv lock list --prefix=a"),
    ("CLUSTER", "dkv cluster status"),
    ("CLUSTER health", "dkv cluster health"),
    ("STATUS", "dkv info"),
    ("info -o json", "dkv info -o json"),
];

#[test]
fn a_line_is_a_command_line() {
    for (line, expected) in LINES {
        assert_eq!(argv(line), *expected, "{line}");
    }
}

/// The table of verbs names subcommands and flags that there are.
#[test]
fn every_verb_is_a_subcommand_with_its_flags() {
    let tree = tree();
    for verb in verbs::all() {
        let mut path = verb.path().iter();
        let command = path.try_fold(&tree, |tree, name| tree.find_subcommand(name));
        let Some(command) = command.filter(|_| !verb.path().is_empty()) else {
            assert!(verb.path().is_empty(), "{}", verb.name);
            continue;
        };
        let places = verb.places.iter().filter_map(|place| place.flag);
        let flags = verb
            .options
            .iter()
            .map(|choice| choice.flag)
            .chain(places)
            .chain(verb.bare);
        for flag in flags.filter(|flag| !flag.is_empty()) {
            let known = command.get_arguments().any(|argument| {
                let long = argument.get_long().map(|long| format!("--{long}"));
                let aliases = argument.get_all_aliases().unwrap_or_default();
                long.as_deref() == Some(flag) || aliases.contains(&flag.trim_start_matches("--"))
            });
            assert!(known, "{} {flag}", verb.name);
        }
    }
}

#[test]
fn what_is_wrong_is_told_with_its_column_and_what_would_be_right() {
    let table = [
        (
            "SETT a b",
            "column 1: there is no command `SETT`: did you mean SET?",
        ),
        ("scann", "did you mean SCAN?"),
        ("xyzzy", "HELP lists the commands"),
        (
            "keys *",
            "there is no command `keys`: did you mean SCAN prefix KEYS?",
        ),
        ("SET a", "column 6: SET needs a value: write SET key value"),
        ("GET", "GET needs a key: write GET key..."),
        ("SET a b LIMT 5", "column 9: `LIMT` is not expected here"),
        (
            "SCAN a LIMT 5",
            "column 8: `LIMT` is not expected here: did you mean LIMIT?",
        ),
        ("SCAN a LIMIT", "column 8: LIMIT needs a value: LIMIT N"),
        (
            "SET a 1 TTL 5x",
            "column 13: TTL: `5x` is not a duration: write one like 250ms",
        ),
        (
            "HAS a b",
            "column 7: `b` is not expected here: write HAS key",
        ),
        ("DIFF", "DIFF needs a moment: write DIFF moment"),
        ("serve", "start a node from your own shell"),
        ("lock run a -- true", "not within the shell"),
    ];
    for (line, expected) in table {
        let message = refusal(line);
        assert!(message.contains(expected), "{line}: {message}");
    }
}

#[test]
fn what_concerns_the_shell_is_left_to_it() {
    for (line, expected) in [
        ("use a", Own::Use),
        ("QUIT", Own::Exit),
        ("? set", Own::Help),
    ] {
        assert!(
            matches!(asked(line), Ok(Asked::Own(own, _)) if own == expected),
            "{line}"
        );
    }
}
