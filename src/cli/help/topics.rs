//! The topics, and their texts.

/// By name, in the order in which they are listed.
const TOPICS: [(&str, &str); 16] = [
    ("locks", include_str!("locks.txt")),
    ("expiry", include_str!("expiry.txt")),
    ("transactions", include_str!("transactions.txt")),
    ("watches", include_str!("watches.txt")),
    ("history", include_str!("history.txt")),
    ("buckets", include_str!("buckets.txt")),
    ("shell", include_str!("shell.txt")),
    ("rest", include_str!("rest.txt")),
    ("consistency", include_str!("consistency.txt")),
    ("cluster", include_str!("cluster.txt")),
    ("tls", include_str!("tls.txt")),
    ("top", include_str!("top.txt")),
    ("backup", include_str!("backup.txt")),
    ("config", include_str!("config.txt")),
    ("errors", include_str!("errors.txt")),
    ("exit-codes", include_str!("exit-codes.txt")),
];

/// Names that people try.
const ALSO: [(&str, &str); 16] = [
    ("lock", "locks"),
    ("ttl", "expiry"),
    ("txn", "transactions"),
    ("batch", "transactions"),
    ("watch", "watches"),
    ("bucket", "buckets"),
    ("certs", "tls"),
    ("certificates", "tls"),
    ("security", "tls"),
    ("status", "top"),
    ("monitoring", "top"),
    ("http", "rest"),
    ("error", "errors"),
    ("exit", "exit-codes"),
    ("configuration", "config"),
    ("environment", "config"),
];

/// Their names.
pub(crate) fn topics() -> impl Iterator<Item = &'static str> {
    TOPICS.iter().map(|(name, _)| *name)
}

/// What is said on one.
pub(crate) fn topic(name: &str) -> Option<&'static str> {
    let meant = ALSO.iter().find(|(also, _)| *also == name);
    let name = meant.map_or(name, |(_, topic)| topic);
    let found = TOPICS.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text)
}

/// What a topic is about: the first line of its text.
pub(super) fn about(name: &str) -> &'static str {
    topic(name)
        .and_then(|text| text.lines().next())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_fits_a_terminal() {
        for name in topics() {
            let text = topic(name).unwrap();
            let lines = text.lines().count();
            assert!((15..=45).contains(&lines), "{name}: {lines} lines");
            for line in text.lines() {
                assert!(line.chars().count() <= 100, "{name}: {line}");
            }
            assert!(
                text.contains("    dkv ") || text.contains("    curl "),
                "{name} has no example"
            );
        }
    }

    #[test]
    fn every_other_name_leads_to_a_topic() {
        for (also, _) in ALSO {
            assert!(topic(also).is_some(), "{also}");
        }
    }
}
