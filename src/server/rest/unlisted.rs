//! Objects that must be written with their names: what reads JSON here would take `["v", null]` for
//! `{"value": "v", "ttl": null}`, which no document of this interface allows.

use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, forward_to_deserialize_any};

/// Whatever `T` is, but for a list in its place.
pub(super) struct Unlisted<T>(pub(super) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Unlisted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(Refusing(deserializer)).map(Self)
    }
}

struct Refusing<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Refusing<D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(NoList(visitor))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(NoList(visitor))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct NoList<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for NoList<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<V::Value, E> {
        self.0.visit_bool(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<V::Value, E> {
        self.0.visit_i64(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<V::Value, E> {
        self.0.visit_u64(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<V::Value, E> {
        self.0.visit_f64(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<V::Value, E> {
        self.0.visit_str(value)
    }

    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<V::Value, E> {
        self.0.visit_borrowed_str(value)
    }

    fn visit_string<E: Error>(self, value: String) -> Result<V::Value, E> {
        self.0.visit_string(value)
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_some<D: Deserializer<'de>>(self, there: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Refusing(there))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Form {
        value: String,
        ttl: Option<u64>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(tag = "op", rename_all = "lowercase")]
    enum Op {
        Set(Form),
    }

    fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
        let read = serde_json::from_str::<Unlisted<T>>(text);
        read.map(|it| it.0).map_err(|error| error.to_string())
    }

    #[test]
    fn a_list_is_not_taken_for_an_object() {
        let form = || Form {
            value: "v".to_owned(),
            ttl: None,
        };
        assert_eq!(read(r#"{"value": "v"}"#), Ok(form()));
        assert_eq!(read(r#"{"value": "v", "ttl": null}"#), Ok(Some(form())));
        assert_eq!(read::<Option<Form>>("null"), Ok(None));
        assert_eq!(read(r#""text""#), Ok("text".to_owned()));
        assert_eq!(read(r#"{"op": "set", "value": "v"}"#), Ok(Op::Set(form())));
        for listed in [r#"["v", null]"#, "[null]", "[]"] {
            assert!(read::<Form>(listed).is_err(), "{listed}");
            assert!(read::<Option<Form>>(listed).is_err(), "{listed}");
        }
        let listed = read::<Op>(r#"["set", "v", null]"#).unwrap_err();
        assert!(listed.contains("sequence"), "{listed}");
    }
}
