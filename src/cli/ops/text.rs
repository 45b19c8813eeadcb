//! The form of lines:
//!
//! ```text
//! if value account:alice = 100
//! then set account:alice 70 ttl=30s
//! then incr account:bob 30
//! else get account:alice
//! ```

use bytes::Bytes;

use super::script::{Named, Script};
use super::words::words;
use crate::base::types::{FenceToken, Revision};
use crate::base::{Error, Result, duration};
use crate::client::{Compare, Condition, Op, Relation, SetOptions, prefix_range};

const LINES: &str = "a line of a transaction begins with `if`, `then` or `else`";

const OPS: &str = "an operation is one of: set KEY VALUE [ttl=D] [expire-in=D] [keep-timers], \
                   delete KEY, delete-prefix PREFIX, expire KEY, touch KEY [ttl=D] [expire-in=D], \
                   persist KEY, incr KEY [BY], get KEY";

const COMPARES: &str = "a compare is one of: exists KEY, absent KEY, value KEY = VALUE, version \
                        KEY = N, revision KEY = N, created KEY = N, count PREFIX = N, \
                        revisions PREFIX <= N, fence LOCK = TOKEN; with =, !=, <, <=, > or >=";

pub(super) fn transaction(input: &[u8]) -> Result<Script> {
    let mut script = Script::default();
    each_line(input, |words| {
        let (first, rest) = words.split_first().expect("empty lines are left out");
        match &first[..] {
            b"if" => script.compares.push(compare(rest)?),
            b"then" => script.then.push(operation(rest)?),
            b"else" => script.otherwise.push(operation(rest)?),
            other => {
                let shown = other.escape_ascii();
                return Err(Error::invalid(format!("`{shown}`: {LINES}")));
            }
        }
        Ok(())
    })?;
    Ok(script)
}

pub(super) fn batch(input: &[u8]) -> Result<Vec<Named>> {
    let mut ops = Vec::new();
    each_line(input, |words| {
        ops.push(operation(words)?);
        Ok(())
    })?;
    Ok(ops)
}

fn each_line(input: &[u8], mut read: impl FnMut(&[Vec<u8>]) -> Result<()>) -> Result<()> {
    let text = std::str::from_utf8(input).map_err(|_| {
        Error::invalid("the input is not UTF-8: write other bytes as \"\\xHH\" in quotes")
    })?;
    for (at, line) in text.lines().enumerate() {
        let read = words(line).and_then(|words| match &words[..] {
            [] => Ok(()),
            words => read(words),
        });
        read.map_err(|error| Error::invalid(format!("line {}: {error}", at + 1)))?;
    }
    Ok(())
}

fn operation(words: &[Vec<u8>]) -> Result<Named> {
    let bad = || Error::invalid(OPS);
    let (name, rest) = words.split_first().ok_or_else(bad)?;
    let (key, rest) = rest.split_first().ok_or_else(bad)?;
    let key = Bytes::copy_from_slice(key);
    let alone = |op: Op| if rest.is_empty() { Ok(op) } else { Err(bad()) };
    let (name, op) = match &name[..] {
        b"set" => {
            let (value, rest) = rest.split_first().ok_or_else(bad)?;
            let options = set_options(rest)?;
            let value = Bytes::copy_from_slice(value);
            ("set", Op::set_with(key.clone(), value, &options)?)
        }
        b"delete" => ("delete", alone(Op::delete(key.clone()))?),
        b"delete-prefix" => {
            let range = prefix_range(key.clone());
            ("delete-prefix", alone(Op::delete_range(&range))?)
        }
        b"expire" => ("expire", alone(Op::expire(key.clone()))?),
        b"touch" => {
            let options = touch_options(rest)?;
            let touch = Op::touch(key.clone(), options.expire_in, options.delete_in)?;
            ("touch", touch)
        }
        b"persist" => ("persist", alone(Op::persist(key.clone()))?),
        b"incr" => {
            let by = match rest {
                [] => 1,
                [by] => number(by)?,
                _ => return Err(bad()),
            };
            ("incr", Op::incr(key.clone(), by))
        }
        b"get" => ("get", alone(Op::get(key.clone()))?),
        _ => return Err(bad()),
    };
    Ok(Named { op, name, key })
}

fn set_options(words: &[Vec<u8>]) -> Result<SetOptions> {
    let mut options = SetOptions::default();
    for word in words {
        let word = String::from_utf8_lossy(word);
        match word.split_once('=') {
            Some(("ttl" | "delete-in", time)) => {
                options.delete_in = Some(duration::parse(time)?);
            }
            Some(("expire-in", time)) => options.expire_in = Some(duration::parse(time)?),
            Some(("if-revision", revision)) => {
                let revision = Revision(number(revision.as_bytes())?);
                options.condition = Some(Condition::Revision(revision));
            }
            None if word == "keep-timers" => options.keep_timers = true,
            None if word == "if-absent" => options.condition = Some(Condition::Absent),
            None if word == "if-present" => options.condition = Some(Condition::Present),
            _ => {
                return Err(Error::invalid(format!(
                    "`{word}` is no option: there are ttl=D, expire-in=D and keep-timers, and in \
                     a batch if-absent, if-present and if-revision=N"
                )));
            }
        }
    }
    Ok(options)
}

