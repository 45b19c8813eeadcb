//! "Did you mean": the nearest known word.

/// The known word nearest to `word`, if any is near enough to be a slip.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
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
}
