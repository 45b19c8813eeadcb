//! What must hold for a transaction, in the same words as `dkv kv txn` reads as JSON.

use bytes::Bytes;
use serde::Deserialize;
use utoipa::ToSchema;

use super::forms::field;
use super::ops::placed;
use super::scan::of_prefix;
use crate::base::{Error, Result};
use crate::proto::v1;
use crate::proto::v1::compare::{Given, Relation, Subject};

/// Something that must hold.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "field", rename_all = "snake_case")]
pub(super) enum CompareForm {
    /// A key is there, or is not.
    Exists(Exists),
    /// A key's value.
    Value(OfValue),
    /// A key's version; 0: it is not there.
    Version(OfKey),
    /// The revision of a key's last change, or of every key with a prefix; 0: it is not there.
    Revision(OfRevision),
    /// The revision that created a key; 0: it is not there.
    CreateRevision(OfKey),
    /// How many keys have a prefix.
    Count(OfCount),
    /// The fence of a lock's holder; 0: nobody holds it.
    Fence(OfFence),
}

/// What is found, so related to what is given. `=` if not given.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
pub(super) enum Is {
    #[default]
    #[serde(rename = "=")]
    Equal,
    #[serde(rename = "!=")]
    NotEqual,
    #[serde(rename = "<")]
    Less,
    #[serde(rename = "<=")]
    LessOrEqual,
    #[serde(rename = ">")]
    Greater,
    #[serde(rename = ">=")]
    GreaterOrEqual,
}

/// `to` is true if not given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Exists {
    #[schema(min_length = 1)]
    key: Option<String>,
    #[schema(content_encoding = "base64")]
    key_b64: Option<String>,
    to: Option<bool>,
}

/// One of `to` and `to_b64` is given.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfValue {
    #[schema(min_length = 1)]
    key: Option<String>,
    #[schema(content_encoding = "base64")]
    key_b64: Option<String>,
    #[serde(default)]
    is: Is,
    to: Option<String>,
    #[schema(content_encoding = "base64")]
    to_b64: Option<String>,
}

/// A number of a key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfKey {
    #[schema(min_length = 1)]
    key: Option<String>,
    #[schema(content_encoding = "base64")]
    key_b64: Option<String>,
    #[serde(default)]
    is: Is,
    to: u64,
}

/// A number of a key, or of all keys with a prefix: give one of them.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfRevision {
    #[schema(min_length = 1)]
    key: Option<String>,
    #[schema(content_encoding = "base64")]
    key_b64: Option<String>,
    prefix: Option<String>,
    #[serde(default)]
    is: Is,
    to: u64,
}

/// A number of keys.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfCount {
    prefix: String,
    #[serde(default)]
    is: Is,
    to: u64,
}

/// A token of a lock.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OfFence {
    #[schema(min_length = 1)]
    lock: String,
    #[serde(default)]
    is: Is,
    to: u64,
}

/// All that must hold, each checked.
pub(super) fn compares(forms: Vec<CompareForm>) -> Result<Vec<v1::Compare>> {
    let forms = forms.into_iter().enumerate();
    forms
        .map(|(at, form)| placed("compares", at, form.compare()))
        .collect()
}

/// Something that must hold of a key.
pub(super) fn of_key(key: Bytes, is: Is, given: Given) -> v1::Compare {
    compare(Subject::Key(key), is, given)
}

fn compare(subject: Subject, is: Is, given: Given) -> v1::Compare {
    let relation = match is {
        Is::Equal => Relation::Equal,
        Is::NotEqual => Relation::NotEqual,
        Is::Less => Relation::Less,
        Is::LessOrEqual => Relation::LessOrEqual,
        Is::Greater => Relation::Greater,
        Is::GreaterOrEqual => Relation::GreaterOrEqual,
    };
    v1::Compare {
        subject: Some(subject),
        relation: relation.into(),
        given: Some(given),
    }
}

impl CompareForm {
    fn compare(self) -> Result<v1::Compare> {
        Ok(match self {
            Self::Exists(form) => {
                let key = field("key", form.key, form.key_b64)?;
                of_key(key, Is::Equal, Given::Exists(form.to.unwrap_or(true)))
            }
            Self::Value(form) => {
                let key = field("key", form.key, form.key_b64)?;
                let value = field("to", form.to, form.to_b64)?;
                of_key(key, form.is, Given::Value(value))
            }
            Self::Version(form) => form.compare(Given::Version)?,
            Self::CreateRevision(form) => form.compare(Given::CreateRevision)?,
            Self::Revision(form) => match form.prefix {
                None => {
                    let key = field("key", form.key, form.key_b64)?;
                    of_key(key, form.is, Given::Revision(form.to))
                }
                Some(_) if form.key.is_some() || form.key_b64.is_some() => {
                    return Err(Error::invalid("give one of `key` and `prefix`"));
                }
                Some(prefix) => compare(range(prefix), form.is, Given::Revision(form.to)),
            },
            Self::Count(form) => compare(range(form.prefix), form.is, Given::Count(form.to)),
            Self::Fence(form) => {
                let lock = Subject::Lock(form.lock.into());
                compare(lock, form.is, Given::Fence(form.to))
            }
        })
    }
}

impl OfKey {
    fn compare(self, given: fn(u64) -> Given) -> Result<v1::Compare> {
        let key = field("key", self.key, self.key_b64)?;
        Ok(of_key(key, self.is, given(self.to)))
    }
}

fn range(prefix: String) -> Subject {
    Subject::Range(of_prefix(&prefix.into()))
}
