//! The fields of a record, whichever format they were read from, and what must hold
//! between them.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::item::{Content, Item, Rules};
use crate::base::limits;
use crate::base::suggest;
use crate::cli::row::escaped;

/// Characters of a wrong word that an error shows.
const SHOWN_CHARS_MAX: usize = 40;

/// A field of a JSON line, or a column of CSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Key,
    KeyB64,
    Value,
    ValueB64,
    Expired,
    ExpireInMs,
    DeleteInMs,
}

/// What one record says of itself, unchecked.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) key: Option<Cow<'a, str>>,
    pub(super) key_b64: Option<Cow<'a, str>>,
    pub(super) value: Option<Cow<'a, str>>,
    pub(super) value_b64: Option<Cow<'a, str>>,
    pub(super) expired: Option<bool>,
    pub(super) expire_in_ms: Option<u64>,
    pub(super) delete_in_ms: Option<u64>,
}

impl Field {
    pub(super) const ALL: [Self; 7] = [
        Self::Key,
        Self::KeyB64,
        Self::Value,
        Self::ValueB64,
        Self::Expired,
        Self::ExpireInMs,
        Self::DeleteInMs,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::KeyB64 => "key_b64",
            Self::Value => "value",
            Self::ValueB64 => "value_b64",
            Self::Expired => "expired",
            Self::ExpireInMs => "expire_in_ms",
            Self::DeleteInMs => "delete_in_ms",
        }
    }

    /// The field of a name; `what` is what such a thing is called.
    pub(super) fn named(name: &str, what: &str) -> Result<Self, String> {
        if let Some(field) = Self::ALL.into_iter().find(|field| field.name() == name) {
            return Ok(field);
        }
        let shown = shown(name);
        if matches!(name, "revision" | "create_revision" | "version") {
            return Err(format!(
                "the {what} `{shown}` is not imported, as the shard counts by itself: \
                 `dkv kv export` writes files without it"
            ));
        }
        let names = Self::ALL.map(Self::name);
        Err(match suggest::nearest(&name.trim().to_lowercase(), names) {
            Some(near) => format!("unknown {what} `{shown}`: did you mean `{near}`?"),
            None => format!("unknown {what} `{shown}`: there are {}", names.join(", ")),
        })
    }
}

impl Fields<'_> {
    /// The record, if it can be one.
    pub(super) fn into_item(self, rules: &Rules) -> Result<Item, String> {
        let key = self.key(rules)?;
        let delete_in_ms = timer(Field::DeleteInMs, self.delete_in_ms)?;
        let expire_in_ms = timer(Field::ExpireInMs, self.expire_in_ms)?;
        let has_value = self.value.is_some() || self.value_b64.is_some();
        let content = match self.expired {
            Some(true) if has_value => {
                return Err(
                    "`expired` says that the value is gone, and there is a value: keep one of \
                     them"
                        .to_owned(),
                );
            }
            Some(true) if expire_in_ms.is_some() => {
                return Err(
                    "`expired` says that the value is gone, so `expire_in_ms` has nothing to \
                     do: keep one of them"
                        .to_owned(),
                );
            }
            Some(true) => Content::Expired,
            Some(false) | None => Content::Live {
                value: self.into_value(rules)?,
                expire_in_ms,
            },
        };
        Ok(Item {
            key,
            content,
            delete_in_ms,
        })
    }

    fn key(&self, rules: &Rules) -> Result<Bytes, String> {
        let key = either(
            (Field::Key, self.key.as_deref()),
            (Field::KeyB64, self.key_b64.as_deref()),
        )?
        .ok_or("no key: add `key`, or `key_b64` for bytes that are not text")?;
        let bytes = rules.prefix.len() + key.len();
        let with = if rules.prefix.is_empty() {
            String::new()
        } else {
            format!(" with the prefix `{}`", shown_bytes(&rules.prefix))
        };
        match bytes {
            0 => Err(format!(
                "the key is empty: a key has 1 to {} bytes",
                limits::KEY_BYTES_MAX
            )),
            1..=limits::KEY_BYTES_MAX if rules.prefix.is_empty() => Ok(key.into_owned().into()),
            1..=limits::KEY_BYTES_MAX => Ok([&rules.prefix, &*key].concat().into()),
            _ => Err(format!(
                "the key takes {bytes} bytes{with}: a key has 1 to {}",
                limits::KEY_BYTES_MAX
            )),
        }
    }

    fn into_value(self, rules: &Rules) -> Result<Bytes, String> {
        let value: Bytes = match (self.value, self.value_b64) {
            // The largest part of most files: taken over, not copied.
            (Some(text), None) => text.into_owned().into(),
            (text, b64) => either(
                (Field::Value, text.as_deref()),
                (Field::ValueB64, b64.as_deref()),
            )?
            .ok_or(
                "no value: add `value`, or `value_b64` for bytes that are not text (or \
                 `expired` for a key whose value is gone)",
            )?
            .into_owned()
            .into(),
        };
        if value.len() > rules.value_bytes_max {
            return Err(format!(
                "the value takes {} bytes, and at most {} are allowed",
                value.len(),
                rules.value_bytes_max
            ));
        }
        Ok(value)
    }
}

