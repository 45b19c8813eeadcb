//! What is done to an input: what breaks parsers.

use dkv::check::dice::Dice;

/// At the edges of widths and signs.
const NUMBERS: [u64; 12] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0xffff_ffff_ffff_ffff,
    0x0100_0000,
];

/// What means something to one parser or another.
const TOKENS: [&[u8]; 24] = [
    b"\"",
    b"'",
    b"\\",
    b"\n",
    b"\r\n",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"=",
    b"%00",
    b"%",
    b";",
    b"<<END",
    b"\xff",
    b"\xc3\xa9",
    b"-1",
    b"1e400",
    b"null",
    b"18446744073709551616",
    b"-----BEGIN ",
    b"\xef\xbb\xbf",
];

/// Changes `input` in one to eight ways, with parts of `other`; it stays below `bytes_max`.
pub(crate) fn mutate(input: &mut Vec<u8>, other: &[u8], bytes_max: usize, dice: &mut Dice) {
    for _ in 0..=dice.index(8) {
        once(input, other, dice);
    }
    input.truncate(bytes_max);
}

fn once(input: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    let at = dice.index(input.len().max(1));
    match dice.index(10) {
        0 => change(input, at, |byte| byte ^ (1 << dice.below(8))),
        1 => change(input, at, |_| dice.below(256) as u8),
        2 => {
            let end = input.len().min(at + 1 + dice.index(16));
            input.drain(at.min(end)..end);
        }
        3 => {
            let drawn = dice.below(u64::MAX).to_le_bytes();
            insert(input, at, &drawn[..1 + dice.index(8)]);
        }
        4 => insert(input, at, TOKENS[dice.index(TOKENS.len())]),
        5 => {
            let end = input.len().min(at + dice.index(64));
            let again = input[at.min(end)..end].to_vec();
            insert(input, at, &again);
        }
        6 => number(input, at, dice),
        7 => {
            let from = dice.index(other.len().max(1));
            let end = other.len().min(from + dice.index(256));
            insert(input, at, &other[from.min(end)..end]);
        }
        8 => {
            let from = dice.index(other.len().max(1));
            input.truncate(at);
            input.extend_from_slice(&other[from..]);
        }
        _ => input.truncate(at),
    }
}

fn change(input: &mut [u8], at: usize, to: impl FnOnce(u8) -> u8) {
    if let Some(byte) = input.get_mut(at) {
        *byte = to(*byte);
    }
}

fn insert(input: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let behind = input.split_off(at);
    input.extend_from_slice(bytes);
    input.extend_from_slice(&behind);
}

/// Writes a number over what is there: as a length field of 1 to 8 bytes in either order, as the
/// variable length of protobuf, or one that is a little more or less than it was.
fn number(input: &mut [u8], at: usize, dice: &mut Dice) {
    let number = *dice.pick(&NUMBERS);
    let width = 1 << dice.index(4);
    let bytes = match dice.index(4) {
        0 => number.to_le_bytes()[..width].to_vec(),
        1 => number.to_be_bytes()[8 - width..].to_vec(),
        2 => varint(number),
        _ => {
            change(input, at, |byte| byte.wrapping_add(1 + (number % 3) as u8));
            return;
        }
    };
    for (place, byte) in (at..).zip(bytes) {
        change(input, place, |_| byte);
    }
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push((number as u8) | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}
