//! What is read from CSV, and what is refused.

use bytes::Bytes;
use proptest::prelude::*;

use super::super::item::Content;
use super::*;
use crate::base::limits;

const LINE_BYTES_MAX: usize = 100;

/// Every record of a file with its line, or what is wrong there.
fn read(text: &[u8]) -> Vec<(u64, Result<Item, String>)> {
    let rules = Rules {
        prefix: Bytes::new(),
        value_bytes_max: limits::VALUE_BYTES_MAX,
    };
    let input: Box<dyn io::Read + Send> = Box::new(io::Cursor::new(text.to_vec()));
    let mut lines = Lines::new(input, LINE_BYTES_MAX);
    let header = next_row(&mut lines).unwrap().unwrap().unwrap();
    let header = Header::of(&header).unwrap();
    let mut all = Vec::new();
    while let Some(row) = next_row(&mut lines).unwrap() {
        all.push(match row {
            Ok(row) => (row.line, row.into_item(&header, &rules)),
            Err((line, wrong)) => (line, Err(wrong)),
        });
    }
    all
}

/// As [`read`], for files without timers: line, key and value.
fn pairs(text: &str) -> Vec<(u64, String, String)> {
    let pair = |(line, item): (u64, Result<Item, String>)| {
        let item = item.unwrap();
        let Content::Live { value, .. } = item.content else {
            panic!("{:?} is expired", item.key)
        };
        let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
        (line, text(item.key), text(value))
    };
    read(text.as_bytes()).into_iter().map(pair).collect()
}

fn pair(line: u64, key: &str, value: &str) -> (u64, String, String) {
    (line, key.to_owned(), value.to_owned())
}

#[test]
fn cells_are_read_as_the_rfc_says() {
    let text = "key,value\r\na,1\r\n\r\n\"b,\"\"c\"\"\",\"two\r\nlines\"\r\nd,\r\ne,\"\"\nf, x ";
    let expected = [
        pair(2, "a", "1"),
        pair(4, "b,\"c\"", "two\r\nlines"),
        pair(6, "d", ""),
        pair(7, "e", ""),
        pair(8, "f", " x "),
    ];
    assert_eq!(pairs(text), expected);
    assert_eq!(pairs("key,value\n"), []);
    assert_eq!(pairs("value,key\n1,a\n"), [pair(2, "a", "1")]);
}

#[test]
fn other_columns_are_timers_bytes_and_expired_keys() {
    let text = b"key,key_b64,value,value_b64,expired,expire_in_ms,delete_in_ms\n\
        a,,1,,,5,6\n,/w==,,AA==,false,,\nb,,,,true,,7\nc,,,,,,\n";
    let items: Vec<_> = read(text)
        .into_iter()
        .map(|(_, item)| item.unwrap())
        .collect();
    let live = |value: &'static [u8], expire_in_ms| Content::Live {
        value: Bytes::from_static(value),
        expire_in_ms,
    };
    let expected = [
        ("a".into(), live(b"1", Some(5)), Some(6)),
        (Bytes::from_static(b"\xff"), live(b"\0", None), None),
        ("b".into(), Content::Expired, Some(7)),
        ("c".into(), live(b"", None), None),
    ]
    .map(|(key, content, delete_in_ms)| Item {
        key,
        content,
        delete_in_ms,
    });
    assert_eq!(items, expected);
}

