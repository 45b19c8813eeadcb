//! The command line, with `-o json`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use serde_json::{Value, json};

use super::asks::{Ask, LOCK, Only, What};
use super::plain::{bytes, ops, seen};
use super::said::{Kind, OpSaid, Said};
use crate::harness::{Node, Ran, dkv, run};

pub(crate) fn ask(node: &Node, asks: &[Ask]) -> Vec<Said> {
    let typed = asks.iter().map(|ask| (ask, type_in(node, ask)));
    typed.map(|(ask, ran)| read(ask, &ran)).collect()
}

fn type_in(node: &Node, ask: &Ask) -> Ran {
    let (words, input) = words(ask);
    let mut command = dkv();
    command.args(["-o", "json"]).args(words);
    let shard = ask.shard.to_string();
    command.args(["--endpoints", node.address(), "--shard", &shard]);
    let is_about_keys = !matches!(ask.what, What::CreateBucket { .. } | What::DropBucket)
        && !is_about_locks(&ask.what);
    if is_about_keys && !ask.bucket.is_empty() {
        command.args(["--bucket", ask.bucket]);
    }
    run(&mut command, &input)
}

fn is_about_locks(what: &What) -> bool {
    matches!(
        what,
        What::Acquire(..) | What::Renew(..) | What::Release(..) | What::Info(_) | What::Revoke(_)
    )
}

/// The words of a command, and its standard input.
type Typed = (Vec<OsString>, Vec<u8>);

fn of(words: &[&str], key: &[u8], more: &[&str]) -> Vec<OsString> {
    let key = OsString::from_vec(key.to_vec());
    let words = words.iter().map(OsString::from).chain([key]);
    words.chain(more.iter().map(OsString::from)).collect()
}

fn words(ask: &Ask) -> Typed {
    let words = match &ask.what {
        What::Get { key, at: None } => of(&["kv", "get"], key, &[]),
        What::Get { key, at: Some(at) } => of(&["kv", "get"], key, &["--at", &at.to_string()]),
        What::Has(key) => of(&["kv", "has"], key, &[]),
        What::Delete(key) => of(&["kv", "delete"], key, &[]),
        What::DeletePrefix(prefix) => of(&["kv", "delete", "--yes", "--prefix"], prefix, &[]),
        What::Expire(key) => of(&["kv", "expire"], key, &[]),
        What::Touch(key) => of(&["kv", "touch"], key, &["--ttl", "60s"]),
        What::Persist(key) => of(&["kv", "persist"], key, &[]),
        What::Incr(key, by) => of(&["kv", "incr"], key, &[&by.to_string()]),
        What::Scan { prefix, reverse } => {
            let more: &[&str] = if *reverse { &["--reverse"] } else { &[] };
            of(&["kv", "scan", "--prefix"], prefix, more)
        }
        What::History(key) => of(&["kv", "history"], key, &[]),
        what => return words_of_many(what, ask.bucket),
    };
    (words, Vec::new())
}

fn words_of_many(what: &What, bucket: &str) -> Typed {
    match what {
        What::Set {
            key,
            value,
            only,
            ttl_s,
            fence,
        } => {
            // What no argument can carry comes by standard input.
            let (given, input) = match std::str::from_utf8(value) {
                Ok(text) => (text, Vec::new()),
                Err(_) => ("-", value.to_vec()),
            };
            let mut words = of(&["kv", "set"], key, &[given]);
            match only {
                Only::Always => {}
                Only::Absent => words.push("--if-absent".into()),
                Only::Revision(revision) => {
                    words.extend(["--if-revision".into(), revision.to_string().into()]);
                }
            }
            if *ttl_s > 0 {
                words.extend(["--ttl".into(), format!("{ttl_s}s").into()]);
            }
            if let Some(token) = fence {
                let name = std::str::from_utf8(LOCK).unwrap();
                words.extend(["--fence".into(), format!("{name}@{token}").into()]);
            }
            (words, input)
        }
        What::Batch(operations) => (
            of(&["kv", "batch"], b"-", &[]),
            ops(operations).to_string().into(),
        ),
        What::Txn {
            key,
            value,
            then,
            otherwise,
        } => {
            let text = |it: &[u8]| String::from_utf8(it.to_vec()).unwrap();
            let compare = json!({"field": "value", "key": text(key), "to": text(value)});
            let script = json!({"compares": [compare], "then": ops(then), "else": ops(otherwise)});
            (of(&["kv", "txn"], b"-", &[]), script.to_string().into())
        }
        what => (words_of_locks(what, bucket), Vec::new()),
    }
}

