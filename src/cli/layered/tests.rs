//! Layers of settings, from whole command lines.

use super::*;

fn resolve_in(words: &str, variables: &[(&str, &str)]) -> Outcome<Effective> {
    let words = Words {
        argv: words.split(' ').map(Into::into).collect(),
        variables: variables
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        settled: Vec::new(),
    };
    words.resolve()
}

fn resolve_with_file(
    words: &str,
    variables: &[(&str, &str)],
    file: &str,
) -> (Outcome<Effective>, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("dkv.toml");
    std::fs::write(&path, file).unwrap();
    let path = path.to_str().unwrap().to_owned();
    let mut variables = variables.to_vec();
    variables.push(("DKV_CONFIG", &path));
    (resolve_in(words, &variables), path)
}

fn raw(effective: &Effective, id: &str) -> String {
    let mut matches = &effective.matches;
    while let Some((_, deeper)) = matches.subcommand() {
        matches = deeper;
    }
    let values = matches.get_raw(id).into_iter().flatten();
    let values: Vec<_> = values.map(|value| value.to_str().unwrap()).collect();
    values.join(",")
}

fn message(outcome: Outcome<Effective>) -> String {
    match outcome.err().expect("it must be refused") {
        Failure::Error(error) | Failure::Change(error) => error.message().to_owned(),
        Failure::Usage(error) => error.to_string(),
        Failure::Output(error) => error.to_string(),
        Failure::Interrupted | Failure::Stopped => "interrupted".to_owned(),
    }
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let file = "timeout = '1s'\nretries = 1\nbucket = 'of-file'";
    let variables = [("DKV_TIMEOUT", "2s"), ("DKV_RETRIES", "2")];
    let (outcome, path) = resolve_with_file("dkv kv get k --timeout 3s", &variables, file);
    let effective = outcome.unwrap();
    assert_eq!(raw(&effective, "timeout"), "3s");
    assert_eq!(raw(&effective, "retries"), "2");
    assert_eq!(raw(&effective, "bucket"), "of-file");
    assert_eq!(raw(&effective, "shard"), "100");
    assert_eq!(effective.sources["retries"], "DKV_RETRIES");
    assert_eq!(effective.sources["bucket"], format!("bucket in {path}"));
    assert!(!effective.sources.contains_key("timeout"));
}

#[test]
fn flags_of_the_parent_may_stand_before_or_after_the_subcommand() {
    for words in [
        "dkv kv --shard 7 get k",
        "dkv kv get k --shard 7",
        "dkv kv get --shard=7 k",
    ] {
        let effective = resolve_in(words, &[("DKV_SHARD", "9")]).unwrap();
        assert_eq!(raw(&effective, "shard"), "7", "{words}");
    }
}

#[test]
fn lists_and_switches_come_from_every_layer() {
    let file = "listen = ['127.0.0.1:1', '127.0.0.1:2']\ninsecure = true";
    let (outcome, _) = resolve_with_file("dkv serve", &[], file);
    let matches = outcome.unwrap().matches;
    let serve = matches.subcommand_matches("serve").unwrap();
    let listen = serve
        .get_many::<crate::server::settings::ListenAddress>("listen")
        .unwrap();
    assert_eq!(listen.len(), 2);
    assert!(serve.get_flag("insecure"));

    let variables = [("DKV_INSECURE", "0"), ("DKV_SHARDS", "1=lstore,2=dstore")];
    let effective = resolve_in("dkv serve", &variables).unwrap();
    let serve = effective.matches.subcommand_matches("serve").unwrap();
    assert!(!serve.get_flag("insecure"));
    let shards = serve
        .get_many::<crate::config::text::ShardText>("shards")
        .unwrap();
    assert_eq!(shards.len(), 2);
}

