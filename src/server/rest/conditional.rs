//! Conditions in headers (RFC 9110, section 13): a key's entity tag is its revision.

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};

use crate::base::{Error, Result};
use crate::proto::v1::Condition;
use crate::proto::v1::condition::Kind;

/// What the headers make a write depend on.
///
/// # Errors
/// `Invalid` for what is no revision, for lists, and for both headers at once.
pub(super) fn condition(headers: &HeaderMap) -> Result<Option<Condition>> {
    let if_match = one(headers, &IF_MATCH)?;
    let if_none_match = one(headers, &IF_NONE_MATCH)?;
    let kind = match (if_match.as_deref(), if_none_match.as_deref()) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => {
            return Err(Error::invalid(
                "If-Match and If-None-Match exclude each other",
            ));
        }
        (Some("*"), None) => Kind::Present(true),
        (Some(tag), None) => Kind::Revision(revision(tag, "If-Match")?),
        (None, Some("*")) => Kind::Absent(true),
        (None, Some(_)) => {
            return Err(Error::invalid(
                "If-None-Match of a write is *: the key must not be there",
            ));
        }
    };
    Ok(Some(Condition { kind: Some(kind) }))
}

/// True if the reader has the key as it is.
pub(super) fn is_known(headers: &HeaderMap, revision: u64) -> bool {
    let given = headers.get_all(IF_NONE_MATCH).iter();
    given
        .filter_map(|it| it.to_str().ok())
        .flat_map(|it| it.split(','))
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|tag| tag == "*" || tag.parse() == Ok(revision))
}

fn one(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>> {
    let mut given = headers.get_all(name).iter();
    let Some(first) = given.next() else {
        return Ok(None);
    };
    let text = first.to_str().unwrap_or_default().trim();
    if given.next().is_some() || text.is_empty() || text.contains(',') {
        return Err(Error::invalid(format!("{name} takes one revision, or *")));
    }
    Ok(Some(text.to_owned()))
}

fn revision(tag: &str, name: &str) -> Result<u64> {
    let bare = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
    let bare = bare.unwrap_or(tag);
    let is_number = !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit());
    let revision = is_number.then(|| bare.parse().ok()).flatten();
    revision.ok_or_else(|| {
        Error::invalid(format!(
            "{name} is `{}`: it is the revision of the key, as its ETag says, or *",
            tag.chars().take(80).collect::<String>().escape_debug()
        ))
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn a_tag_is_a_revision() {
        let kind =
            |name, value| condition(&headers(name, value)).map(|it| it.unwrap().kind.unwrap());
        assert_eq!(kind(IF_MATCH, "\"7\"").unwrap(), Kind::Revision(7));
        assert_eq!(kind(IF_MATCH, "7").unwrap(), Kind::Revision(7));
        assert_eq!(kind(IF_MATCH, "*").unwrap(), Kind::Present(true));
        assert_eq!(kind(IF_NONE_MATCH, "*").unwrap(), Kind::Absent(true));
        for wrong in ["W/\"7\"", "\"7", "", "+7", "7, 8", "seven"] {
            assert!(kind(IF_MATCH, wrong).is_err(), "{wrong}");
        }
        assert!(kind(IF_NONE_MATCH, "7").is_err());
        assert!(condition(&HeaderMap::new()).unwrap().is_none());
    }

    #[test]
    fn a_reader_may_know_it_already() {
        for (value, knows) in [
            ("\"7\"", true),
            ("W/\"7\"", true),
            ("\"6\", \"7\"", true),
            ("*", true),
            ("\"8\"", false),
        ] {
            assert_eq!(
                is_known(&headers(IF_NONE_MATCH, value), 7),
                knows,
                "{value}"
            );
        }
    }
}
