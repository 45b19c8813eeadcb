//! Texts and the words they are.

use super::*;

fn words(text: &str) -> Vec<Vec<String>> {
    let read = statements(text.as_bytes()).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"));
    let shown = |word: &Word| word.bytes.escape_ascii().to_string();
    read.iter()
        .map(|statement| statement.words.iter().map(shown).collect())
        .collect()
}

fn unfinished(text: &str) -> Waiting {
    match statements(text.as_bytes()) {
        Err(Unread::Unfinished(waiting, _)) => waiting,
        other => panic!("{text}: {other:?}"),
    }
}

fn wrong(text: &[u8]) -> (usize, String) {
    match statements(text) {
        Err(Unread::Wrong(wrong)) => (wrong.at, wrong.message),
        other => panic!("{}: {other:?}", text.escape_ascii()),
    }
}

#[test]
fn words_are_separated_by_blanks_and_statements_by_semicolons_and_lines() {
    assert_eq!(
        words("SET a  1;GET a\n\n ; \nGET b # c;d"),
        [vec!["SET", "a", "1"], vec!["GET", "a"], vec!["GET", "b"],]
    );
    assert_eq!(words("GET a#b"), [["GET", "a#b"]]);
    assert_eq!(words("   "), [[""; 0]; 0]);
    assert_eq!(words("GET a\r\n"), [["GET", "a"]]);
}

#[test]
fn quotes_keep_what_is_in_them() {
    assert_eq!(
        words(r#"a 'b "c" ; # \n' d"#),
        [["a", r#"b \"c\" ; # \\n"#, "d"]]
    );
    assert_eq!(words(r#""\n\t\"\\\xff\0""#), [[r#"\n\t\"\\\xff\x00"#]]);
    assert_eq!(words(r#"a"b c"'d e'f"#), [["ab cd ef"]]);
    assert_eq!(words(r#"'' """#), [["", ""]]);
    assert_eq!(words("'a\nb'"), [[r"a\nb"]]);
    assert_eq!(words(r"a\ b \; \#"), [["a b", ";", "#"]]);
    assert_eq!(words("SET a \\\n 1"), [["SET", "a", "1"]]);
    let read = statements(b"SET 'LIMIT' \"x\"y z").unwrap();
    let quoted: Vec<bool> = read[0].words.iter().map(|word| word.is_quoted).collect();
    assert_eq!(quoted, [false, true, true, false]);
}

#[test]
fn a_text_of_several_lines_is_one_value() {
    assert_eq!(
        words("SET a <<END TTL 5\none\n two;'\n\nEND\nGET a\n"),
        [
            vec!["SET", "a", r"one\n two;\'\n", "TTL", "5"],
            vec!["GET", "a"],
        ]
    );
    assert_eq!(words("SET a <<X\nX"), [["SET", "a", ""]]);
    assert_eq!(words("SET a '<<X'"), [["SET", "a", "<<X"]]);
}

#[test]
fn lines_behind_a_transaction_belong_to_it() {
    let read = statements(b"TXN FENCE a@1\nif exists a\nthen set \"b\nEND\nGET b\n").unwrap();
    assert_eq!(
        read[0].body.as_deref(),
        Some(&b"if exists a\nthen set \"b\n"[..])
    );
    assert_eq!(read[1].body, None);
    let read = statements(b"batch --fence=a@1\nset a 1\n\n").unwrap();
    assert_eq!(read[0].body.as_deref(), Some(&b"set a 1\n"[..]));
    let read = statements(b"kv batch\nset a 1\nend\n").unwrap();
    assert_eq!(read[0].body.as_deref(), Some(&b"set a 1\n"[..]));
    let read = statements(b"TXN file.txt\nGET a\n").unwrap();
    assert_eq!((read.len(), read[0].body.clone()), (2, None));
}

#[test]
fn what_may_go_on_says_what_it_waits_for() {
    assert_eq!(unfinished("SET a 'b\nc"), Waiting::Quote(b'\''));
    assert_eq!(unfinished("SET a \"b\\"), Waiting::Quote(b'"'));
    assert_eq!(
        unfinished("SET a <<END\none\n"),
        Waiting::Tag(b"END".to_vec())
    );
    assert_eq!(unfinished("SET a <<END"), Waiting::Tag(b"END".to_vec()));
    assert_eq!(unfinished("BATCH\nset a 1\n"), Waiting::Body);
    assert_eq!(unfinished("SET a \\"), Waiting::Line);
}

#[test]
fn what_can_never_be_read_is_told_with_its_place() {
    assert_eq!(wrong(b"SET a \"\\q\"").0, 7);
    assert_eq!(wrong(b"SET a \"\\xg0\"").0, 7);
    assert_eq!(wrong(b"SET a \"\\x+1\"").0, 7);
    let (at, message) = wrong(b"SET a\x00b");
    assert_eq!(at, 5);
    assert!(message.contains("\"\\x00\""), "{message}");
    assert_eq!(wrong(b"SET a <<").0, 6);
    assert!(wrong(b"BATCH; set a 1").1.contains("line break"));
}

#[test]
fn any_bytes_are_read_or_refused() {
    for byte in 0..=255_u8 {
        for text in [
            vec![byte],
            vec![b'"', byte, b'"'],
            vec![b'"', b'\\', byte],
            vec![b'\'', byte],
        ] {
            let _ = statements(&text);
        }
    }
    assert_eq!(words("SET \u{e9} 1")[0][1], r"\xc3\xa9");
    assert_eq!(
        statements(b"SET \xff 1").unwrap()[0].words[1].bytes,
        b"\xff"
    );
}

/// What the shell completes it reads back.
#[test]
fn a_quoted_word_is_read_back_as_it_was() {
    use crate::cli::shell::words::quoted;
    for bytes in [
        &b"user:1"[..],
        b"two words",
        b"",
        b"a\"b\\c'",
        b"-x",
        b"\xff\n\0",
        b"a;b#",
        "\u{e9}".as_bytes(),
    ] {
        let text = quoted(bytes);
        let read = statements(format!("GET {text} x").as_bytes()).unwrap();
        assert_eq!(read[0].words[1].bytes, bytes, "{text}");
        assert_eq!(read[0].words.len(), 3, "{text}");
    }
}