#[test]
fn what_is_wrong_with_a_row_is_named_and_the_next_one_is_read() {
    let long = format!("a,{}", "x".repeat(LINE_BYTES_MAX));
    let cases: &[(&str, &str)] = &[
        ("a", "1 cells, and the header names 4: leave an empty cell"),
        ("a,b,c,d,e", "5 cells, and the header names 4: put a cell"),
        (
            "a,5\" pipe,,",
            "a quote inside a cell without quotes (at byte 4)",
        ),
        (
            "a,\"x\"y,,",
            "text behind the closing quote of a cell (at byte 6)",
        ),
        (",v,,", "the key is empty"),
        (
            "a,v,soon,",
            "`expire_in_ms` is `soon`: write a whole number",
        ),
        ("a,v,+5,", "`expire_in_ms` is `+5`: write a whole number"),
        ("a,v,-5,", "`expire_in_ms` is `-5`"),
        ("a,v,0,", "`expire_in_ms` is 0"),
        ("a,v,99999999999999999999,", "`expire_in_ms` is `9"),
        ("a,v,,yes", "`expired` is `yes`: write true or false"),
        (
            &long,
            "the row is longer than 100 bytes: is a quote not closed?",
        ),
    ];
    for (row, expected) in cases {
        let text = format!("key,value,expire_in_ms,expired\n{row}\nlast,v,,\n");
        let all = read(text.as_bytes());
        let (line, said) = (all[0].0, all[0].1.as_ref().unwrap_err());
        assert_eq!(line, 2, "{row}");
        assert!(
            said.contains(expected),
            "{row}\nsays {said}\nnot  {expected}"
        );
        let (_, last) = all.last().unwrap();
        assert_eq!(last.as_ref().unwrap().key, "last", "{row}");
    }
    let spread = format!("key,value\na,\"{}\"", "x\n".repeat(LINE_BYTES_MAX));
    let (line, said) = read(spread.as_bytes()).swap_remove(0);
    assert!(said.unwrap_err().starts_with("the row is longer"));
    assert_eq!(line, 2);
    let all = read(b"key,value\na,\xff\n");
    let said = all[0].1.as_ref().unwrap_err();
    assert!(
        said.starts_with("byte 1 of `value` (0xff) is not UTF-8"),
        "{said}"
    );
}

/// The `csv` crate takes all that follows for one value.
#[test]
fn a_quote_that_is_never_closed_is_an_error_that_says_where() {
    let all = read(b"key,value\na,1\nb,\"2\nc,3\nd,4\n");
    assert_eq!(all.len(), 2);
    let (line, said) = (all[1].0, all[1].1.as_ref().unwrap_err());
    assert_eq!(line, 3);
    assert!(
        said.contains("never closed, so everything up to line 5"),
        "{said}"
    );
}

/// A quote that is not closed ends at the next one, many rows further down. The error was
/// told of that line, as if all rows before it were imported.
#[test]
fn a_quote_that_ends_rows_later_is_told_where_it_begins() {
    let all = read(b"key,value\na,1\nb,\"2\nc,3\nd,\"4\"\ne,5\n");
    assert_eq!(all.len(), 3);
    let (line, said) = (all[1].0, all[1].1.as_ref().unwrap_err());
    assert_eq!(line, 3);
    assert!(
        said.starts_with("a quote is opened here, so that lines 3 to 5 are one row"),
        "{said}"
    );
    assert!(
        said.contains("in line 5 there is text behind the closing quote of a cell (at byte 4)"),
        "{said}"
    );
    assert_eq!((all[2].0, &*all[2].1.as_ref().unwrap().key), (6, &b"e"[..]));
}

#[test]
fn a_header_that_is_none_is_explained() {
    for (header, expected) in [
        ("user:1,alice", "unknown column `user:1`: there are key, "),
        ("Key,Value", "did you mean `key`?"),
        ("key;value", "separated by `;`: separate them by commas"),
        ("key\tvalue", "separated by `\\t`"),
        ("key,key,value", "the column `key` is there twice"),
        ("key,delete_in_ms", "no column `value`"),
        ("value", "no column `key`"),
    ] {
        let mut lines = Lines::new(Box::new(header.as_bytes()), 100);
        let row = next_row(&mut lines).unwrap().unwrap().unwrap();
        let said = Header::of(&row).unwrap_err();
        assert!(said.contains(expected), "{header}: {said}");
    }
}

proptest! {
    /// What a common writer quotes is read as it was, whatever its line ends.
    #[test]
    fn what_the_csv_crate_writes_is_read_as_it_was(
        rows in prop::collection::vec(("[a-c,\"\r\n ]{1,6}", "[a-c,\"\r\n ]{0,6}"), 0..8),
        crlf in any::<bool>(),
    ) {
        let terminator = if crlf { ::csv::Terminator::CRLF } else { ::csv::Terminator::Any(b'\n') };
        let mut writer = ::csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
        writer.write_record(["key", "value"]).unwrap();
        for (key, value) in &rows {
            writer.write_record([key, value]).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let read: Vec<_> = pairs(&text).into_iter().map(|(_, key, value)| (key, value)).collect();
        prop_assert_eq!(read, rows);
    }
}
