//! Operations of batches and transactions, in the same words as `dkv kv batch` and
//! `dkv kv txn` read as JSON.

use bytes::Bytes;
use serde::Deserialize;
use utoipa::ToSchema;

use super::forms::field;
use super::scan::of_prefix;
use super::timers::{Span, Timers};
use crate::base::{Error, Result};
use crate::proto::v1;
use crate::proto::v1::op::Op;

/// One operation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "op", rename_all = "kebab-case")]
pub(super) enum OpForm {
    /// Writes a key.
    #[serde(alias = "put")]
    Set(SetForm),
    /// Removes a key.
    Delete(OneKey),
    /// Removes every key with a prefix: in transactions only.
    DeletePrefix(Prefix),
    /// Drops a value; the key remains.
    Expire(OneKey),
    /// Replaces both timers.
    Touch(TouchForm),
    /// Clears both timers.
    Persist(OneKey),
    /// Adds to a number.
    Incr(IncrForm),
    /// Reads a key: in transactions only.
    Get(OneKey),
}

/// What is written. One of `key` and `key_b64`, and of `value` and `value_b64`, is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SetForm {
    #[schema(min_length = 1)]
    key: Option<String>,
    #[schema(content_encoding = "base64")]
    key_b64: Option<String>,
    value: Option<String>,
    #[schema(content_encoding = "base64")]
    value_b64: Option<String>,
    /// When the key is removed. `ttl_seconds` and `delete_in` say the same: give one.
    ttl: Option<Span>,
    ttl_seconds: Option<u64>,
    delete_in: Option<Span>,
    /// When the value is dropped and the key remains.
    expire_in: Option<Span>,
    /// Keep the timers the key has.
    #[serde(default)]
    keep_timers: bool,
    /// Only if the key is not there. In batches only, as the next two: give one of them.
    #[serde(default)]
    if_absent: bool,
    /// Only if the key is there.
    #[serde(default)]
    if_present: bool,
    /// Only if the key is of this revision.
    if_revision: Option<u64>,
    /// Answer what it replaced, too.
    #[serde(default)]
    return_previous: bool,
}

/// A key. One of the two is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OneKey {
    #[schema(min_length = 1)]
    key: Option<String>,
    #[schema(content_encoding = "base64")]
    key_b64: Option<String>,
}

/// Keys that begin so.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Prefix {
    prefix: String,
}

/// A key and the timers it gets.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TouchForm {
    #[schema(min_length = 1)]
    key: Option<String>,
    #[schema(content_encoding = "base64")]
    key_b64: Option<String>,
    ttl: Option<Span>,
    ttl_seconds: Option<u64>,
    delete_in: Option<Span>,
    expire_in: Option<Span>,
}

/// A key and what is added to it: 1 if not given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct IncrForm {
    #[schema(min_length = 1)]
    key: Option<String>,
    #[schema(content_encoding = "base64")]
    key_b64: Option<String>,
    by: Option<i64>,
}

/// An operation in the words of the wire, and what its result is told with.
pub(super) struct Named {
    pub(super) op: v1::Op,
    pub(super) name: &'static str,
    /// Or the prefix.
    pub(super) key: Bytes,
}

impl Named {
    fn new(name: &'static str, key: Bytes, op: Op) -> Self {
        let op = v1::Op { op: Some(op) };
        Self { op, name, key }
    }
}

/// Operations, each checked; a refusal says which one it is of.
pub(super) fn named(place: &str, forms: Vec<OpForm>) -> Result<Vec<Named>> {
    let forms = forms.into_iter().enumerate();
    forms
        .map(|(at, form)| placed(place, at, form.named()))
        .collect()
}

/// Says of which entry a refusal is.
pub(super) fn placed<T>(place: &str, at: usize, read: Result<T>) -> Result<T> {
    read.map_err(|error| Error::invalid(format!("{place}, entry {}: {error}", at + 1)))
}

impl OneKey {
    pub(super) fn bytes(self) -> Result<Bytes> {
        field("key", self.key, self.key_b64)
    }
}

impl OpForm {
    fn named(self) -> Result<Named> {
        Ok(match self {
            Self::Set(form) => form.named()?,
            Self::Delete(form) => one(form, "delete", Op::Delete)?,
            Self::Expire(form) => one(form, "expire", Op::Expire)?,
            Self::Persist(form) => one(form, "persist", Op::Persist)?,
            Self::Get(form) => one(form, "get", Op::Get)?,
            Self::DeletePrefix(Prefix { prefix }) => {
                let prefix = Bytes::from(prefix);
                let op = Op::DeleteRange(of_prefix(&prefix));
                Named::new("delete-prefix", prefix, op)
            }
            Self::Touch(form) => {
                let key = field("key", form.key, form.key_b64)?;
                let timers = Timers::given(
                    form.expire_in.as_ref(),
                    form.ttl.as_ref(),
                    form.ttl_seconds,
                    form.delete_in.as_ref(),
                )?;
                let touch = v1::TouchOp {
                    key: key.clone(),
                    expire_in_ms: timers.expire_in_ms,
                    delete_in_ms: timers.delete_in_ms,
                };
                Named::new("touch", key, Op::Touch(touch))
            }
            Self::Incr(form) => {
                let key = field("key", form.key, form.key_b64)?;
                let incr = v1::IncrOp {
                    key: key.clone(),
                    by: form.by.unwrap_or(1),
                    ..v1::IncrOp::default()
                };
                Named::new("incr", key, Op::Incr(incr))
            }
        })
    }
}

fn one(form: OneKey, name: &'static str, op: fn(Bytes) -> Op) -> Result<Named> {
    let key = form.bytes()?;
    Ok(Named::new(name, key.clone(), op(key)))
}

impl SetForm {
    pub(super) fn named(self) -> Result<Named> {
        let key = field("key", self.key, self.key_b64)?;
        let timers = Timers::given(
            self.expire_in.as_ref(),
            self.ttl.as_ref(),
            self.ttl_seconds,
            self.delete_in.as_ref(),
        )?;
        let set = v1::SetOp {
            key: key.clone(),
            value: field("value", self.value, self.value_b64)?,
            expire_in_ms: timers.expire_in_ms,
            delete_in_ms: timers.delete_in_ms,
            keep_timers: self.keep_timers,
            condition: condition(self.if_absent, self.if_present, self.if_revision)?,
            return_previous: self.return_previous,
        };
        Ok(Named::new("set", key, Op::Set(set)))
    }
}

fn condition(
    if_absent: bool,
    if_present: bool,
    if_revision: Option<u64>,
) -> Result<Option<v1::Condition>> {
    use v1::condition::Kind;
    let conditions = [
        if_absent.then_some(Kind::Absent(true)),
        if_present.then_some(Kind::Present(true)),
        if_revision.map(Kind::Revision),
    ];
    let mut conditions = conditions.into_iter().flatten();
    let first = conditions.next();
    if conditions.next().is_some() {
        return Err(Error::invalid("a set takes one condition"));
    }
    Ok(first.map(|kind| v1::Condition { kind: Some(kind) }))
}
