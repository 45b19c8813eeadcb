//! How people and programs are told that an answer may be old.

use std::time::Duration;

use crate::base::duration;
use crate::cli::output::Printer;
use crate::cli::row::Row;
use crate::client::Freshness;

/// A node that has heard from the leader within this is as good as current to people: who
/// asked for a stale answer need not be told each time that it is one.
const UNREMARKABLE: Duration = Duration::from_secs(1);

/// Adds `stale` and `stale_age_ms`, for programs; a current answer has neither. (A lock has an
/// `age_ms` of its own.)
pub(crate) fn dated(row: Row, freshness: Freshness) -> Row {
    match freshness {
        Freshness::Current => row,
        Freshness::Stale { age } => row
            .for_programs("stale", true)
            .for_programs("stale_age", age),
    }
}

/// Remarks that an answer is older than whoever asked may think.
pub(crate) fn remark(printer: &mut Printer, freshness: Freshness) {
    if let Some(remark) = remarkable(freshness) {
        printer.note(&remark);
    }
}

fn remarkable(freshness: Freshness) -> Option<String> {
    match freshness {
        Freshness::Current => None,
        Freshness::Stale { age: Some(age) } if age < UNREMARKABLE => None,
        Freshness::Stale { age: Some(age) } => Some(format!(
            "stale: the node that answered last heard from the leader {} ago",
            duration::format(age)
        )),
        Freshness::Stale { age: None } => Some(
            "stale: the node that answered has not heard from a leader since it started".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_really_old_is_remarked() {
        let stale = |ms: Option<u64>| Freshness::Stale {
            age: ms.map(Duration::from_millis),
        };
        assert_eq!(remarkable(Freshness::Current), None);
        assert_eq!(remarkable(stale(Some(999))), None);
        let old = remarkable(stale(Some(5_000))).unwrap();
        assert!(old.ends_with("heard from the leader 5s ago"), "{old}");
        assert!(
            remarkable(stale(None))
                .unwrap()
                .contains("since it started")
        );
    }

    #[test]
    fn programs_are_told_of_every_stale_answer() {
        let told = |freshness| {
            let row = dated(Row::new().with("found", true), freshness);
            assert_eq!(row.to_line(), "found=true");
            serde_json::to_string(&row).unwrap()
        };
        assert_eq!(told(Freshness::Current), r#"{"found":true}"#);
        let age = Some(Duration::from_millis(12));
        assert_eq!(
            told(Freshness::Stale { age }),
            r#"{"found":true,"stale":true,"stale_age_ms":12}"#
        );
        assert_eq!(
            told(Freshness::Stale { age: None }),
            r#"{"found":true,"stale":true}"#
        );
    }
}
