//! What is printed, in every format.

use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::*;
use crate::base::ErrorKind;

#[derive(Clone, Default)]
pub(crate) struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sink {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

fn printer(format: Format, is_quiet: bool, is_terminal: bool) -> (Printer, Sink, Sink) {
    let (out, remarks) = (Sink::default(), Sink::default());
    let stream = |sink: &Sink| Stream {
        writer: Box::new(sink.clone()),
        is_terminal,
        is_coloured: is_terminal,
    };
    let printer = Printer::new(format, is_quiet, stream(&out), stream(&remarks));
    (printer, out, remarks)
}

fn row() -> Row {
    Row::new()
        .with("key", Bytes::from_static(b"k"))
        .with("value", Bytes::from_static(b"a\nb"))
        .with("revision", 7)
}

#[test]
fn a_value_is_its_bytes_and_a_newline_only_on_a_terminal() {
    let cases = [
        (Format::Text, false, "a\nb"),
        (Format::Text, true, "a\nb\n"),
        (Format::Raw, true, "a\nb"),
        (
            Format::Jsonl,
            false,
            "{\"key\":\"k\",\"value\":\"a\\nb\",\"revision\":7}\n",
        ),
    ];
    for (format, is_terminal, expected) in cases {
        let (mut printer, out, _) = printer(format, false, is_terminal);
        printer.value(b"a\nb", &row()).unwrap();
        assert_eq!(out.text(), expected, "{format:?}");
    }
}

#[test]
fn a_list_in_every_format() {
    let cases = [
        (Format::Text, "line\nline\n"),
        (Format::Raw, "k\ta\nb\t7\nk\ta\nb\t7\n"),
        (
            Format::Json,
            "[\n  {\"key\":\"k\",\"value\":\"a\\nb\",\"revision\":7},\n  \
             {\"key\":\"k\",\"value\":\"a\\nb\",\"revision\":7}\n]\n",
        ),
    ];
    for (format, expected) in cases {
        let (mut printer, out, _) = printer(format, false, false);
        let mut list = printer.list();
        list.push(row(), "line").unwrap();
        list.push(row(), "line").unwrap();
        list.finish().unwrap();
        assert_eq!(out.text(), expected, "{format:?}");
    }
    let (mut printer, out, _) = printer(Format::Table, false, false);
    let mut list = printer.list();
    list.push(row(), "line").unwrap();
    list.finish().unwrap();
    assert!(out.text().contains("a\\nb"), "{}", out.text());
}

#[test]
fn an_empty_list_is_still_json() {
    let (mut printer, out, _) = printer(Format::Json, false, false);
    printer.list().finish().unwrap();
    assert_eq!(out.text(), "[]\n");
}

#[test]
fn quiet_leaves_data_and_errors() {
    let (mut printer, out, remarks) = printer(Format::Text, true, false);
    printer.confirm(&row()).unwrap();
    printer.note("a remark");
    assert_eq!(out.text() + &remarks.text(), "");
    printer.row(&row()).unwrap();
    printer.failure(&Error::new(ErrorKind::Timeout, "no answer").into());
    assert_eq!(out.text(), "key=k, value=a\\nb, revision=7\n");
    assert_eq!(remarks.text(), "dkv: no answer\n");
}

#[test]
fn an_error_says_what_to_do_where_that_helps() {
    let (mut printer, out, remarks) = printer(Format::Text, false, false);
    printer.failure(&Error::new(ErrorKind::Timeout, "no answer").into());
    assert_eq!(out.text(), "");
    assert!(
        remarks.text().starts_with("dkv: no answer\nhint: "),
        "{}",
        remarks.text()
    );
}

#[test]
fn a_usage_error_is_dkvs_own_and_help_is_data() {
    for is_terminal in [false, true] {
        let (mut printer, out, remarks) = printer(Format::Text, false, is_terminal);
        let wrong = crate::cli::command().try_get_matches_from(["dkv", "kv", "gett"]);
        printer.failure(&wrong.unwrap_err().into());
        let text = remarks.text();
        assert!(!text.contains("error:"), "{text}");
        assert!(
            text.contains("dkv:") && text.contains("unrecognized subcommand"),
            "{text}"
        );
        assert!(!text.contains("0m:"), "{text}");
        assert_eq!(out.text(), "");
    }
    let (mut printer, out, remarks) = printer(Format::Text, false, false);
    let help = crate::cli::command().try_get_matches_from(["dkv", "--help"]);
    printer.failure(&help.unwrap_err().into());
    assert!(out.text().contains("Usage: dkv"), "{}", out.text());
    assert_eq!(remarks.text(), "");
}
