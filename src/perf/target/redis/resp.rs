//! RESP, what Redis speaks: commands out, replies in.
//!
//! Version 2 of the protocol, which every Redis and its kin speak unasked:
//! <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::base::limits;

/// A bulk string, bytes: a value, with room for what servers tell of themselves.
const BULK_BYTES_MAX: usize = limits::REQUEST_BYTES_MAX;

/// A line, bytes: errors are sentences, not books.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Replies in one array: a page of SCAN may be longer than what was asked for.
const ARRAY_LENGTH_MAX: usize = 1 << 20;

/// Arrays in arrays: SCAN answers two deep.
const DEPTH_MAX: usize = 4;

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reply {
    /// `+OK`.
    Simple(Bytes),
    /// `-ERR ...`.
    Error(Bytes),
    /// `:1`.
    Integer(i64),
    /// Bytes of any kind.
    Bulk(Bytes),
    /// No such thing.
    Nil,
    /// Several.
    Array(Vec<Reply>),
}

/// What came is not RESP.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct NotResp(String);

/// Appends a command: an array of bulk strings.
pub(super) fn encode(words: &[&[u8]], into: &mut BytesMut) {
    let bytes: usize = words.iter().map(|word| word.len() + 16).sum();
    into.reserve(bytes + 16);
    counted(b'*', words.len(), into);
    for word in words {
        counted(b'$', word.len(), into);
        into.put_slice(word);
        into.put_slice(b"\r\n");
    }
}

/// `$5\r\n`, without a formatter: this is on the way of every operation.
fn counted(kind: u8, count: usize, into: &mut BytesMut) {
    let mut digits = [0; 20];
    let (mut rest, mut first) = (count, digits.len());
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    into.put_u8(kind);
    into.put_slice(&digits[first..]);
    into.put_slice(b"\r\n");
}

/// Takes the first reply out of what has come; nothing while it is not whole.
///
/// # Errors
/// When what came cannot be the beginning of a reply: the connection is of no use then.
pub(super) fn decode(come: &mut BytesMut) -> Result<Option<Reply>, NotResp> {
    let Some(end) = end_of_reply(come, 0, DEPTH_MAX)? else {
        return Ok(None);
    };
    let mut whole = come.split_to(end).freeze();
    Ok(Some(reply(&mut whole)))
}

/// Where the reply that begins at `at` ends; nothing while it is not whole. Everything
/// that [`reply`] takes for granted is checked here.
fn end_of_reply(come: &[u8], at: usize, depth: usize) -> Result<Option<usize>, NotResp> {
    let Some(&kind) = come.get(at) else {
        return Ok(None);
    };
    if !b"+-:$*".contains(&kind) {
        let shown = come[at..come.len().min(at + 24)].escape_ascii();
        return Err(NotResp(format!("`{shown}` where a reply should begin")));
    }
    let rest = &come[at + 1..];
    let Some(length) = rest.windows(2).position(|pair| pair == b"\r\n") else {
        if rest.len() > LINE_BYTES_MAX {
            return Err(NotResp(format!("a line of over {LINE_BYTES_MAX} bytes")));
        }
        return Ok(None);
    };
    let after = at + 1 + length + 2;
    if matches!(kind, b'+' | b'-') {
        return Ok(Some(after));
    }
    let number = number(&rest[..length])?;
    match kind {
        b'$' => end_of_bulk(come, after, number),
        b'*' => end_of_array(come, after, number, depth),
        _ => Ok(Some(after)),
    }
}

fn end_of_bulk(come: &[u8], after: usize, number: i64) -> Result<Option<usize>, NotResp> {
    let Some(bytes) = length(number, BULK_BYTES_MAX, "bytes")? else {
        return Ok(Some(after));
    };
    match come.get(after + bytes..after + bytes + 2) {
        Some(b"\r\n") => Ok(Some(after + bytes + 2)),
        Some(_) => Err(NotResp("bytes that do not end where they should".into())),
        None => Ok(None),
    }
}

fn end_of_array(
    come: &[u8],
    after: usize,
    number: i64,
    depth: usize,
) -> Result<Option<usize>, NotResp> {
    let Some(replies) = length(number, ARRAY_LENGTH_MAX, "replies")? else {
        return Ok(Some(after));
    };
    if depth == 0 {
        return Err(NotResp(format!("arrays nested over {DEPTH_MAX} deep")));
    }
    let mut end = after;
    for _ in 0..replies {
        match end_of_reply(come, end, depth - 1)? {
            Some(next) => end = next,
            None => return Ok(None),
        }
    }
    Ok(Some(end))
}

