//! What other tools call what is done here.

/// Words that people bring along, and what to type instead.
const WORDS: [(&str, &str); 24] = [
    ("KEYS", "SCAN prefix KEYS"),
    ("LS", "SCAN prefix KEYS"),
    ("LIST", "SCAN"),
    ("SELECT", "USE bucket, or SCAN"),
    ("SHOW", "BUCKETS, LOCKS or STATUS"),
    ("DBSIZE", "SCAN COUNT"),
    ("COUNT", "SCAN COUNT"),
    ("PUT", "SET"),
    ("SETEX", "SET key value TTL 5m"),
    ("SETNX", "SET key value IF ABSENT"),
    ("MGET", "GET"),
    ("MSET", "BATCH"),
    ("EXISTS", "HAS"),
    ("RM", "DELETE"),
    ("FLUSHALL", "DELETE PREFIX prefix"),
    ("FLUSHDB", "DELETE PREFIX prefix"),
    ("INCRBY", "INCR"),
    ("DECR", "INCR key -1"),
    ("MULTI", "TXN"),
    ("BEGIN", "TXN"),
    ("SUBSCRIBE", "WATCH"),
    ("ACQUIRE", "LOCK"),
    ("RELEASE", "UNLOCK"),
    ("PING", "STATUS"),
];

/// What is meant by a word, in any letter case.
pub(super) fn meant(name: &str) -> Option<&'static str> {
    let mut known = WORDS.iter();
    known
        .find(|(word, _)| word.eq_ignore_ascii_case(name))
        .map(|(_, meant)| *meant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::shell::verbs;

    #[test]
    fn what_is_advised_is_a_verb_and_what_is_translated_is_not() {
        for (word, meant) in WORDS {
            assert!(verbs::named(word).is_none(), "{word}");
            let first = meant.split([' ', ',']).next().unwrap();
            assert!(verbs::named(first).is_some(), "{meant}");
        }
    }
}
