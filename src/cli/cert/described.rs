//! What is told of a certificate.

use std::path::Path;

use crate::base::Result;
use crate::base::host::SmallFile;
use crate::cli::row::{Field, Row};
use crate::tls::issue::Ledger;
use crate::tls::{Found, Holder, KeyBeside, Moment, authorities_beside};

const DAY_SECONDS: i64 = 86_400;

/// A certificate's file, and what is wrong with it: with the word for a table, and what to do.
pub(super) struct Described {
    pub(super) row: Row,
    pub(super) problems: Vec<String>,
}

/// Looks at a certificate, at the key beside it, and at what its authority took back.
///
/// # Errors
/// `Invalid`, naming the file, if it holds no certificate.
pub(super) fn describe(path: &Path, soon_days: u32) -> Result<Described> {
    let found = Found::read(path)?;
    let now = Moment::now();
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new("."));
    let key_path = path.with_extension("key");
    let key = found.key_beside(&key_path);
    let revoked_at = revoked_at(dir, &found);
    let mut state = Vec::new();
    let mut problems = Vec::new();
    let mut wrong = |word: &str, told: String| {
        state.push(word.to_owned());
        problems.push(format!("{}: {told}", path.display()));
    };
    if let KeyBeside::Bad(why) = &key {
        wrong("bad key", why.clone());
    }
    if !is_trusted(dir, &found)? {
        wrong(
            "other authority",
            format!(
                "{} signed it, which is not in ca.crt beside it",
                found.issuer
            ),
        );
    }
    let what = match found.holder {
        Holder::Authority(_) => "`dkv cert ca --force` makes another",
        Holder::Leaf(_) => "`dkv cert rotate` issues it anew",
    };
    if revoked_at.is_some() {
        // It is meant to be of no use.
    } else if now > found.not_after {
        wrong(
            "expired",
            format!("it expired at {}: {what}", found.not_after),
        );
    } else if now < found.not_before {
        wrong(
            "not valid yet",
            format!("it is valid from {} on", found.not_before),
        );
    } else if found.not_after < now.plus_days(soon_days) {
        wrong(
            "expires soon",
            format!("it expires at {}: {what}", found.not_after),
        );
    }
    if revoked_at.is_some() {
        state.insert(0, "revoked".to_owned());
    }
    let state = match state.is_empty() {
        true => "ok".to_owned(),
        false => state.join(", "),
    };
    let row = row(path, &found, &key, now)
        .with("state", state)
        .for_programs("revokedAt", revoked_at.map(|at| at.to_string()))
        .for_programs("keyMode", mode(&key_path))
        .for_programs("problems", problems.clone());
    Ok(Described { row, problems })
}

fn row(path: &Path, found: &Found, key: &KeyBeside, now: Moment) -> Row {
    let (kind, name, node) = match &found.holder {
        Holder::Authority(name) => ("authority", name.clone(), None),
        Holder::Leaf(identity) => (
            identity.kind.as_str(),
            identity.name.clone(),
            identity.node.map(|id| id.to_string()),
        ),
    };
    let key = match key {
        KeyBeside::None => "none",
        KeyBeside::Fits => "fits",
        KeyBeside::Bad(_) => "bad",
    };
    let hosts = Some(found.hosts.clone()).filter(|hosts| !hosts.is_empty());
    let days_left = found.not_after.days_since(now);
    Row::new()
        .with("file", path.display().to_string())
        .with("kind", kind)
        .with("name", name)
        .with("hosts", hosts)
        .with("expires", until(now, found.not_after))
        .with("key", key)
        .for_programs("nodeId", node)
        .for_programs("authority", found.issuer.clone())
        .for_programs("serial", found.serial.clone())
        .for_programs("notBefore", found.not_before.to_string())
        .for_programs("notAfter", found.not_after.to_string())
        .for_programs("daysLeft", Field::Integer(days_left))
        .for_programs("mode", mode(path))
}

/// What is told of a list of revocations: the same fields, as far as they mean something.
///
/// # Errors
/// `Invalid`, naming the file, if it is damaged.
pub(super) fn describe_list(path: &Path) -> Result<Vec<Row>> {
    let now = Moment::now();
    let lists = Ledger::read(path)?.into_iter().map(|ledger| {
        let revoked = ledger.revocations.revoked;
        let serials: Vec<String> = revoked.iter().map(|one| one.serial.clone()).collect();
        Row::new()
            .with("file", path.display().to_string())
            .with("kind", "revocations")
            .with("name", format!("{} revoked", revoked.len()))
            .with("hosts", Field::Absent)
            .with("expires", ledger.until.map(|at| until(now, at)))
            .with("key", Field::Absent)
            .with("state", "ok")
            .for_programs("authority", ledger.issuer)
            .for_programs("number", ledger.revocations.number)
            .for_programs("since", ledger.since.to_string())
            .for_programs("notAfter", ledger.until.map(|at| at.to_string()))
            .for_programs("serials", serials)
            .for_programs("mode", mode(path))
    });
    Ok(lists.collect())
}

/// `in 364 days`, `3 hours ago`.
pub(super) fn until(now: Moment, at: Moment) -> String {
    let seconds = at.0.saturating_sub(now.0);
    let size = seconds.abs();
    let (count, unit) = match size {
        0..60 => (size, "second"),
        60..3_600 => (size / 60, "minute"),
        3_600..172_800 => (size / 3_600, "hour"),
        // The nearest: a year that began a second ago has 365 days.
        _ => ((size + DAY_SECONDS / 2) / DAY_SECONDS, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    match seconds >= 0 {
        true => format!("in {count} {unit}{plural}"),
        false => format!("{count} {unit}{plural} ago"),
    }
}

/// True if there is no `ca.crt`, or an authority in it signed this.
fn is_trusted(dir: &Path, found: &Found) -> Result<bool> {
    let authorities = authorities_beside(dir)?;
    let mut signed = authorities.iter().map(|one| found.is_signed_by(one));
    Ok(authorities.is_empty() || signed.any(|is_so| is_so))
}

/// What is wrong with the list is told of the list.
fn revoked_at(dir: &Path, found: &Found) -> Option<Moment> {
    let lists = Ledger::read(&dir.join("ca.crl")).ok()?;
    let mut ours = lists.iter().filter(|list| list.issuer == found.issuer);
    ours.find_map(|list| list.revoked_at(&found.serial))
}

fn mode(path: &Path) -> Option<String> {
    let file = SmallFile::read(path, 1 << 20).ok()?;
    Some(format!("{:04o}", file.mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_told_in_words() {
        let now = Moment(1_000_000_000);
        for (seconds, words) in [
            (365 * DAY_SECONDS, "in 365 days"),
            (365 * DAY_SECONDS - 1, "in 365 days"),
            (2 * DAY_SECONDS, "in 2 days"),
            (2 * DAY_SECONDS - 1, "in 47 hours"),
            (3_600, "in 1 hour"),
            (0, "in 0 seconds"),
            (-61, "1 minute ago"),
            (-3 * DAY_SECONDS, "3 days ago"),
        ] {
            assert_eq!(until(now, now.plus_seconds(seconds)), words);
        }
    }
}
