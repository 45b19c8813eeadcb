//! A line as words: separated by blanks, in double quotes if they hold any.

use crate::base::{Error, Result};

/// The words of a line; none of an empty line or one that begins with `#`.
///
/// # Errors
/// `Invalid` for quotes that are not closed, and for escapes that are none.
pub(super) fn words(line: &str) -> Result<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    if rest.starts_with('#') {
        return Ok(words);
    }
    while !rest.is_empty() {
        let (word, left) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_word(quoted)?,
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (rest.as_bytes()[..end].to_vec(), &rest[end..])
            }
        };
        words.push(word);
        rest = left.trim_start();
    }
    Ok(words)
}

/// The word up to the closing quote, and what is behind that.
fn quoted_word(quoted: &str) -> Result<(Vec<u8>, &str)> {
    let mut word = Vec::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => {
                let rest = &quoted[at + 1..];
                if rest.starts_with(|next: char| !next.is_whitespace()) {
                    return Err(Error::invalid("a blank belongs behind a closing quote"));
                }
                return Ok((word, rest));
            }
            '\\' => {
                let escape = chars.next().map(|(_, escape)| escape);
                word.push(match escape {
                    Some('n') => b'\n',
                    Some('t') => b'\t',
                    Some('r') => b'\r',
                    Some('0') => 0,
                    Some('\\') => b'\\',
                    Some('"') => b'"',
                    Some('x') => {
                        let high = chars.next().and_then(|(_, digit)| digit.to_digit(16));
                        let low = chars.next().and_then(|(_, digit)| digit.to_digit(16));
                        let (Some(high), Some(low)) = (high, low) else {
                            return Err(Error::invalid("`\\x` takes two hexadecimal digits"));
                        };
                        u8::try_from(high * 16 + low).expect("two digits fit in a byte")
                    }
                    _ => {
                        return Err(Error::invalid(
                            "within quotes a backslash begins \\n, \\t, \\r, \\0, \\\\, \\\" or \\xHH",
                        ));
                    }
                });
            }
            other => word.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Err(Error::invalid("a quote is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Vec<String> {
        let words = words(line).unwrap();
        let shown = words.iter().map(|word| word.escape_ascii().to_string());
        shown.collect()
    }

    #[test]
    fn words_are_separated_by_blanks() {
        assert_eq!(read("  then set\ta  1 "), ["then", "set", "a", "1"]);
        assert_eq!(read(""), [""; 0]);
        assert_eq!(read("# a remark"), [""; 0]);
        assert_eq!(read("set a #1"), ["set", "a", "#1"]);
    }

    #[test]
    fn quotes_hold_any_bytes() {
        assert_eq!(read(r#"set "a b" """#), ["set", "a b", ""]);
        assert_eq!(read(r#""\n\"\\\xff\x00é""#), [r#"\n\"\\\xff\x00\xc3\xa9"#]);
    }

    #[test]
    fn bad_quotes_are_refused() {
        for line in [r#"set "a"#, r#""a"b"#, r#""\q""#, r#""\x1""#, r#""\xgg""#] {
            assert!(words(line).is_err(), "{line}");
        }
    }
}
