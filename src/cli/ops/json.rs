//! The form of one JSON document:
//!
//! ```json
//! {"compares": [{"key": "account:alice", "field": "value", "is": "=", "to": "100"}],
//!  "then": [{"op": "set", "key": "account:alice", "value": "70", "ttl": "30s"},
//!           {"op": "incr", "key": "account:bob", "by": 30}],
//!  "else": [{"op": "get", "key": "account:alice"}]}
//! ```
//!
//! A batch is the array of its operations. Keys and values that are not UTF-8 have `_b64`
//! behind the name of their field.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::Deserialize;

use super::script::{Named, Script};
use super::text::relation;
use crate::base::types::{FenceToken, Revision};
use crate::base::{Error, Result, duration};
use crate::client::{Compare, Condition, Op, Relation, SetOptions, prefix_range};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    compares: Vec<CompareForm>,
    #[serde(default)]
    then: Vec<OpForm>,
    #[serde(default, rename = "else")]
    otherwise: Vec<OpForm>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CompareForm {
    key: Option<String>,
    key_b64: Option<String>,
    prefix: Option<String>,
    lock: Option<String>,
    field: String,
    is: Option<String>,
    to: Option<serde_json::Value>,
    to_b64: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OpForm {
    op: String,
    key: Option<String>,
    key_b64: Option<String>,
    prefix: Option<String>,
    value: Option<String>,
    value_b64: Option<String>,
    ttl: Option<String>,
    expire_in: Option<String>,
    #[serde(default)]
    keep_timers: bool,
    by: Option<i64>,
    #[serde(default)]
    if_absent: bool,
    #[serde(default)]
    if_present: bool,
    if_revision: Option<u64>,
}

pub(super) fn transaction(input: &[u8]) -> Result<Script> {
    let document: Document = read(input)?;
    let compares = document.compares.into_iter().enumerate();
    let compares = compares.map(|(at, form)| placed("compares", at, compare(&form)));
    Ok(Script {
        compares: compares.collect::<Result<_>>()?,
        then: operations("then", document.then)?,
        otherwise: operations("else", document.otherwise)?,
    })
}

pub(super) fn batch(input: &[u8]) -> Result<Vec<Named>> {
    operations("the batch", read(input)?)
}

fn read<'a, T: Deserialize<'a>>(input: &'a [u8]) -> Result<T> {
    serde_json::from_slice(input)
        .map_err(|error| Error::invalid(format!("the JSON document: {error}")))
}

fn operations(place: &str, forms: Vec<OpForm>) -> Result<Vec<Named>> {
    let forms = forms.into_iter().enumerate();
    forms
        .map(|(at, form)| placed(place, at, operation(&form)))
        .collect()
}

fn placed<T>(place: &str, at: usize, read: Result<T>) -> Result<T> {
    read.map_err(|error| Error::invalid(format!("{place}, entry {}: {error}", at + 1)))
}

fn operation(form: &OpForm) -> Result<Named> {
    let key = match (&form.prefix, form.op.as_str()) {
        (Some(prefix), "delete-prefix") => Bytes::from(prefix.clone()),
        (Some(_), _) => return Err(Error::invalid("only `delete-prefix` has a prefix")),
        (None, "delete-prefix") => return Err(Error::invalid("`prefix` is missing")),
        (None, _) => field("key", form.key.as_deref(), form.key_b64.as_deref())?,
    };
    form.check()?;
    let (name, op) = match form.op.as_str() {
        "set" => {
            let value = field("value", form.value.as_deref(), form.value_b64.as_deref())?;
            let options = set_options(form)?;
            ("set", Op::set_with(key.clone(), value, &options)?)
        }
        "delete" => ("delete", Op::delete(key.clone())),
        "delete-prefix" => {
            let range = prefix_range(key.clone());
            ("delete-prefix", Op::delete_range(&range))
        }
        "expire" => ("expire", Op::expire(key.clone())),
        "touch" => {
            let options = set_options(form)?;
            let touch = Op::touch(key.clone(), options.expire_in, options.delete_in)?;
            ("touch", touch)
        }
        "persist" => ("persist", Op::persist(key.clone())),
        "incr" => ("incr", Op::incr(key.clone(), form.by.unwrap_or(1))),
        "get" => ("get", Op::get(key.clone())),
        other => {
            return Err(Error::invalid(format!(
                "there is no operation `{other}`: it is set, delete, delete-prefix, expire, \
                 touch, persist, incr or get"
            )));
        }
    };
    Ok(Named { op, name, key })
}

impl OpForm {
    /// Refuses what the operation does not take: it would mean something else without it.
    fn check(&self) -> Result<()> {
        let has_value = self.value.is_some() || self.value_b64.is_some();
        let has_condition = self.if_absent || self.if_present || self.if_revision.is_some();
        let has_timer = self.ttl.is_some() || self.expire_in.is_some();
        let is = |names: &[&str]| names.contains(&self.op.as_str());
        for (is_given, is_taken, what) in [
            (has_value, is(&["set"]), "only `set` has a value"),
            (has_condition, is(&["set"]), "only `set` has conditions"),
            (
                self.keep_timers,
                is(&["set"]),
                "only `set` has `keep_timers`",
            ),
            (
                has_timer,
                is(&["set", "touch"]),
                "only `set` and `touch` have timers",
            ),
            (self.by.is_some(), is(&["incr"]), "only `incr` has `by`"),
        ] {
            if is_given && !is_taken {
                return Err(Error::invalid(what));
            }
        }
        Ok(())
    }
}

fn set_options(form: &OpForm) -> Result<SetOptions> {
    let time = |text: &Option<String>| text.as_deref().map(duration::parse).transpose();
    let conditions = [
        form.if_absent.then_some(Condition::Absent),
        form.if_present.then_some(Condition::Present),
        form.if_revision
            .map(|revision| Condition::Revision(Revision(revision))),
    ];
    let mut conditions = conditions.into_iter().flatten();
    let condition = conditions.next();
    if conditions.next().is_some() {
        return Err(Error::invalid("a set takes one condition"));
    }
    Ok(SetOptions {
        expire_in: time(&form.expire_in)?,
        delete_in: time(&form.ttl)?,
        keep_timers: form.keep_timers,
        condition,
        ..SetOptions::default()
    })
}

fn compare(form: &CompareForm) -> Result<Compare> {
    let relation = match &form.is {
        None => Relation::Equal,
        Some(is) => relation(is.as_bytes()).ok_or_else(|| {
            Error::invalid(format!("`is` is `{is}`: it is =, !=, <, <=, > or >="))
        })?,
    };
    let number = || {
        let number = form.to.as_ref().and_then(serde_json::Value::as_u64);
        number.ok_or_else(|| Error::invalid("`to` should be a number"))
    };
    let revision = || number().map(Revision);
    let field_name = form.field.as_str();
    let has_key = form.key.is_some() || form.key_b64.is_some();
    if [has_key, form.prefix.is_some(), form.lock.is_some()]
        .into_iter()
        .filter(|it| *it)
        .count()
        > 1
    {
        return Err(Error::invalid("give one of `key`, `prefix` and `lock`"));
    }
    if form.to_b64.is_some() && field_name != "value" {
        return Err(Error::invalid("`to_b64` is for values"));
    }
    if let Some(lock) = &form.lock {
        if field_name != "fence" {
            return Err(Error::invalid("a lock has the field `fence` alone"));
        }
        let holder = Some(number()?).filter(|token| *token > 0).map(FenceToken);
        return Ok(Compare::fence(lock.clone(), relation, holder));
    }
    if let Some(prefix) = &form.prefix {
        let range = prefix_range(prefix.clone());
        return match field_name {
            "count" => Ok(Compare::count(&range, relation, number()?)),
            "revision" => Ok(Compare::every_revision(&range, relation, revision()?)),
            _ => Err(Error::invalid(
                "a prefix has the fields `count` and `revision`",
            )),
        };
    }
    let key = field("key", form.key.as_deref(), form.key_b64.as_deref())?;
    match field_name {
        "exists" if relation != Relation::Equal => Err(Error::invalid(
            "`exists` is compared with `=` only: say `to` true or false",
        )),
        "exists" => match &form.to {
            None | Some(serde_json::Value::Bool(true)) => Ok(Compare::exists(key)),
            Some(serde_json::Value::Bool(false)) => Ok(Compare::absent(key)),
            Some(_) => Err(Error::invalid("`to` should be true or false")),
        },
        "value" => {
            let text = form.to.as_ref().and_then(serde_json::Value::as_str);
            let value = field("to", text, form.to_b64.as_deref())?;
            Ok(Compare::value(key, relation, value))
        }
        "version" => Ok(Compare::version(key, relation, number()?)),
        "revision" => Ok(Compare::revision(key, relation, revision()?)),
        "create_revision" => Ok(Compare::create_revision(key, relation, revision()?)),
        other => Err(Error::invalid(format!(
            "a key has no field `{other}`: it is exists, value, version, revision or \
             create_revision"
        ))),
    }
}

fn field(name: &str, text: Option<&str>, encoded: Option<&str>) -> Result<Bytes> {
    match (text, encoded) {
        (Some(text), None) => Ok(Bytes::copy_from_slice(text.as_bytes())),
        (None, Some(encoded)) => STANDARD
            .decode(encoded)
            .map(Bytes::from)
            .map_err(|error| Error::invalid(format!("`{name}_b64` is not base64: {error}"))),
        (Some(_), Some(_)) => Err(Error::invalid(format!(
            "give `{name}` or `{name}_b64`, not both"
        ))),
        (None, None) => Err(Error::invalid(format!("`{name}` is missing"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(input: &str) -> String {
        let refused = transaction(input.as_bytes()).map(|_| ());
        refused.unwrap_err().message().to_owned()
    }

    #[test]
    fn a_document_says_what_lines_say() {
        let script = transaction(
            br#"{"compares": [{"key": "a", "field": "value", "to": "1"},
                              {"prefix": "u:", "field": "count", "is": "<", "to": 9},
                              {"lock": "jobs", "field": "fence", "to": 7}],
                 "then": [{"op": "set", "key_b64": "/w==", "value": "v", "ttl": "5s"}],
                 "else": [{"op": "get", "key": "a"}]}"#,
        )
        .unwrap();
        let lines = b"if value a = 1\nif count u: < 9\nif fence jobs = 7\n\
                      then set \"\\xff\" v ttl=5s\nelse get a";
        let same = super::super::text::transaction(lines).unwrap();
        assert_eq!(script.compares, same.compares);
        assert_eq!(script.then[0].op, same.then[0].op);
        assert_eq!(script.otherwise[0].op, same.otherwise[0].op);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        assert!(refusal("{").starts_with("the JSON document: EOF"));
        assert!(refusal(r#"{"when": []}"#).contains("unknown field `when`"));
        let unknown =
            refusal(r#"{"then": [{"op": "get", "key": "a"}, {"op": "put", "key": "a"}]}"#);
        assert!(unknown.starts_with("then, entry 2: there is no operation `put`"));
        for (op, why) in [
            (
                r#""op": "delete", "key": "a", "if_revision": 5"#,
                "only `set` has conditions",
            ),
            (
                r#""op": "incr", "key": "a", "ttl": "5s""#,
                "only `set` and `touch` have timers",
            ),
            (
                r#""op": "touch", "key": "a", "keep_timers": true"#,
                "only `set` has `keep_timers`",
            ),
            (
                r#""op": "set", "key": "a", "value": "1", "by": 2"#,
                "only `incr` has `by`",
            ),
        ] {
            let refused = refusal(&format!(r#"{{"then": [{{{op}}}]}}"#));
            assert_eq!(refused, format!("then, entry 1: {why}"));
        }
        for (compare, why) in [
            (
                r#""key": "a", "field": "exists", "is": "!=""#,
                "`exists` is compared with `=` only",
            ),
            (
                r#""key": "a", "lock": "b", "field": "fence", "to": 1"#,
                "give one of `key`",
            ),
        ] {
            let refused = refusal(&format!(r#"{{"compares": [{{{compare}}}]}}"#));
            assert!(refused.contains(why), "{refused}");
        }
        let twice = refusal(r#"{"then": [{"op": "get", "key": "a", "key_b64": "YQ=="}]}"#);
        assert!(twice.contains("not both"));
        let number = refusal(r#"{"compares": [{"key": "a", "field": "version", "to": "x"}]}"#);
        assert_eq!(number, "compares, entry 1: `to` should be a number");
    }
}
