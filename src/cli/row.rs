//! One answer as named fields, the same for people, programs and tables.

use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::base::duration;

/// Bytes of a value that a table shows.
const CELL_BYTES_MAX: usize = 64;

/// A value in an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Field {
    /// Words.
    Text(String),
    /// Several words, each for itself.
    Texts(Vec<String>),
    /// A key or a value: any bytes.
    Bytes(Bytes),
    /// A count, revision or token.
    Number(u64),
    /// A number that may be negative.
    Integer(i64),
    /// A measurement.
    Decimal(f64),
    /// How many times as much one is as another.
    Ratio(f64),
    /// Yes or no.
    Flag(bool),
    /// A time span; programs get `NAME_ms`.
    Span(Duration),
    /// An answer within the answer.
    Row(Box<Row>),
    /// Answers within the answer.
    Rows(Vec<Row>),
    /// Not there.
    Absent,
}

/// Named fields, in the order people read them.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Row {
    fields: Vec<(&'static str, Field)>,
    for_programs: Vec<(&'static str, Field)>,
}

impl Row {
    /// No fields yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a field. A name in camel case becomes snake case for programs.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, field: impl Into<Field>) -> Self {
        self.fields.push((name, field.into()));
        self
    }

    /// Adds a field that only programs care for: it follows the others, in JSON alone.
    #[must_use]
    pub(crate) fn for_programs(mut self, name: &'static str, field: impl Into<Field>) -> Self {
        self.for_programs.push((name, field.into()));
        self
    }

    /// Leaves out a field.
    #[must_use]
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| *known != name);
        self
    }

    /// The fields that people see, in order.
    pub(crate) fn fields(&self) -> &[(&'static str, Field)] {
        &self.fields
    }

    /// `name=value, name=value`: one line for people. What is absent is left out.
    pub(crate) fn to_line(&self) -> String {
        let present = self
            .fields
            .iter()
            .filter(|(_, field)| *field != Field::Absent);
        let parts: Vec<String> = present
            .map(|(name, field)| format!("{name}={}", field.to_text()))
            .collect();
        parts.join(", ")
    }
}

impl Field {
    /// On one line, for people.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Texts(texts) => texts.join(" "),
            Self::Bytes(bytes) => escaped(bytes),
            Self::Number(number) => number.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Decimal(number) => format!("{number:.1}"),
            Self::Ratio(number) => format!("{number:.2}"),
            Self::Flag(flag) => flag.to_string(),
            Self::Span(span) => duration::format(*span),
            Self::Row(row) => format!("{{{}}}", row.to_line()),
            Self::Rows(rows) => {
                let lines: Vec<String> = rows.iter().map(Row::to_line).collect();
                format!("[{}]", lines.join("; "))
            }
            Self::Absent => "-".to_owned(),
        }
    }

    /// For a cell of a table: what is long is cut, and says how long it is.
    pub(crate) fn to_cell(&self) -> String {
        match self {
            Self::Bytes(bytes) if bytes.len() > CELL_BYTES_MAX => {
                let shown = escaped(&bytes[..CELL_BYTES_MAX]);
                format!("{shown}… ({} bytes)", bytes.len())
            }
            other => other.to_text(),
        }
    }

    /// As it is, for pipes.
    pub(crate) fn to_raw(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Span(span) => span.as_millis().to_string().into_bytes(),
            Self::Absent => Vec::new(),
            other => other.to_text().into_bytes(),
        }
    }
}

/// Text as it is, with what would spoil a line or a terminal escaped.
pub(crate) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || character == '\\' {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("a string takes everything");
        }
    }
    text
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, field) in self.fields.iter().chain(&self.for_programs) {
            let name = snake_case(name);
            match field {
                Field::Text(text) => map.serialize_entry(&name, text)?,
                Field::Texts(texts) => map.serialize_entry(&name, texts)?,
                Field::Bytes(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => map.serialize_entry(&name, text)?,
                    Err(_) => {
                        map.serialize_entry(&format!("{name}_b64"), &STANDARD.encode(bytes))?;
                    }
                },
                Field::Number(number) => map.serialize_entry(&name, number)?,
                Field::Integer(number) => map.serialize_entry(&name, number)?,
                Field::Decimal(number) | Field::Ratio(number) => {
                    map.serialize_entry(&name, number)?;
                }
                Field::Flag(flag) => map.serialize_entry(&name, flag)?,
                Field::Span(span) => {
                    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
                    map.serialize_entry(&format!("{name}_ms"), &ms)?;
                }
                Field::Row(row) => map.serialize_entry(&name, row)?,
                Field::Rows(rows) => map.serialize_entry(&name, rows)?,
                Field::Absent => {}
            }
        }
        map.end()
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 1);
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<String>> for Field {
    fn from(texts: Vec<String>) -> Self {
        Self::Texts(texts)
    }
}

impl From<Bytes> for Field {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<u64> for Field {
    fn from(number: u64) -> Self {
        Self::Number(number)
    }
}

impl From<f64> for Field {
    fn from(number: f64) -> Self {
        Self::Decimal(number)
    }
}

impl From<bool> for Field {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

impl From<Duration> for Field {
    fn from(span: Duration) -> Self {
        Self::Span(span)
    }
}

impl<T: Into<Self>> From<Option<T>> for Field {
    fn from(field: Option<T>) -> Self {
        field.map_or(Self::Absent, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        Row::new()
            .with("acquired", true)
            .with("ownerId", "00ff")
            .with("fence", 7)
            .with("remaining", Duration::from_secs(30))
            .with("previous", None::<u64>)
    }

    #[test]
    fn people_read_a_line() {
        assert_eq!(
            row().to_line(),
            "acquired=true, ownerId=00ff, fence=7, remaining=30s"
        );
    }

    #[test]
    fn programs_read_an_object_in_order() {
        assert_eq!(
            serde_json::to_string(&row()).unwrap(),
            r#"{"acquired":true,"owner_id":"00ff","fence":7,"remaining_ms":30000}"#
        );
    }

    #[test]
    fn a_ratio_keeps_two_digits_for_people_and_all_for_programs() {
        let row = Row::new().with("ratio", Some(Field::Ratio(0.126)));
        assert_eq!(row.to_line(), "ratio=0.13");
        assert_eq!(serde_json::to_string(&row).unwrap(), r#"{"ratio":0.126}"#);
    }

    #[test]
    fn bytes_are_text_or_base64() {
        let text = Row::new().with("value", Bytes::from_static(b"caf\xc3\xa9"));
        assert_eq!(serde_json::to_string(&text).unwrap(), r#"{"value":"café"}"#);
        let binary = Row::new().with("value", Bytes::from_static(b"\xff\x00"));
        assert_eq!(
            serde_json::to_string(&binary).unwrap(),
            r#"{"value_b64":"/wA="}"#
        );
    }

    #[test]
    fn a_table_cuts_what_is_long() {
        let short = Field::Bytes(Bytes::from_static(b"short"));
        assert_eq!(short.to_cell(), "short");
        let long = Field::Bytes(Bytes::from(vec![b'v'; 1 << 20]));
        assert_eq!(
            long.to_cell(),
            format!("{}… (1048576 bytes)", "v".repeat(64))
        );
    }

    #[test]
    fn a_value_cannot_spoil_a_line_or_the_terminal() {
        assert_eq!(
            escaped(b"a\tb\n\x1b[2J\\\xff\xc3\xa9"),
            "a\\tb\\n\\u{1b}[2J\\\\\\xffé"
        );
    }
}