/// A touch replaces both timers, whatever the key has: it takes nothing else.
fn touch_options(words: &[Vec<u8>]) -> Result<SetOptions> {
    let options = set_options(words)?;
    if options.condition.is_some() || options.keep_timers {
        return Err(Error::invalid("a touch takes ttl=D and expire-in=D alone"));
    }
    Ok(options)
}

fn compare(words: &[Vec<u8>]) -> Result<Compare> {
    let bad = || Error::invalid(COMPARES);
    let key = |word: &Vec<u8>| Bytes::copy_from_slice(word);
    match words {
        [what, name] if what == b"exists" => Ok(Compare::exists(key(name))),
        [what, name] if what == b"absent" => Ok(Compare::absent(key(name))),
        [what, name, relation, given] => {
            let relation = self::relation(relation).ok_or_else(bad)?;
            let revision = || number(given).map(Revision);
            Ok(match &what[..] {
                b"value" => Compare::value(key(name), relation, key(given)),
                b"version" => Compare::version(key(name), relation, number(given)?),
                b"revision" => Compare::revision(key(name), relation, revision()?),
                b"created" => Compare::create_revision(key(name), relation, revision()?),
                b"count" => Compare::count(&prefix_range(key(name)), relation, number(given)?),
                b"revisions" => {
                    Compare::every_revision(&prefix_range(key(name)), relation, revision()?)
                }
                b"fence" => {
                    let token: u64 = number(given)?;
                    let holder = (token > 0).then_some(FenceToken(token));
                    Compare::fence(key(name), relation, holder)
                }
                _ => return Err(bad()),
            })
        }
        _ => Err(bad()),
    }
}

/// Reads `=`, `<=` and so on.
pub(super) fn relation(word: &[u8]) -> Option<Relation> {
    Some(match word {
        b"=" | b"==" => Relation::Equal,
        b"!=" => Relation::NotEqual,
        b"<" => Relation::Less,
        b"<=" => Relation::LessOrEqual,
        b">" => Relation::Greater,
        b">=" => Relation::GreaterOrEqual,
        _ => return None,
    })
}

fn number<T: std::str::FromStr>(word: &[u8]) -> Result<T> {
    let text = std::str::from_utf8(word).ok();
    text.and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::invalid(format!("`{}` is not a number", word.escape_ascii())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(input: &str) -> String {
        let refused = transaction(input.as_bytes()).map(|_| ());
        refused.unwrap_err().message().to_owned()
    }

    #[test]
    fn a_transaction_is_lines_of_compares_and_operations() {
        let script = transaction(
            b"# moves 30\n\nif value a = 100\nif version \"b c\" > 0\nthen set a 70 ttl=30s\n\
              then incr b 30\nelse get a\n",
        )
        .unwrap();
        assert_eq!(
            script.compares,
            [
                Compare::value("a", Relation::Equal, "100"),
                Compare::version("b c", Relation::Greater, 0)
            ]
        );
        let thirty = SetOptions {
            delete_in: Some(std::time::Duration::from_secs(30)),
            ..SetOptions::default()
        };
        assert_eq!(script.then[0].op, Op::set_with("a", "70", &thirty).unwrap());
        assert_eq!(script.then[1].op, Op::incr("b", 30));
        assert_eq!(
            (script.otherwise[0].name, script.otherwise.len()),
            ("get", 1)
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        assert!(refusal("when exists a").starts_with("line 1: `when`: a line of a transaction"));
        assert!(refusal("if exists a\nthen put a 1").starts_with("line 2: an operation is one of"));
        assert!(refusal("if value a ~ 1").starts_with("line 1: a compare is one of"));
        assert!(refusal("if version a = x").contains("`x` is not a number"));
        assert!(refusal("then set a 1 forever").contains("`forever` is no option"));
        assert!(refusal("then touch a keep-timers").contains("a touch takes ttl=D"));
        assert!(refusal("then delete a b").starts_with("line 1: an operation is one of"));
        assert!(refusal("then set \"a 1").contains("a quote is not closed"));
    }

    #[test]
    fn a_batch_has_no_branches() {
        let ops = batch(b"set a 1 if-absent\ndelete b\nincr n\n").unwrap();
        assert_eq!(ops.len(), 3);
        assert_eq!(ops[2].op, Op::incr("n", 1));
        assert!(batch(b"then set a 1").is_err());
    }
}
