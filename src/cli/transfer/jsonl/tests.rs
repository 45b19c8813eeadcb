//! What is written is read again, and what is wrong is named.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn rules() -> Rules {
    Rules {
        prefix: Bytes::new(),
        value_bytes_max: limits::VALUE_BYTES_MAX,
    }
}

fn encoded(item: &Item) -> Vec<u8> {
    let mut line = Vec::new();
    encode(item, &mut line);
    line
}

fn live(key: &'static [u8], value: impl Into<Bytes>) -> Item {
    Item {
        key: Bytes::from_static(key),
        content: Content::Live {
            value: value.into(),
            expire_in_ms: None,
        },
        delete_in_ms: None,
    }
}

/// Any bytes, and text of every kind often enough to meet each escape.
fn any_bytes(least: usize, most: usize) -> impl Strategy<Value = Bytes> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), least..most).prop_map(Bytes::from),
        prop::collection::vec(any::<char>(), least..most / 4)
            .prop_map(|chars| Bytes::from(chars.into_iter().collect::<String>())),
        prop::collection::vec(0_u8..0x80, least..most).prop_map(Bytes::from),
    ]
}

fn any_ms() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(1..=limits::DURATION_MS_MAX)
}

fn any_item() -> impl Strategy<Value = Item> {
    let content = prop_oneof![
        4 => (any_bytes(0, 200), any_ms()).prop_map(|(value, expire_in_ms)| Content::Live {
            value,
            expire_in_ms,
        }),
        1 => Just(Content::Expired),
    ];
    (any_bytes(1, 100), content, any_ms()).prop_map(|(key, content, delete_in_ms)| Item {
        key,
        content,
        delete_in_ms,
    })
}

proptest! {
    #[test]
    fn every_record_is_read_as_it_was_written(item in any_item()) {
        let line = encoded(&item);
        prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let read = decode(line.trim_ascii_end(), &rules());
        prop_assert_eq!(read.as_ref(), Ok(&item));
        prop_assert_eq!(encoded(&read.unwrap()), line);
    }

    #[test]
    fn garbage_is_an_error_and_no_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode(&line, &rules()).is_err());
    }

    #[test]
    fn text_is_text_and_bytes_are_base64(key in any_bytes(1, 50)) {
        let line = encoded(&Item { key: key.clone(), content: Content::Expired, delete_in_ms: None });
        let expected = if std::str::from_utf8(&key).is_ok() { "{\"key\":" } else { "{\"key_b64\":" };
        prop_assert!(line.starts_with(expected.as_bytes()));
    }
}

#[test]
fn the_documented_lines() {
    let item = Item {
        key: "user:1".into(),
        content: Content::Live {
            value: "alice \"a\"\n\0\u{7f}é".into(),
            expire_in_ms: Some(5_000),
        },
        delete_in_ms: Some(60_000),
    };
    assert_eq!(
        String::from_utf8(encoded(&item)).unwrap(),
        "{\"key\":\"user:1\",\"value\":\"alice \\\"a\\\"\\n\\u0000\u{7f}é\",\
         \"expire_in_ms\":5000,\"delete_in_ms\":60000}\n"
    );
    let binary = live(b"\xff\x00", &b"\x80\x01"[..]);
    assert_eq!(
        String::from_utf8(encoded(&binary)).unwrap(),
        "{\"key_b64\":\"/wA=\",\"value_b64\":\"gAE=\"}\n"
    );
    let expired = decode(
        br#" { "expired" : true , "key" : "o\u0066fer" } "#,
        &rules(),
    )
    .unwrap();
    assert_eq!(
        String::from_utf8(encoded(&expired)).unwrap(),
        "{\"key\":\"offer\",\"expired\":true}\n"
    );
}

