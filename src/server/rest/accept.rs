//! Which form of an answer is wanted (RFC 9110, section 12.5.1).

use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};

use super::body::Kind;
use super::refused::{Answered, Refused};
use crate::base::Error;

/// The one that is given where both are wanted alike comes first.
const FORMS: [(Kind, &str); 2] = [
    (Kind::Json, "application/json"),
    (Kind::Raw, "application/octet-stream"),
];

/// How much a form is wanted. The later fields decide between equal weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Wish {
    /// Thousandths; 0: not at all.
    weight: u16,
    /// How closely the range names the form.
    closeness: u8,
    /// What stands first is wanted more.
    place: std::cmp::Reverse<usize>,
}

/// The form that is wanted most.
///
/// # Errors
/// 406 if neither is wanted.
pub(super) fn wanted(headers: &HeaderMap) -> Answered<Kind> {
    let lines = headers.get_all(ACCEPT).iter();
    let given: Vec<_> = lines
        .map(|line| String::from_utf8_lossy(line.as_bytes()).to_ascii_lowercase())
        .collect();
    let given = given.join(", ");
    choose(&given).ok_or_else(|| {
        let shown: String = given.chars().take(80).collect();
        let message = format!(
            "the Accept header is `{}`: a value is answered as application/json or as \
             application/octet-stream",
            shown.escape_debug()
        );
        Refused::new(StatusCode::NOT_ACCEPTABLE, Error::invalid(message))
    })
}

/// Whoever names nothing takes anything.
fn choose(given: &str) -> Option<Kind> {
    if given.split(',').all(|range| range.trim().is_empty()) {
        return Some(Kind::Json);
    }
    let ranges: Vec<_> = split(given, ',').filter_map(range).collect();
    let mut chosen: Option<(Wish, Kind)> = None;
    for (form, name) in FORMS {
        let Some(wish) = wish_for(name, &ranges) else {
            continue;
        };
        if wish.weight > 0 && chosen.is_none_or(|(best, _)| wish > best) {
            chosen = Some((wish, form));
        }
    }
    chosen.map(|(_, form)| form)
}

/// Of the ranges that a form is in the closest decides, the first of several such.
fn wish_for(form: &str, ranges: &[(&str, u16)]) -> Option<Wish> {
    let matching = ranges
        .iter()
        .enumerate()
        .filter_map(|(place, (name, weight))| {
            let closeness = match *name {
                name if name == form => 2,
                "application/*" => 1,
                "*/*" => 0,
                _ => return None,
            };
            Some(Wish {
                weight: *weight,
                closeness,
                place: std::cmp::Reverse(place),
            })
        });
    matching.max_by_key(|wish| (wish.closeness, wish.place))
}

/// A range and its weight; `None` for one whose weight is none, which says nothing.
fn range(text: &str) -> Option<(&str, u16)> {
    let mut parts = split(text, ';').map(str::trim);
    let name = parts.next()?;
    let weight = parts.find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        (name.trim() == "q").then_some(value.trim())
    });
    Some((name, weight.map_or(Some(1_000), thousandths)?))
}

/// `0` to `1` with at most three digits behind the point.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let are_digits = rest.bytes().all(|digit| digit.is_ascii_digit());
    if !matches!(whole, "0" | "1") || !are_digits || rest.len() > 3 {
        return None;
    }
    let weight: u16 = format!("{whole}{rest:0<3}").parse().ok()?;
    (weight <= 1_000).then_some(weight)
}

/// The parts between separators that stand outside of quotes.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |c| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            _ if was_escaped => false,
            '\\' if is_quoted => {
                is_escaped = true;
                false
            }
            '"' => {
                is_quoted = !is_quoted;
                false
            }
            c => c == separator && !is_quoted,
        }
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const JSON: Option<Kind> = Some(Kind::Json);
    const RAW: Option<Kind> = Some(Kind::Raw);

    #[test]
    fn what_is_wanted_most_is_given() {
        for (accept, form) in [
            ("*/*", JSON),
            ("", JSON),
            (" , ", JSON),
            ("application/json", JSON),
            ("application/octet-stream", RAW),
            ("application/*", JSON),
            ("text/html, application/xhtml+xml, */*;q=0.8", JSON),
            ("text/html", None),
            // By weight, ...
            ("application/json;q=0.1, application/octet-stream", RAW),
            (
                "application/octet-stream;q=0.1, application/json;q=0.2",
                JSON,
            ),
            ("application/octet-stream;q=0.999, */*", JSON),
            (
                "application/json ; q=0.5 , application/octet-stream ; Q=0.501",
                RAW,
            ),
            // ... which the closest range says, and not the best one.
            ("*/*, application/json;q=0.1", RAW),
            ("application/*;q=0.9, application/json;q=0.1, */*", RAW),
            ("*/*;q=0.1, application/octet-stream;q=0.05", JSON),
            // Alike: the one that is named, then the first.
            ("application/octet-stream, */*", RAW),
            ("*/*, application/octet-stream", RAW),
            ("application/octet-stream, application/json", RAW),
            ("application/json, application/octet-stream", JSON),
            // 0 is never.
            ("application/json;q=0", None),
            ("application/json;q=0, */*", RAW),
            (
                "application/json;q=0.000, application/octet-stream;q=0.001",
                RAW,
            ),
            ("*/*;q=0", None),
            // Other parameters are passed over, with what is within quotes.
            ("application/json;charset=utf-8", JSON),
            (
                "application/octet-stream;a=\"x,application/json;q=0\\\"\";q=0.2",
                RAW,
            ),
            (
                "application/json;p=\"q=0\";q=0.2, application/octet-stream;q=0.1",
                JSON,
            ),
            // A weight that is none says nothing, and neither does what is beside it.
            ("application/json;q=x", None),
            (
                "application/json;q=1.001, application/octet-stream;q=0.1",
                RAW,
            ),
            (
                "application/json;q=0.1234, application/octet-stream;q=0.1",
                RAW,
            ),
            ("application/json;q=-1, application/octet-stream;q=0.1", RAW),
            ("application/json;q=1., application/octet-stream", JSON),
            ("application/json;q=0.7, ;;;, \"", JSON),
        ] {
            let lower = accept.to_ascii_lowercase();
            assert_eq!(choose(&lower), form, "{accept}");
        }
    }

    #[test]
    fn several_headers_are_one_and_none_is_anything() {
        let mut headers = HeaderMap::new();
        assert_eq!(wanted(&headers).unwrap(), Kind::Json);
        headers.append(ACCEPT, HeaderValue::from_static("Application/JSON;q=0.1"));
        headers.append(
            ACCEPT,
            HeaderValue::from_static("application/octet-stream;q=0.2"),
        );
        assert_eq!(wanted(&headers).unwrap(), Kind::Raw);
        let odd = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_bytes(b"\xff/\xff").unwrap())]);
        assert!(wanted(&odd).is_err());
    }
}
