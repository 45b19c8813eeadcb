//! The timers of a key, in a query or in a body.

use std::borrow::Cow;

use serde::Deserialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use super::document::DURATION;
use super::query::Query;
use crate::base::limits::DURATION_MS_MAX;
use crate::base::{Error, Result, duration};

/// The parameters that say so.
pub(super) const PARAMETERS: [&str; 4] = ["ttl", "ttl_seconds", "delete_in", "expire_in"];

/// A duration: `250ms`, `30s`, `5m`, `1h`, `7d`, or a number of seconds.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum Span {
    /// Seconds.
    Seconds(u64),
    /// A number and its unit.
    Text(String),
}

impl PartialSchema for Span {
    fn schema() -> RefOr<Schema> {
        let seconds = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(0))
            .maximum(Some(DURATION_MS_MAX / 1_000));
        let text = ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(DURATION));
        OneOfBuilder::new()
            .description(Some(
                "`250ms`, `30s`, `5m`, `1h`, `7d`, or a number of seconds",
            ))
            .item(seconds)
            .item(text)
            .into()
    }
}

impl ToSchema for Span {
    fn name() -> Cow<'static, str> {
        "Span".into()
    }
}

impl Span {
    pub(super) fn ms(&self) -> Result<u64> {
        let time = match self {
            Self::Seconds(seconds) => duration::parse(&seconds.to_string())?,
            Self::Text(text) => duration::parse(text)?,
        };
        Ok(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }
}

/// The timers of a key, ms; 0: none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Timers {
    /// When the value goes and the key remains.
    pub(super) expire_in_ms: u64,
    /// When the key goes.
    pub(super) delete_in_ms: u64,
}

impl Timers {
    /// Those of a query.
    pub(super) fn of(query: &Query) -> Result<Self> {
        let deletes = [
            query.time_ms("ttl")?,
            query
                .number("ttl_seconds")?
                .map(|it| it.saturating_mul(1_000)),
            query.time_ms("delete_in")?,
        ];
        Ok(Self {
            expire_in_ms: query.time_ms("expire_in")?.unwrap_or(0),
            delete_in_ms: one(deletes)?,
        })
    }

    /// Those of a body.
    pub(super) fn given(
        expire_in: Option<&Span>,
        ttl: Option<&Span>,
        ttl_seconds: Option<u64>,
        delete_in: Option<&Span>,
    ) -> Result<Self> {
        let ms = |span: Option<&Span>| span.map(Span::ms).transpose();
        let deletes = [
            ms(ttl)?,
            ttl_seconds.map(|seconds| seconds.saturating_mul(1_000)),
            ms(delete_in)?,
        ];
        Ok(Self {
            expire_in_ms: ms(expire_in)?.unwrap_or(0),
            delete_in_ms: one(deletes)?,
        })
    }

    /// These, or those of another place: one of the two is empty.
    pub(super) fn or(self, other: Self) -> Result<Self> {
        if self == Self::default() {
            return Ok(other);
        }
        if other == Self::default() {
            return Ok(self);
        }
        Err(Error::invalid(
            "timers are given in the query and in the body: give them once",
        ))
    }
}

/// A time that is given in one of two ways, ms.
pub(super) fn either(span: Option<&Span>, seconds: Option<u64>) -> Result<Option<u64>> {
    let ms = span.map(Span::ms).transpose()?;
    match (ms, seconds) {
        (Some(_), Some(_)) => Err(Error::invalid(
            "`ttl` and `ttl_seconds` say the same: give one",
        )),
        (ms, seconds) => Ok(ms.or(seconds.map(|it| it.saturating_mul(1_000)))),
    }
}

/// `ttl`, `ttl_seconds` and `delete_in` are three names of one thing.
fn one(given: [Option<u64>; 3]) -> Result<u64> {
    let mut given = given.into_iter().flatten();
    let first = given.next().unwrap_or(0);
    if given.next().is_some() {
        return Err(Error::invalid(
            "`ttl`, `ttl_seconds` and `delete_in` say the same: give one",
        ));
    }
    Ok(first)
}