/// 16 MiB of zero bytes are text to UTF-8, and as JSON text six times as long: a line that
/// the import used to refuse.
#[test]
fn text_that_would_make_a_line_too_long_is_base64() {
    let largest = vec![0; limits::VALUE_BYTES_MAX];
    let line = encoded(&live(b"k", largest));
    assert!(line.len() <= limits::IMPORT_LINE_BYTES_MAX);
    assert!(line.starts_with(br#"{"key":"k","value_b64":"AAAA"#));
    assert!(decode(line.trim_ascii_end(), &rules()).is_ok());
    let plain = encoded(&live(b"k", vec![b'x'; limits::VALUE_BYTES_MAX]));
    assert!(plain.starts_with(br#"{"key":"k","value":"xxxx"#));
    let short = encoded(&live(b"k", vec![0; 1 << 20]));
    assert!(short.starts_with(br#"{"key":"k","value":"\u0000"#));
}

/// Lines, and what is said of them.
const WRONG: &[(&str, &str)] = &[
    ("", "this is not JSON: EOF while parsing a value"),
    ("hello", "this is not JSON: expected value (at byte 1)"),
    (
        r#"{"key":"a","value":"b""#,
        "this is not JSON: EOF while parsing an object",
    ),
    (
        r#"{"key":"a","value":"b"} x"#,
        "this is not JSON: trailing characters (at byte 25)",
    ),
    (
        r#"{"key":"a","value":"b"}{"key":"c","value":"d"}"#,
        "trailing characters",
    ),
    (r#"{"key":"a","value":"b",}"#, "trailing comma"),
    ("{\"key\":\"a\0\",\"value\":\"b\"}", "control character"),
    (r#"{"key":"\ud800","value":"b"}"#, "this is not JSON: "),
    ("5", "invalid type: integer `5`, expected an object like"),
    ("null", "invalid type: null, expected an object"),
    ("[1]", "invalid type: sequence, expected an object"),
    (r#"{"value":"b"}"#, "no key: add `key`, or `key_b64`"),
    (r#"{"key":"a"}"#, "no value: add `value`, or `value_b64`"),
    (r#"{"key":"a","expired":false}"#, "no value"),
    (
        r#"{"key":"","value":"b"}"#,
        "the key is empty: a key has 1 to 4096 bytes",
    ),
    (r#"{"key_b64":"","value":"b"}"#, "the key is empty"),
    (
        r#"{"key":"a","key":"a","value":"b"}"#,
        "`key` is there twice",
    ),
    (
        r#"{"key":"a","value":"b","value":"b"}"#,
        "`value` is there twice",
    ),
    (
        r#"{"key":"a","expired":true,"expired":true}"#,
        "`expired` is there twice",
    ),
    (
        r#"{"key":"a","value":"b","delete_in_ms":1,"delete_in_ms":1}"#,
        "`delete_in_ms` is there twice",
    ),
    (
        r#"{"key":"a","key_b64":"YQ==","value":"b"}"#,
        "`key` and `key_b64` are both there",
    ),
    (
        r#"{"key":"a","value":"b","value_b64":"Yg=="}"#,
        "`value` and `value_b64` are both there",
    ),
    (
        r#"{"key":"a","value_b64":"Yg"}"#,
        "`value_b64` is not base64 (Invalid padding)",
    ),
    (
        r#"{"key":"a","value_b64":"_w=="}"#,
        "`value_b64` is not base64 (Invalid symbol 95, offset 0)",
    ),
    (
        r#"{"key":"a","valeu":"b"}"#,
        "unknown field `valeu`: did you mean `value`?",
    ),
    (
        r#"{"key":"a","colour":"b"}"#,
        "unknown field `colour`: there are key, key_b64,",
    ),
    (
        r#"{"key":"a","value":"b","revision":7}"#,
        "the field `revision` is not imported",
    ),
    (
        r#"{"key":5,"value":"b"}"#,
        "invalid type: integer `5`, expected `key` to be text in quotes",
    ),
    (
        r#"{"key":"a","value":null}"#,
        "expected `value` to be text in quotes",
    ),
    (
        r#"{"key":"a","value":{"x":1}}"#,
        "invalid type: map, expected `value` to be text in quotes",
    ),
    (
        r#"{"key":"a","value":"b","expired":"no"}"#,
        "expected `expired` to be true or false",
    ),
    (
        r#"{"key":"a","value":"b","expired":true}"#,
        "`expired` says that the value is gone",
    ),
    (
        r#"{"key":"a","expired":true,"expire_in_ms":5}"#,
        "`expire_in_ms` has nothing to do",
    ),
    (
        r#"{"key":"a","value":"b","expire_in_ms":0}"#,
        "`expire_in_ms` is 0, so it would be over at once",
    ),
    (
        r#"{"key":"a","value":"b","delete_in_ms":-1}"#,
        "invalid type: integer `-1`, expected `delete_in_ms` to be a whole number",
    ),
    (
        r#"{"key":"a","value":"b","delete_in_ms":1.5}"#,
        "invalid type: floating point `1.5`, expected `delete_in_ms`",
    ),
    (
        r#"{"key":"a","value":"b","delete_in_ms":"5"}"#,
        "invalid type: string \"5\", expected `delete_in_ms`",
    ),
    (
        r#"{"key":"a","value":"b","delete_in_ms":99999999999999999999}"#,
        "expected `delete_in_ms` to be a whole number",
    ),
    (
        r#"{"key":"a","value":"b","delete_in_ms":3162240000001}"#,
        "at most 3162240000000 are possible, which is 100 years",
    ),
];

#[test]
fn what_is_wrong_is_named() {
    for (line, expected) in WRONG {
        let said = decode(line.as_bytes(), &rules()).unwrap_err();
        assert!(
            said.contains(expected),
            "{line}\nsays {said}\nnot  {expected}"
        );
        assert!(!said.contains(" at line "), "{said}");
    }
    let long_key = format!(r#"{{"key":"{}","value":""}}"#, "k".repeat(4_097));
    let said = decode(long_key.as_bytes(), &rules()).unwrap_err();
    assert_eq!(said, "the key takes 4097 bytes: a key has 1 to 4096");
    let said = decode(b"{\"key\":\"a\xff\",\"value\":\"b\"}", &rules()).unwrap_err();
    assert!(
        said.starts_with("byte 10 of the line (0xff) is not UTF-8"),
        "{said}"
    );
    let nul = decode(br#"{"key":"a\u0000b","value":"\u0000"}"#, &rules()).unwrap();
    assert_eq!(nul, live(b"a\0b", &b"\0"[..]));
}

/// A value in the wrong field was told whole: hundreds of them are read ahead, and each of
/// them may have megabytes.
#[test]
fn text_that_is_not_wanted_is_not_told_whole() {
    let long = "x".repeat(1 << 20);
    for line in [
        format!("{{\"key\":\"a\",\"value\":\"b\",\"expire_in_ms\":\"{long}\"}}"),
        format!("\"{long}\""),
    ] {
        let said = decode(line.as_bytes(), &rules()).unwrap_err();
        assert!(said.len() < 400, "{} bytes", said.len());
        assert!(said.starts_with("invalid type: string \"xxx"), "{said}");
        assert!(said.contains(", expected "), "{said}");
    }
}