/// The bytes of a field that is there as text or as base64, and not as both.
fn either<'a>(
    (text_field, text): (Field, Option<&'a str>),
    (b64_field, b64): (Field, Option<&'a str>),
) -> Result<Option<Cow<'a, [u8]>>, String> {
    match (text, b64) {
        (Some(_), Some(_)) => Err(format!(
            "`{}` and `{}` are both there: keep one of them",
            text_field.name(),
            b64_field.name()
        )),
        (Some(text), None) => Ok(Some(Cow::Borrowed(text.as_bytes()))),
        (None, Some(b64)) => match STANDARD.decode(b64) {
            Ok(bytes) => Ok(Some(Cow::Owned(bytes))),
            Err(error) => {
                let error = error.to_string();
                Err(format!(
                    "`{}` is not base64 ({}): write the standard alphabet with padding, or \
                     text as `{}`",
                    b64_field.name(),
                    error.trim_end_matches('.'),
                    text_field.name()
                ))
            }
        },
        (None, None) => Ok(None),
    }
}

fn timer(field: Field, ms: Option<u64>) -> Result<Option<u64>, String> {
    let name = field.name();
    match ms {
        Some(0) => Err(format!(
            "`{name}` is 0, so it would be over at once: write 1 or more, or leave it out"
        )),
        Some(ms) if ms > limits::DURATION_MS_MAX => Err(format!(
            "`{name}` is {ms}: at most {} are possible, which is 100 years",
            limits::DURATION_MS_MAX
        )),
        ms => Ok(ms),
    }
}

/// A word for an error: on one line, and not all of it if it is long.
pub(super) fn shown(word: &str) -> String {
    let mut chars = word.chars();
    let head: String = chars.by_ref().take(SHOWN_CHARS_MAX).collect();
    let ellipsis = if chars.next().is_some() { "…" } else { "" };
    escaped(head.as_bytes()) + ellipsis
}

fn shown_bytes(bytes: &[u8]) -> String {
    shown(&escaped(bytes))
}

/// Bytes as text, or what is wrong with them; `unit` is what holds the bytes.
pub(super) fn utf8<'a>(bytes: &'a [u8], unit: &str, instead: &str) -> Result<&'a str, String> {
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        format!(
            "byte {} of {unit} (0x{:02x}) is not UTF-8: write bytes that are not text as \
             base64, {instead}",
            at + 1,
            bytes[at]
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(prefix: &'static str) -> Rules {
        Rules {
            prefix: Bytes::from_static(prefix.as_bytes()),
            value_bytes_max: 8,
        }
    }

    fn fields() -> Fields<'static> {
        Fields {
            key: Some("k".into()),
            value: Some("v".into()),
            ..Fields::default()
        }
    }

    #[test]
    fn a_prefix_stands_before_the_key_and_counts() {
        assert_eq!(fields().into_item(&rules("p:")).unwrap().key, "p:k");
        let long = "k".repeat(limits::KEY_BYTES_MAX - 1);
        let long = || Fields {
            key: Some(long.as_str().into()),
            ..fields()
        };
        assert!(long().into_item(&rules("p")).is_ok());
        let refused = long().into_item(&rules("p:")).unwrap_err();
        assert!(
            refused.contains("4097 bytes with the prefix `p:`"),
            "{refused}"
        );
    }

    #[test]
    fn values_have_the_limit_that_was_given() {
        let of = |value: &'static str| Fields {
            value: Some(value.into()),
            ..fields()
        };
        assert!(of("12345678").into_item(&rules("")).is_ok());
        let refused = of("123456789").into_item(&rules("")).unwrap_err();
        assert!(refused.contains("9 bytes, and at most 8"), "{refused}");
    }

    #[test]
    fn an_expired_key_has_no_value_and_no_soft_timer() {
        let expired = || Fields {
            value: None,
            expired: Some(true),
            ..fields()
        };
        let item = expired().into_item(&rules("")).unwrap();
        assert_eq!(item.content, Content::Expired);
        let with_timer = Fields {
            expire_in_ms: Some(5),
            ..expired()
        };
        assert!(with_timer.into_item(&rules("")).is_err());
        let with_value = Fields {
            expired: Some(true),
            ..fields()
        };
        assert!(with_value.into_item(&rules("")).is_err());
    }

    #[test]
    fn a_long_or_strange_word_is_shown_in_part() {
        assert_eq!(shown("a\nb"), "a\\nb");
        assert_eq!(shown(&"x".repeat(41)), "x".repeat(40) + "…");
    }
}
