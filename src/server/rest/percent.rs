//! Percent-encoding (RFC 3986, section 2.1), decoded strictly: a key may be any bytes, and
//! what is no encoding must not become another key.

use bytes::Bytes;

use crate::base::{Error, Result};

/// Decodes a part of a path.
///
/// # Errors
/// `Invalid` for a `%` without two hexadecimal digits.
pub(super) fn decode(text: &str) -> Result<Bytes> {
    let encoded = text.as_bytes();
    if !encoded.contains(&b'%') {
        return Ok(Bytes::copy_from_slice(encoded));
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while at < encoded.len() {
        if encoded[at] != b'%' {
            decoded.push(encoded[at]);
            at += 1;
            continue;
        }
        let digit = |at: usize| {
            encoded
                .get(at)
                .and_then(|byte| (*byte as char).to_digit(16))
        };
        let (Some(high), Some(low)) = (digit(at + 1), digit(at + 2)) else {
            return Err(Error::invalid(format!(
                "`{}` is no percent-encoding: a byte is written % and two hexadecimal digits, \
                 and % itself %25",
                String::from_utf8_lossy(&encoded[at..encoded.len().min(at + 3)]).escape_debug()
            )));
        };
        decoded.push(u8::try_from(high * 16 + low).expect("two digits are a byte"));
        at += 3;
    }
    Ok(decoded.into())
}

/// Decodes a name or value of a query, where `+` is a space.
///
/// # Errors
/// As [`decode`].
pub(super) fn decode_query(text: &str) -> Result<Bytes> {
    decode(&text.replace('+', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_can_be_written() {
        for byte in 0..=255_u8 {
            assert_eq!(decode(&format!("%{byte:02x}")).unwrap()[..], [byte]);
            assert_eq!(decode(&format!("a%{byte:02X}b")).unwrap()[1], byte);
        }
        assert_eq!(decode("a+b/c..").unwrap(), "a+b/c..");
        assert_eq!(decode_query("a+b%2Bc").unwrap(), "a b+c");
    }

    #[test]
    fn what_is_no_encoding_is_refused() {
        for text in ["%", "a%", "%4", "%zz", "%4g", "%%41", "%é"] {
            assert!(decode(text).is_err(), "{text}");
        }
        assert!(decode("%4").unwrap_err().message().contains("`%4` is no"));
    }
}