fn words_of_locks(what: &What, bucket: &str) -> Vec<OsString> {
    let hex = |owner: &[u8; 16]| -> String { owner.iter().map(|it| format!("{it:02x}")).collect() };
    match what {
        What::Acquire(name, owner) => of(
            &["lock", "acquire"],
            name,
            &["--owner", &hex(owner), "--ttl", "60s"],
        ),
        What::Renew(name, owner) => of(&["lock", "renew"], name, &[&hex(owner), "--ttl", "60s"]),
        What::Release(name, owner) => of(&["lock", "release"], name, &[&hex(owner)]),
        What::Info(name) => of(&["lock", "info"], name, &[]),
        What::Revoke(name) => of(&["lock", "revoke", "--yes"], name, &[]),
        What::CreateBucket { quota_keys } => of(
            &["bucket", "create"],
            bucket.as_bytes(),
            &["--quota-keys", &quota_keys.to_string()],
        ),
        What::DropBucket => of(&["bucket", "drop", "--yes"], bucket.as_bytes(), &[]),
        other => panic!("the table has no {other:?}"),
    }
}

fn read(ask: &Ask, ran: &Ran) -> Said {
    let complaint = ran
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("dkv: "));
    if let Some(message) = complaint {
        return Said::Refused {
            kind: Kind::Exit(ran.code),
            message: message.to_owned(),
        };
    }
    if matches!(ask.what, What::Get { .. }) && ran.code == 3 {
        return Said::Record(None);
    }
    let body: Value = serde_json::from_str(ran.text())
        .unwrap_or_else(|_| panic!("{ask:?}: no JSON: {}, {}", ran.text(), ran.stderr));
    let flag = |name: &str| {
        body[name]
            .as_bool()
            .unwrap_or_else(|| panic!("{ask:?}: {body}"))
    };
    let number = |name: &str| {
        body[name]
            .as_u64()
            .unwrap_or_else(|| panic!("{ask:?}: {body}"))
    };
    let results = |of: &Value| of.as_array().unwrap().iter().map(op_said).collect();
    match &ask.what {
        What::Set { .. } => Said::Written(flag("written").then(|| number("revision"))),
        What::Get { .. } => Said::Record(Some(seen(&body))),
        What::Has(_) => Said::Found(flag("found")),
        What::Delete(_) | What::DeletePrefix(_) => Said::Deleted(number("deleted")),
        What::Expire(_) => Said::Changed(flag("expired")),
        What::Touch(_) => Said::Changed(flag("touched")),
        What::Persist(_) => Said::Changed(flag("persisted")),
        What::Incr(..) => Said::Number(body["value"].as_i64().unwrap()),
        What::Scan { .. } => Said::Records(body.as_array().unwrap().iter().map(seen).collect()),
        What::History(_) => Said::Changes(body.as_array().unwrap().iter().map(change).collect()),
        What::Batch(_) => Said::Ops(None, results(&body)),
        What::Txn { .. } => Said::Ops(Some(flag("succeeded")), results(&body["results"])),
        What::Acquire(..) => Said::Granted(flag("acquired").then(|| number("fence"))),
        What::Renew(..) => Said::Done(flag("renewed")),
        What::Release(..) => Said::Done(flag("released")),
        What::Info(_) => Said::Lock(flag("held").then(|| number("fence"))),
        What::Revoke(_) => Said::Done(flag("revoked")),
        What::CreateBucket { .. } => Said::Done(flag("created")),
        What::DropBucket => Said::Done(flag("dropped")),
    }
}

fn change(form: &Value) -> (u64, String, Option<Vec<u8>>) {
    let kind = form["kind"].as_str().unwrap().to_owned();
    (
        form["revision"].as_u64().unwrap(),
        kind,
        bytes(form, "value"),
    )
}

fn op_said(form: &Value) -> OpSaid {
    if let Some(message) = form["error"].as_str() {
        return OpSaid::Refused(message.to_owned());
    }
    match form["op"].as_str().unwrap() {
        "set" => OpSaid::Written,
        "delete" => OpSaid::Deleted(form["deleted"].as_u64().unwrap()),
        "incr" => OpSaid::Number(form["value"].as_i64().unwrap()),
        _ => OpSaid::Got(bytes(form, "value")),
    }
}