fn number(text: &[u8]) -> Result<i64, NotResp> {
    let number = std::str::from_utf8(text)
        .ok()
        .and_then(|text| text.parse().ok());
    number.ok_or_else(|| {
        let shown = text[..text.len().min(24)].escape_ascii();
        NotResp(format!("`{shown}` where a number should be"))
    })
}

/// A length that is told; -1 says that there is nothing.
fn length(number: i64, most: usize, of: &str) -> Result<Option<usize>, NotResp> {
    if number == -1 {
        return Ok(None);
    }
    let length = usize::try_from(number)
        .ok()
        .filter(|length| *length <= most);
    let length = length.ok_or_else(|| NotResp(format!("{number} {of}, where {most} are possible")));
    length.map(Some)
}

/// The reply that `whole` begins with, which [`end_of_reply`] has looked through.
fn reply(whole: &mut Bytes) -> Reply {
    let kind = whole.get_u8();
    let length = whole.windows(2).position(|pair| pair == b"\r\n");
    let line = whole.split_to(length.expect("a whole reply has its first line"));
    whole.advance(2);
    let count = || number(&line).expect("the number was read before");
    match kind {
        b'+' => Reply::Simple(line),
        b'-' => Reply::Error(line),
        b':' => Reply::Integer(count()),
        b'$' => usize::try_from(count()).map_or(Reply::Nil, |bytes| {
            let bulk = whole.split_to(bytes);
            whole.advance(2);
            Reply::Bulk(bulk)
        }),
        _ => usize::try_from(count()).map_or(Reply::Nil, |replies| {
            Reply::Array((0..replies).map(|_| reply(whole)).collect())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &[u8]) -> Result<Option<Reply>, NotResp> {
        decode(&mut BytesMut::from(text))
    }

    fn bulk(text: &'static str) -> Reply {
        Reply::Bulk(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        let mut bytes = BytesMut::new();
        encode(&[b"SET", b"alice", b"", b"0123456789a"], &mut bytes);
        assert_eq!(
            &bytes[..],
            b"*4\r\n$3\r\nSET\r\n$5\r\nalice\r\n$0\r\n\r\n$11\r\n0123456789a\r\n"
        );
    }

    #[test]
    fn every_kind_of_reply_is_read() {
        for (text, read) in [
            (&b"+OK\r\n"[..], Reply::Simple(Bytes::from_static(b"OK"))),
            (b"-ERR no\r\n", Reply::Error(Bytes::from_static(b"ERR no"))),
            (b":-7\r\n", Reply::Integer(-7)),
            (b"$3\r\na\r\n\r\n", bulk("a\r\n")),
            (b"$0\r\n\r\n", bulk("")),
            (b"$-1\r\n", Reply::Nil),
            (b"*-1\r\n", Reply::Nil),
            (b"*0\r\n", Reply::Array(Vec::new())),
            (
                b"*2\r\n$1\r\n0\r\n*2\r\n$1\r\na\r\n$1\r\nb\r\n",
                Reply::Array(vec![bulk("0"), Reply::Array(vec![bulk("a"), bulk("b")])]),
            ),
        ] {
            assert_eq!(
                decoded(text).unwrap(),
                Some(read),
                "{}",
                text.escape_ascii()
            );
        }
    }

    #[test]
    fn a_reply_is_taken_once_it_is_whole_and_nothing_behind_it() {
        let text = b"*2\r\n$1\r\n0\r\n*1\r\n$5\r\nalice\r\n+OK\r\n";
        let whole = text.len() - b"+OK\r\n".len();
        for come in 0..whole {
            assert_eq!(decoded(&text[..come]).unwrap(), None, "{come} bytes");
        }
        let mut come = BytesMut::from(&text[..]);
        assert!(matches!(decode(&mut come).unwrap(), Some(Reply::Array(_))));
        assert_eq!(&come[..], b"+OK\r\n");
    }

    #[test]
    fn what_is_not_resp_is_refused_before_it_takes_memory() {
        let nested = b"*1\r\n".repeat(DEPTH_MAX + 1);
        let line = [b"+".to_vec(), vec![b'x'; LINE_BYTES_MAX + 2]].concat();
        for text in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"\0\0\x12\x04\0\0\0\0\0",
            b":one\r\n",
            b"$one\r\n",
            b"$-2\r\n",
            b"$99999999999\r\n",
            b"$99999999999999999999\r\n",
            b"*99999999\r\n",
            b"$1\r\nab\r\n",
            b"*1\r\nx",
            &nested,
            &line,
        ] {
            assert!(decoded(text).is_err(), "{}", text.escape_ascii());
        }
        let error = decoded(b"HTTP/1.1 400\r\n").unwrap_err();
        assert!(error.to_string().contains("`HTTP/1.1 400"), "{error}");
    }
}
