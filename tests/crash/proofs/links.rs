//! Promises are found in what members write to each other.

use crate::link::Outgoing;
use crate::promise::{Kept, Promise, kept};

fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).expect("it is short");
    assert!(length < 0x80, "one byte says its length");
    [&[number << 3 | 2, length], content].concat()
}

fn number(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

fn message(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("it is short");
    [&[0][..], &length.to_be_bytes(), content].concat()
}

fn frame(kind: u8, stream: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).expect("it is short");
    let [_, length @ ..] = length.to_be_bytes();
    [&length[..], &[kind, 0, 0, 0, 0, stream], content].concat()
}

fn vote(term: u8) -> Vec<u8> {
    [number(1, term), bytes(2, &[7; 16])].concat()
}

/// A frame of group 100 of the peers' protocol.
fn said(kind: u8, body: &[u8]) -> Vec<u8> {
    let body = bytes(kind, body);
    bytes(2, &[number(1, 100), number(2, 1), body].concat())
}

/// A connection with a link on stream 1, whose second message comes in two frames with one of
/// stream 3 between them, on which somebody is asked who it is.
fn connection() -> Vec<u8> {
    let identity = bytes(1, &bytes(1, &[7; 16]));
    let hello = bytes(1, &[identity.clone(), bytes(2, &[1; 16])].concat());
    let matched = bytes(1, &[number(1, 2), number(2, 9)].concat());
    let granted = [bytes(1, &vote(3)), number(2, 1)].concat();
    let asks_first = [bytes(1, &vote(4)), number(3, 1)].concat();
    let told = [
        said(11, &matched),
        said(13, &granted),
        said(13, &bytes(1, &vote(5))),
        said(12, &asks_first),
    ];
    let told = message(&told.concat());
    let (first, second) = told.split_at(20);
    let question = message(&[identity, bytes(2, &[1; 16])].concat());
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        frame(4, 0, &[0; 6]),
        frame(0, 1, &message(&hello)),
        frame(0, 1, first),
        frame(0, 3, &question),
        frame(0, 1, second),
    ]
    .concat()
}

fn promised() -> [Promise; 2] {
    [
        Promise::Has {
            group: 100,
            term: 2,
            index: 9,
        },
        Promise::Voted {
            group: 100,
            term: 3,
            node: vec![7; 16],
        },
    ]
}

#[test]
fn a_member_is_taken_at_its_word_in_whatever_pieces_it_comes() {
    let connection = connection();
    assert_eq!(Outgoing::default().push(&connection), promised());
    for size in [1, 7, 40] {
        let mut link = Outgoing::default();
        let pieces = connection.chunks(size);
        let heard: Vec<Promise> = pieces.flat_map(|piece| link.push(piece)).collect();
        assert_eq!(heard, promised(), "pieces of {size}");
    }
    let mut cut = Outgoing::default();
    let all_but_one = &connection[..connection.len() - 1];
    assert_eq!(cut.push(all_but_one), [], "it has not arrived");
    let mut answer = Outgoing::default();
    assert_eq!(answer.push(b"HTTP/1.1 200 OK\r\n"), []);
    assert_eq!(
        answer.push(&connection),
        [],
        "that is the body of an answer"
    );
}

#[test]
fn a_later_term_makes_votes_void_and_nothing_else() {
    let all = promised();
    let expected = Kept {
        term: 3,
        voted: Some(vec![7; 16]),
        last: (2, 9),
    };
    assert_eq!(kept(all.iter()).remove(&100), Some(expected.clone()));
    assert_eq!(kept(all.iter().rev()).remove(&100), Some(expected));
    let later = Promise::Has {
        group: 100,
        term: 4,
        index: 5,
    };
    let expected = Kept {
        term: 4,
        voted: None,
        last: (4, 5),
    };
    let all = all.iter().chain([&later]);
    assert_eq!(kept(all).remove(&100), Some(expected));
}
