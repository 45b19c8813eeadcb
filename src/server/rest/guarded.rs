//! Operations that have their conditions with them: the other form of a transaction.

use serde::Deserialize;
use utoipa::ToSchema;

use super::compares::{Is, of_key};
use super::forms::{at_most, field};
use super::ops::{Named, placed};
use crate::base::{Error, Result};
use crate::proto::v1;
use crate::proto::v1::compare::Given;

/// A write and what must hold of its key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GuardedForm {
    /// What is done.
    r#type: Guarded,
    #[schema(min_length = 1)]
    key: Option<String>,
    #[schema(content_encoding = "base64")]
    key_b64: Option<String>,
    /// Of `put`.
    value: Option<String>,
    /// The same as base64.
    #[schema(content_encoding = "base64")]
    value_b64: Option<String>,
    /// Of `put`: when the key is removed.
    ttl_seconds: Option<u64>,
    /// What must hold of the key.
    #[serde(default)]
    #[schema(max_items = 16)]
    #[serde(deserialize_with = "at_most::<16, _, _>")]
    conditions: Vec<ConditionForm>,
}

/// What is done with a key.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Guarded {
    #[serde(alias = "set")]
    Put,
    Delete,
}

/// What must hold of a key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ConditionForm {
    /// It is there.
    KeyExists(Nothing),
    /// It is not there.
    KeyNotExists(Nothing),
    /// It has this version.
    VersionMatch(Version),
    /// It has this value.
    ValueMatch(Text),
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Version {
    value: u64,
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Text {
    value: String,
}

/// What must hold, and what is done then.
pub(super) fn guarded(forms: Vec<GuardedForm>) -> Result<(Vec<v1::Compare>, Vec<Named>)> {
    let mut compares = Vec::new();
    let mut ops = Vec::new();
    for (at, mut form) in forms.into_iter().enumerate() {
        let conditions = std::mem::take(&mut form.conditions);
        let op = placed("operations", at, form.named())?;
        for condition in conditions {
            let given = match condition {
                ConditionForm::KeyExists(_) => Given::Exists(true),
                ConditionForm::KeyNotExists(_) => Given::Exists(false),
                ConditionForm::VersionMatch(Version { value }) => Given::Version(value),
                ConditionForm::ValueMatch(Text { value }) => Given::Value(value.into()),
            };
            compares.push(of_key(op.key.clone(), Is::Equal, given));
        }
        ops.push(op);
    }
    Ok((compares, ops))
}

impl GuardedForm {
    fn named(self) -> Result<Named> {
        let key = field("key", self.key, self.key_b64)?;
        let op = match self.r#type {
            Guarded::Put => {
                let seconds = self.ttl_seconds.unwrap_or(0);
                v1::op::Op::Set(v1::SetOp {
                    key: key.clone(),
                    value: field("value", self.value, self.value_b64)?,
                    delete_in_ms: seconds.saturating_mul(1_000),
                    ..v1::SetOp::default()
                })
            }
            Guarded::Delete => {
                let has_value = self.value.is_some() || self.value_b64.is_some();
                if has_value || self.ttl_seconds.is_some() {
                    return Err(Error::invalid("only `put` has a value and timers"));
                }
                v1::op::Op::Delete(key.clone())
            }
        };
        let name = match self.r#type {
            Guarded::Put => "set",
            Guarded::Delete => "delete",
        };
        let op = v1::Op { op: Some(op) };
        Ok(Named { op, name, key })
    }
}
