//! What bodies of JSON are made of: bytes as text where they are text, else as base64.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::unlisted::Unlisted;
use crate::base::{Error, Result};
use crate::proto::v1;

/// A key with its value and metadata.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct Record {
    /// The key, if it is UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    /// The key as base64, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_b64: Option<String>,
    /// The value, if it is UTF-8. Neither is there where only keys were asked for, and for
    /// an expired key.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    value: Option<Text>,
    /// The value as base64, if it is not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    value_b64: Option<String>,
    /// Of the last change; the key's `ETag`.
    revision: u64,
    /// Of the change that created it.
    create_revision: u64,
    /// 1 when created, then one more with each set.
    version: u64,
    /// What remains until the value is dropped, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expire_in_ms: Option<u64>,
    /// What remains until the key is removed, milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_in_ms: Option<u64>,
    /// The value was dropped, the key remains.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    expired: bool,
}

impl Record {
    /// The record as JSON has it, with its value or, where that was not asked for, without.
    pub(super) fn of(record: v1::Record, with_value: bool) -> Self {
        let v1::Record { key, value, .. } = record;
        let (key, key_b64) = text(&key);
        let (value, value_b64) = match with_value && !record.expired {
            true => value_text(value),
            false => (None, None),
        };
        Self {
            key,
            key_b64,
            value,
            value_b64,
            revision: record.revision,
            create_revision: record.create_revision,
            version: record.version,
            expire_in_ms: record.expire_in_ms,
            delete_in_ms: record.delete_in_ms,
            expired: record.expired,
        }
    }
}

/// A key in a request: text, or `{"key_b64": ...}`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged)]
pub(super) enum KeyForm {
    /// A key that is UTF-8.
    Text(String),
    /// Any key, as base64.
    Encoded(EncodedKey),
}

/// A key as base64.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EncodedKey {
    #[schema(content_encoding = "base64")]
    key_b64: String,
}

impl KeyForm {
    pub(super) fn bytes(self) -> Result<Bytes> {
        match self {
            Self::Text(text) => Ok(text.into()),
            Self::Encoded(EncodedKey { key_b64 }) => from_base64("key_b64", &key_b64),
        }
    }
}

/// A list of so many entries at most: it is not read on, so that a short body cannot become
/// much more than it was.
pub(super) fn at_most<'de, const MOST: usize, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    struct List<const MOST: usize, T>(PhantomData<T>);

    impl<'de, const MOST: usize, T: Deserialize<'de>> Visitor<'de> for List<MOST, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a list of at most {MOST} entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
            let mut list = Vec::new();
            while let Some(Unlisted(entry)) = entries.next_element()? {
                if list.len() == MOST {
                    let why = format!("a list has more than {MOST} entries: send several requests");
                    return Err(A::Error::custom(why));
                }
                list.push(entry);
            }
            Ok(list)
        }
    }

    deserializer.deserialize_seq(List::<MOST, T>(PhantomData))
}

/// Bytes as text, or as base64 if they are not UTF-8.
pub(super) fn text(bytes: &Bytes) -> (Option<String>, Option<String>) {
    match std::str::from_utf8(bytes) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(STANDARD.encode(bytes))),
    }
}

/// Bytes that are UTF-8. A large value is not copied to be written.
#[derive(Debug)]
struct Text(Bytes);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let text = std::str::from_utf8(&self.0).map_err(S::Error::custom)?;
        serializer.serialize_str(text)
    }
}

/// A value, as [`text`] gives it.
fn value_text(bytes: Bytes) -> (Option<Text>, Option<String>) {
    match std::str::from_utf8(&bytes) {
        Ok(_) => (Some(Text(bytes)), None),
        Err(_) => (None, Some(STANDARD.encode(bytes))),
    }
}

/// A field that is given as text or as base64.
///
/// # Errors
/// `Invalid` if it is given both ways or neither, or is no base64.
pub(super) fn field(name: &str, text: Option<String>, encoded: Option<String>) -> Result<Bytes> {
    match (text, encoded) {
        (Some(text), None) => Ok(text.into()),
        (None, Some(encoded)) => from_base64(&format!("{name}_b64"), &encoded),
        (Some(_), Some(_)) => Err(Error::invalid(format!(
            "give `{name}` or `{name}_b64`, not both"
        ))),
        (None, None) => Err(Error::invalid(format!(
            "`{name}` is missing (`{name}_b64` for what is not UTF-8)"
        ))),
    }
}

pub(super) fn from_base64(name: &str, encoded: &str) -> Result<Bytes> {
    let decoded = STANDARD.decode(encoded);
    decoded
        .map(Bytes::from)
        .map_err(|error| Error::invalid(format!("`{name}` is not base64: {error}")))
}

/// 16 bytes as 32 hexadecimal digits.
pub(super) fn from_hex(digits: &str) -> Option<[u8; 16]> {
    let is_hex = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = is_hex.then(|| u128::from_str_radix(digits, 16).ok())??;
    Some(number.to_be_bytes())
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_text_where_they_can_be() {
        assert_eq!(text(&Bytes::from("é")), (Some("é".to_owned()), None));
        let (none, encoded) = text(&Bytes::from_static(b"\xff"));
        assert_eq!((none, encoded.as_deref()), (None, Some("/w==")));
        assert_eq!(field("value", None, encoded).unwrap()[..], *b"\xff");
        for (text, encoded) in [(None, None), (Some("a"), Some("YQ==")), (None, Some("a b"))] {
            let field = field("value", text.map(str::to_owned), encoded.map(str::to_owned));
            assert!(field.is_err());
        }
    }

    /// A body of 28 MiB made forms of two gigabytes.
    #[test]
    fn a_list_is_not_read_beyond_its_most_entries() {
        #[derive(Debug, Deserialize)]
        struct Form {
            #[serde(deserialize_with = "at_most::<3, _, _>")]
            list: Vec<u8>,
        }
        let read = |text: &str| serde_json::from_str::<Form>(text);
        assert_eq!(read("{\"list\": [1, 2, 3]}").unwrap().list, [1, 2, 3]);
        // What stands behind is not even looked at.
        let refused = read("{\"list\": [1, 2, 3, 4, nonsense").unwrap_err();
        assert!(
            refused.to_string().contains("more than 3 entries"),
            "{refused}"
        );
    }

    #[test]
    fn sixteen_bytes_are_32_digits() {
        let bytes = from_hex("00112233445566778899aAbBccddeeff").unwrap();
        assert_eq!(hex(&bytes), "00112233445566778899aabbccddeeff");
        assert!(from_hex("+0112233445566778899aabbccddeeff").is_none());
        assert!(from_hex("00").is_none());
    }
}
