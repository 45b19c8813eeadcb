//! REST, with bodies of JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::asks::{Ask, LOCK, Only, Op, What};
use super::said::{Kind, OpSaid, Said, Seen};
use crate::harness::{Answer, http_raw};

pub(crate) fn ask(address: &str, asks: &[Ask]) -> Vec<Said> {
    asks.iter()
        .map(|ask| read(ask, &send(address, ask)))
        .collect()
}

/// A method, a path with its query, headers and a body.
struct Sent {
    method: &'static str,
    path: String,
    header: Option<(&'static str, String)>,
    body: Option<Value>,
}

fn send(address: &str, ask: &Ask) -> Answer {
    let sent = request(&ask.what, ask.bucket);
    let mut path = sent.path;
    path.push(if path.contains('?') { '&' } else { '?' });
    path.push_str(&format!("shard={}", ask.shard));
    let is_of_bucket = matches!(ask.what, What::CreateBucket { .. } | What::DropBucket);
    if !ask.bucket.is_empty() && !is_of_bucket {
        path.push_str(&format!("&bucket={}", encoded(ask.bucket.as_bytes())));
    }
    let mut head = format!(
        "{} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
        sent.method
    );
    if let Some((name, value)) = sent.header {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let body = sent.body.map_or_else(String::new, |body| body.to_string());
    if !body.is_empty() {
        head.push_str("Content-Type: application/json\r\n");
    }
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    http_raw(address, request.as_bytes())
}

/// Every byte that is not a letter or digit.
fn encoded(bytes: &[u8]) -> String {
    let byte = |byte: &u8| match byte.is_ascii_alphanumeric() {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    bytes.iter().map(byte).collect()
}

fn put(form: &mut Value, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => form[name] = text.into(),
        Err(_) => form[format!("{name}_b64")] = STANDARD.encode(bytes).into(),
    }
}

fn plain(method: &'static str, path: String) -> Sent {
    Sent {
        method,
        path,
        header: None,
        body: None,
    }
}

fn key(route: &str, key: &[u8]) -> String {
    format!("/v1/{route}/{}", encoded(key))
}

fn lock(name: &[u8], verb: &str, body: Option<Value>) -> Sent {
    let path = format!("/v1/locks/{}/{verb}", encoded(name));
    Sent {
        body,
        ..plain("POST", path)
    }
}

fn held(owner: &[u8; 16]) -> Value {
    json!({"owner": hex(owner), "ttl": "60s"})
}

fn request(what: &What, bucket: &str) -> Sent {
    match what {
        What::Set {
            key: name,
            value,
            only,
            ttl_s,
            fence,
        } => {
            let mut body = json!({});
            put(&mut body, "value", value);
            if *ttl_s > 0 {
                body["ttl_seconds"] = (*ttl_s).into();
            }
            let mut path = key("keys", name);
            if let Some(token) = fence {
                path.push_str(&format!("?fence={}@{token}", encoded(LOCK)));
            }
            let header = match only {
                Only::Always => None,
                Only::Absent => Some(("If-None-Match", "*".to_owned())),
                Only::Revision(revision) => Some(("If-Match", format!("\"{revision}\""))),
            };
            Sent {
                method: "PUT",
                path,
                header,
                body: Some(body),
            }
        }
        What::Get {
            key: name,
            at: None,
        } => plain("GET", key("keys", name)),
        What::Get {
            key: name,
            at: Some(at),
        } => plain("GET", format!("{}?at={at}", key("keys", name))),
        What::Has(name) => plain("GET", key("has", name)),
        What::Delete(name) => plain("DELETE", key("keys", name)),
        What::DeletePrefix(prefix) => {
            plain("DELETE", format!("/v1/keys?prefix={}", encoded(prefix)))
        }
        What::Expire(name) => plain("POST", key("expire", name)),
        What::Touch(name) => plain("POST", format!("{}?ttl=60s", key("touch", name))),
        What::Persist(name) => plain("POST", key("persist", name)),
        What::Incr(name, by) => plain("POST", format!("{}?by={by}", key("incr", name))),
        What::Scan { prefix, reverse } => plain(
            "GET",
            format!(
                "/v1/keys?prefix={}&reverse={reverse}&limit=100",
                encoded(prefix)
            ),
        ),
        What::History(name) => plain("GET", key("history", name)),
        what => request_of_many(what, bucket),
    }
}

fn request_of_many(what: &What, bucket: &str) -> Sent {
    match what {
        What::Batch(operations) => Sent {
            body: Some(json!({"operations": ops(operations)})),
            ..plain("POST", "/v1/batch".to_owned())
        },
        What::Txn {
            key,
            value,
            then,
            otherwise,
        } => {
            let mut compare = json!({"field": "value"});
            put(&mut compare, "key", key);
            put(&mut compare, "to", value);
            let body = json!({"compares": [compare], "then": ops(then), "else": ops(otherwise)});
            Sent {
                body: Some(body),
                ..plain("POST", "/v1/transaction".to_owned())
            }
        }
        What::Acquire(name, owner) => lock(name, "acquire", Some(held(owner))),
        What::Renew(name, owner) => lock(name, "renew", Some(held(owner))),
        What::Release(name, owner) => lock(name, "release", Some(json!({"owner": hex(owner)}))),
        What::Revoke(name) => lock(name, "revoke", None),
        What::Info(name) => plain("GET", key("locks", name)),
        What::CreateBucket { quota_keys } => Sent {
            body: Some(json!({"quota_keys": quota_keys})),
            ..plain("PUT", key("buckets", bucket.as_bytes()))
        },
        What::DropBucket => plain("DELETE", key("buckets", bucket.as_bytes())),
        other => panic!("the table has no {other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Operations as REST and the command line read them.
pub(super) fn ops(ops: &[Op]) -> Value {
    let form = |op: &Op| {
        let (name, key) = match op {
            Op::Set(key, _) => ("set", key),
            Op::Delete(key) => ("delete", key),
            Op::Incr(key, _) => ("incr", key),
            Op::Get(key) => ("get", key),
        };
        let mut form = json!({"op": name});
        put(&mut form, "key", key);
        match op {
            Op::Set(_, value) => put(&mut form, "value", value),
            Op::Incr(_, by) => form["by"] = (*by).into(),
            _ => {}
        }
        form
    };
    ops.iter().map(form).collect()
}

fn read(ask: &Ask, answer: &Answer) -> Said {
    let body: Value = serde_json::from_str(&answer.body)
        .unwrap_or_else(|_| panic!("{ask:?}: no JSON: {answer:?}"));
    if body["error"].is_object() {
        return refused(ask, answer, &body["error"]);
    }
    assert!((200..300).contains(&answer.status), "{ask:?}: {answer:?}");
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
    let results = || {
        body["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(op_said)
            .collect()
    };
    match &ask.what {
        What::Set { .. } => Said::Written(Some(number("revision"))),
        What::Get { .. } => Said::Record(Some(seen(&body))),
        What::Has(_) => Said::Found(flag("found")),
        What::Delete(_) | What::DeletePrefix(_) => Said::Deleted(number("deleted")),
        What::Expire(_) | What::Touch(_) | What::Persist(_) => Said::Changed(flag("changed")),
        What::Incr(..) => Said::Number(body["value"].as_i64().unwrap()),
        What::Scan { .. } => {
            Said::Records(body["keys"].as_array().unwrap().iter().map(seen).collect())
        }
        What::History(_) => Said::Changes(
            body["changes"]
                .as_array()
                .unwrap()
                .iter()
                .map(change)
                .collect(),
        ),
        What::Batch(_) => Said::Ops(None, results()),
        What::Txn { .. } => Said::Ops(Some(flag("succeeded")), results()),
        What::Acquire(..) => Said::Granted(Some(number("fence"))),
        What::Renew(..) => Said::Done(flag("renewed")),
        What::Release(..) => Said::Done(flag("released")),
        What::Info(_) => Said::Lock(Some(number("fence"))),
        What::Revoke(_) => Said::Done(flag("revoked")),
        What::CreateBucket { .. } => Said::Done(answer.status == 201),
        What::DropBucket => Said::Done(flag("dropped")),
    }
}

/// Some refusals are answers elsewhere.
fn refused(ask: &Ask, answer: &Answer, error: &Value) -> Said {
    let kind = error["kind"].as_str().unwrap();
    let is_missing = answer.head.contains("x-dkv-found: false");
    match (&ask.what, kind) {
        (What::Get { .. }, "NotFound") if is_missing => Said::Record(None),
        (What::Info(_), "NotFound") if is_missing => Said::Lock(None),
        (What::Set { .. }, "Conflict") => Said::Written(None),
        (What::Txn { .. }, "Conflict") => Said::Ops(Some(false), Vec::new()),
        (What::Acquire(..), "Conflict") => Said::Granted(None),
        (What::Renew(..) | What::Release(..), "Conflict") => Said::Done(false),
        _ => {
            let message = error["message"].as_str().unwrap().to_owned();
            Said::Refused {
                kind: Kind::Named(kind.to_owned()),
                message,
            }
        }
    }
}

/// A field that is text, or base64.
pub(super) fn bytes(form: &Value, name: &str) -> Option<Vec<u8>> {
    match (form[name].as_str(), form[format!("{name}_b64")].as_str()) {
        (Some(text), _) => Some(text.as_bytes().to_vec()),
        (None, Some(encoded)) => Some(STANDARD.decode(encoded).unwrap()),
        (None, None) => None,
    }
}

/// A record as REST and the command line tell it.
pub(super) fn seen(form: &Value) -> Seen {
    Seen {
        key: bytes(form, "key").unwrap_or_default(),
        value: bytes(form, "value").unwrap_or_default(),
        revision: form["revision"].as_u64().unwrap(),
        create_revision: form["create_revision"].as_u64().unwrap(),
        version: form["version"].as_u64().unwrap(),
        is_timed: form["delete_in_ms"].is_u64(),
    }
}

fn change(form: &Value) -> (u64, String, Option<Vec<u8>>) {
    let value = bytes(&form["record"], "value");
    (
        form["revision"].as_u64().unwrap(),
        form["kind"].as_str().unwrap().to_owned(),
        value,
    )
}

fn op_said(form: &Value) -> OpSaid {
    if let Some(message) = form["error"]["message"].as_str() {
        return OpSaid::Refused(message.to_owned());
    }
    match form["op"].as_str().unwrap() {
        "set" => {
            assert_eq!(form["written"], true);
            OpSaid::Written
        }
        "delete" => OpSaid::Deleted(form["deleted"].as_u64().unwrap()),
        "incr" => OpSaid::Number(form["value"].as_i64().unwrap()),
        _ => OpSaid::Got(bytes(&form["record"], "value")),
    }
}