#[test]
fn a_bad_value_is_refused_under_the_name_of_its_layer() {
    let from_variable = message(resolve_in("dkv kv get k", &[("DKV_TIMEOUT", "abc")]));
    assert!(
        from_variable.starts_with("DKV_TIMEOUT=abc: `abc` is not a duration"),
        "{from_variable}"
    );
    let (outcome, path) = resolve_with_file("dkv kv get k", &[], "shard = 0");
    let from_file = message(outcome);
    assert!(
        from_file.starts_with(&format!("shard in {path}=0: `0` is not a shard")),
        "{from_file}"
    );
    let choice = message(resolve_in("dkv kv get k", &[("DKV_OUTPUT", "yaml")]));
    assert!(
        choice.starts_with("DKV_OUTPUT=yaml: it is one of text, json"),
        "{choice}"
    );
    let number = message(resolve_in("dkv kv get k", &[("DKV_RETRIES", "-1")]));
    assert!(number.starts_with("DKV_RETRIES=-1: "), "{number}");
    let switch = message(resolve_in("dkv kv scan", &[("DKV_KEYS_ONLY", "maybe")]));
    assert!(switch.starts_with("DKV_KEYS_ONLY=maybe: "), "{switch}");
    let typed = message(resolve_in("dkv kv get k --timeout abc", &[]));
    assert!(
        typed.contains("'--timeout <DURATION>': `abc` is not a duration"),
        "{typed}"
    );
}

#[test]
fn a_variable_of_any_subcommand_is_accepted_by_all() {
    let variables = [
        ("DKV_DATA_DIR", "/x"),
        ("DKV_THREADS", "7"),
        ("DKV_TTL", "1m"),
    ];
    assert!(resolve_in("dkv kv get k", &variables).is_ok());
}

#[test]
fn unknown_names_are_refused_but_never_where_they_could_not_be_looked_up() {
    let unknown = [("DKV_TIMEOUTS", "1s")];
    assert!(message(resolve_in("dkv kv get k", &unknown)).contains("DKV_TIMEOUT?"));
    for words in ["dkv version", "dkv man", "dkv completions bash"] {
        assert!(resolve_in(words, &unknown).is_ok(), "{words}");
    }
    let (outcome, path) = resolve_with_file("dkv kv get k", &[], "shards2 = 'x'");
    let refused = message(outcome);
    assert!(
        refused.contains(&path) && refused.contains("did you mean `shards`?"),
        "{refused}"
    );
    let missing = message(resolve_in("dkv kv get k --config /nowhere.toml", &[]));
    assert!(missing.contains("/nowhere.toml"), "{missing}");
}

#[test]
fn old_names_mean_what_they_meant() {
    let words = "dkv kv get k --transport-endpoints a:1,b:2 --transport-retries 9";
    let effective = resolve_in(words, &[]).unwrap();
    assert_eq!(raw(&effective, "endpoints"), "a:1,b:2");
    assert_eq!(raw(&effective, "retries"), "9");
    assert!(effective.notes.is_empty());
    let variables = [
        ("DKV_TRANSPORT_ENDPOINT", "127.0.0.1:9"),
        ("DKV_REPLICA_ID", "node-1"),
    ];
    let effective = resolve_in("dkv serve --timeout 7", &variables).unwrap();
    assert_eq!(raw(&effective, "listen"), "127.0.0.1:9");
    assert_eq!(raw(&effective, "node_id"), "node-1");
    assert_eq!(raw(&effective, "request_timeout"), "7");
}

#[test]
fn old_flags_without_meaning_are_accepted_with_one_note_each() {
    let words = "dkv --serializer gob kv set k v --transport-tcp-nodelay --transport tcp";
    let effective = resolve_in(words, &[("DKV_TRANSPORT_READ_BUFFER", "64")]).unwrap();
    let notes = effective.notes.join("\n");
    for source in [
        "--serializer",
        "--transport ",
        "--transport-tcp-nodelay",
        "DKV_TRANSPORT_READ_BUFFER",
    ] {
        assert!(notes.contains(source), "{source}: {notes}");
    }
    assert_eq!(effective.notes.len(), 4, "{notes}");
}
