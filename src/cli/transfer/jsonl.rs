//! JSON lines: one record a line.
//!
//! ```text
//! {"key":"user:1","value":"alice","expire_in_ms":5000,"delete_in_ms":60000}
//! {"key_b64":"/wA=","value_b64":"gAE="}
//! {"key":"offer","expired":true}
//! ```

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::fields::{Field, Fields, utf8};
use super::item::{Content, Item, Rules};
use crate::base::limits;

/// Bytes that a byte of text takes at most when it is escaped: `\u0000`.
const ESCAPED_BYTES_MAX: usize = 6;

/// Characters at either end of what serde says that are told.
const SAID_CHARS_MAX: usize = 100;

/// Appends a record and a newline. The same record gives the same bytes.
pub(crate) fn encode(item: &Item, line: &mut Vec<u8>) {
    line.push(b'{');
    put_bytes(line, Field::Key, Field::KeyB64, &item.key);
    match &item.content {
        Content::Live {
            value,
            expire_in_ms,
        } => {
            line.push(b',');
            put_bytes(line, Field::Value, Field::ValueB64, value);
            put_ms(line, Field::ExpireInMs, *expire_in_ms);
        }
        Content::Expired => line.extend_from_slice(b",\"expired\":true"),
    }
    put_ms(line, Field::DeleteInMs, item.delete_in_ms);
    line.extend_from_slice(b"}\n");
}

/// Text as text and all else as base64, under the name that says which.
fn put_bytes(line: &mut Vec<u8>, text_field: Field, b64_field: Field, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) if fits_escaped(text) => {
            write!(line, "\"{}\":", text_field.name()).expect("a vector takes everything");
            serde_json::to_writer(line, text).expect("text is always JSON");
        }
        _ => {
            write!(line, "\"{}\":\"", b64_field.name()).expect("a vector takes everything");
            line.extend_from_slice(STANDARD.encode(bytes).as_bytes());
            line.push(b'"');
        }
    }
}

/// Megabytes of control characters are text as far as UTF-8 goes, but would make a line
/// that is too long to be read again.
fn fits_escaped(text: &str) -> bool {
    let room = limits::IMPORT_LINE_BYTES_MAX - ESCAPED_BYTES_MAX * limits::KEY_BYTES_MAX - 1_024;
    text.len() <= room / ESCAPED_BYTES_MAX || {
        let escaped: usize = text
            .bytes()
            .map(|byte| match byte {
                b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
                0..0x20 => ESCAPED_BYTES_MAX,
                _ => 1,
            })
            .sum();
        escaped <= room
    }
}

fn put_ms(line: &mut Vec<u8>, field: Field, ms: Option<u64>) {
    if let Some(ms) = ms {
        write!(line, ",\"{}\":{ms}", field.name()).expect("a vector takes everything");
    }
}

/// Reads a line without its end; says what is wrong with it, and what would be right.
pub(super) fn decode(line: &[u8], rules: &Rules) -> Result<Item, String> {
    let text = utf8(line, "the line", "as `key_b64` or `value_b64`")?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let fields = deserializer
        .deserialize_map(FieldsVisitor)
        .and_then(|fields| deserializer.end().map(|()| fields))
        .map_err(|error| in_words(&error))?;
    fields.into_item(rules)
}

/// The line of the error is always 1: the file's is told elsewhere.
fn in_words(error: &serde_json::Error) -> String {
    let said = error.to_string();
    let (what, column) = match said.rsplit_once(" at line ") {
        Some((what, place)) => (what, place.split_once("column ").map(|(_, column)| column)),
        None => (said.as_str(), None),
    };
    let what = bounded(what);
    let place = match column {
        Some(column) if column != "0" => format!(" (at byte {column})"),
        _ => String::new(),
    };
    if error.is_data() {
        format!("{what}{place}")
    } else {
        format!("this is not JSON: {what}{place}")
    }
}

/// Serde quotes the text that it did not want, and that may be megabytes of somebody's
/// value. Its beginning and end are kept: the end says what was wanted.
fn bounded(said: &str) -> Cow<'_, str> {
    let chars = said.chars().count();
    if chars <= 2 * SAID_CHARS_MAX {
        return said.into();
    }
    let head = said.chars().take(SAID_CHARS_MAX);
    let tail = said.chars().skip(chars - SAID_CHARS_MAX);
    head.chain(['…']).chain(tail).collect::<String>().into()
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object like {\"key\":\"a\",\"value\":\"b\"}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key_seed(Text("a name"))? {
            let field = Field::named(&name, "field").map_err(A::Error::custom)?;
            let known = match field {
                Field::Key => text(&mut map, field, &mut fields.key)?,
                Field::KeyB64 => text(&mut map, field, &mut fields.key_b64)?,
                Field::Value => text(&mut map, field, &mut fields.value)?,
                Field::ValueB64 => text(&mut map, field, &mut fields.value_b64)?,
                Field::Expired => fields.expired.replace(map.next_value_seed(Flag)?).is_some(),
                Field::ExpireInMs => ms(&mut map, field, &mut fields.expire_in_ms)?,
                Field::DeleteInMs => ms(&mut map, field, &mut fields.delete_in_ms)?,
            };
            if known {
                let message = format!("`{}` is there twice: keep one of them", field.name());
                return Err(A::Error::custom(message));
            }
        }
        Ok(fields)
    }
}

/// Reads text; true if there was some already.
fn text<'de, A: MapAccess<'de>>(
    map: &mut A,
    field: Field,
    slot: &mut Option<Cow<'de, str>>,
) -> Result<bool, A::Error> {
    let text = map.next_value_seed(Text(field.name()))?;
    Ok(slot.replace(text).is_some())
}

/// Reads milliseconds; true if there were some already.
fn ms<'de, A: MapAccess<'de>>(
    map: &mut A,
    field: Field,
    slot: &mut Option<u64>,
) -> Result<bool, A::Error> {
    let ms = map.next_value_seed(Milliseconds(field.name()))?;
    Ok(slot.replace(ms).is_some())
}

/// Text, borrowed from the line where nothing in it is escaped.
struct Text(&'static str);

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` to be text in quotes", self.0)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

struct Milliseconds(&'static str);

impl<'de> DeserializeSeed<'de> for Milliseconds {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<u64, D::Error> {
        from.deserialize_u64(self)
    }
}

impl Visitor<'_> for Milliseconds {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` to be a whole number of milliseconds, 1 or more",
            self.0
        )
    }

    fn visit_u64<E: Error>(self, ms: u64) -> Result<u64, E> {
        Ok(ms)
    }
}

struct Flag;

impl<'de> DeserializeSeed<'de> for Flag {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_bool(self)
    }
}

impl Visitor<'_> for Flag {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`expired` to be true or false")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<bool, E> {
        Ok(flag)
    }
}

#[cfg(test)]
mod tests;
