//! "Did you mean": the nearest known word.

/// The known word nearest to `word`, if any is near enough to be a slip.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (similarity(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// From 0 to 1. Two letters that changed places are a slip of any word, also of a short one,
/// in which they weigh too much otherwise.
fn similarity(word: &str, candidate: &str) -> f64 {
    let by_letters = strsim::jaro_winkler(word, candidate);
    let is_swap = word.len() == candidate.len()
        && word.len() > 2
        && word != candidate
        && strsim::osa_distance(word, candidate) == 1
        && strsim::hamming(word, candidate) == Ok(2);
    if is_swap {
        by_letters.max(0.9)
    } else {
        by_letters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_slips_and_nothing_else() {
        let known = ["data-dir", "durability", "timeout"];
        assert_eq!(nearest("data_dir", known), Some("data-dir"));
        assert_eq!(nearest("timeuot", known), Some("timeout"));
        assert_eq!(nearest("colour", known), None);
    }

    /// `dkv kv ste` was told of no `set`.
    #[test]
    fn two_letters_that_changed_places_are_a_slip() {
        let known = ["set", "get", "scan", "ttl", "txn"];
        assert_eq!(nearest("ste", known), Some("set"));
        assert_eq!(nearest("gte", known), Some("get"));
        assert_eq!(nearest("tlt", known), Some("ttl"));
        assert_eq!(nearest("tse", known), None, "two slips");
    }
}
