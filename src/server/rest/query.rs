//! What stands behind the `?`.

use bytes::Bytes;
use http::Uri;

use super::percent::decode_query;
use crate::base::suggest;
use crate::base::{Error, Result, duration};

/// What every route takes.
pub(super) const COMMON: [&str; 4] = ["shard", "bucket", "consistency", "timeout"];

/// The parameters of a request, each given once.
pub(super) struct Query {
    pairs: Vec<(String, Bytes)>,
}

impl Query {
    /// Reads parameters, of which a route takes those of its `own` beside the common ones.
    ///
    /// # Errors
    /// `Invalid` for one that the route does not take, that is given twice, or that is
    /// encoded wrongly: it would mean something else without it.
    pub(super) fn of(uri: &Uri, own: &[&str]) -> Result<Self> {
        Self::among(uri, &[own, &COMMON].concat())
    }

    /// As [`Self::of`], of a route that takes these and no others.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub(super) fn among(uri: &Uri, known: &[&str]) -> Result<Self> {
        let mut pairs: Vec<(String, Bytes)> = Vec::new();
        let parts = uri.query().unwrap_or_default().split('&');
        for part in parts.filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let name = String::from_utf8_lossy(&decode_query(name)?).into_owned();
            if !known.contains(&name.as_str()) {
                return Err(unknown(&name, known));
            }
            if pairs.iter().any(|(given, _)| *given == name) {
                return Err(Error::invalid(format!(
                    "the parameter `{name}` is given twice: give it once"
                )));
            }
            pairs.push((name, decode_query(value)?));
        }
        Ok(Self { pairs })
    }

    /// The value as it is.
    pub(super) fn bytes(&self, name: &str) -> Option<&Bytes> {
        let found = self.pairs.iter().find(|(given, _)| given == name);
        found.map(|(_, value)| value)
    }

    /// The value as text.
    pub(super) fn text(&self, name: &str) -> Result<Option<&str>> {
        let Some(value) = self.bytes(name) else {
            return Ok(None);
        };
        std::str::from_utf8(value)
            .map(Some)
            .map_err(|_| Error::invalid(format!("the parameter `{name}` is not UTF-8")))
    }

    /// The value as a number that is not negative.
    pub(super) fn number(&self, name: &str) -> Result<Option<u64>> {
        self.parsed(name, "a number that is not negative")
    }

    /// The value as a number.
    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>> {
        self.parsed(name, "a 64-bit integer")
    }

    /// `name`, `name=true` or `name=1`; `name=false` and `name=0` say no.
    pub(super) fn flag(&self, name: &str) -> Result<bool> {
        match self.text(name)? {
            None | Some("false" | "0") => Ok(false),
            Some("" | "true" | "1") => Ok(true),
            Some(other) => Err(Error::invalid(format!(
                "the parameter `{name}` is `{}`: it is true or false",
                other.escape_debug()
            ))),
        }
    }

    /// The value as a duration, ms.
    pub(super) fn time_ms(&self, name: &str) -> Result<Option<u64>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let time = duration::parse(text)
            .map_err(|error| Error::invalid(format!("the parameter `{name}`: {error}")))?;
        Ok(Some(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)))
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str, what: &str) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let wrong = |_| {
            let shown = text.escape_debug();
            Error::invalid(format!("the parameter `{name}` is `{shown}`, not {what}"))
        };
        text.parse().map(Some).map_err(wrong)
    }
}

fn unknown(name: &str, known: &[&str]) -> Error {
    let shown: String = name.chars().take(80).collect();
    let shown = shown.escape_debug();
    Error::invalid(match suggest::nearest(name, known.iter().copied()) {
        Some(near) => format!("there is no parameter `{shown}` here: did you mean `{near}`?"),
        None if known.is_empty() => {
            format!("there is no parameter `{shown}` here, and no other")
        }
        None => {
            let known = known.join(", ");
            format!("there is no parameter `{shown}` here: there are {known}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Result<Query> {
        let uri: Uri = format!("/v1/keys?{text}").parse().unwrap();
        Query::of(&uri, &["prefix", "limit", "keys_only", "at", "ago"])
    }

    #[test]
    fn parameters_have_their_kinds() {
        let read = query("prefix=a%ff&limit=7&keys_only&ago=5m&at=").unwrap();
        assert_eq!(read.bytes("prefix").unwrap()[..], *b"a\xff");
        assert_eq!(read.number("limit").unwrap(), Some(7));
        assert!(read.flag("keys_only").unwrap());
        assert_eq!(read.time_ms("ago").unwrap(), Some(300_000));
        assert!(read.number("at").is_err(), "nothing is no number");
        assert!(read.text("prefix").is_err());
        assert!(read.bytes("cursor").is_none());
    }

    #[test]
    fn what_is_not_taken_is_refused() {
        let said = |text: &str| query(text).map(drop).unwrap_err().message().to_owned();
        assert!(said("prefx=a").contains("did you mean `prefix`?"));
        assert!(said("zzz=a").contains("there are prefix, limit"));
        assert!(said("limit=1&limit=2").contains("given twice"));
        assert!(said("prefix=%zz").contains("no percent-encoding"));
        let wrong = query("keys_only=yes").unwrap().flag("keys_only");
        assert!(wrong.unwrap_err().message().contains("it is true or false"));
    }
}
