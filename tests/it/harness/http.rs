//! Plain HTTP/1.1 by hand, and the text format of Prometheus, read strictly.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use super::PATIENCE;

/// An answer, as text.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Asks for a path and reads until the server hangs up.
#[track_caller]
pub(crate) fn http(address: &str, method: &str, path: &str) -> Answer {
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    http_raw(address, request.as_bytes())
}

/// Sends these bytes and reads until the server hangs up.
#[track_caller]
pub(crate) fn http_raw(address: &str, request: &[u8]) -> Answer {
    match address.strip_prefix("unix:") {
        Some(path) => {
            let stream = UnixStream::connect(path).expect("the server listens");
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            talk(stream, request)
        }
        None => {
            let stream = TcpStream::connect(address).expect("the server listens");
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            talk(stream, request)
        }
    }
}

#[track_caller]
fn talk(mut stream: impl Read + Write, request: &[u8]) -> Answer {
    // A server that refuses may hang up before it has read everything.
    let _hung_up = stream.write_all(request);
    read_answer(&mut stream)
}

/// Reads an answer until the server hangs up.
#[track_caller]
pub(crate) fn read_answer(stream: &mut impl Read) -> Answer {
    let mut bytes = Vec::new();
    // A reset after the answer is a way to hang up.
    let _reset = stream.read_to_end(&mut bytes);
    let text = String::from_utf8(bytes).expect("an answer in text");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Answer {
        status: status.unwrap_or(0),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

/// A page of figures: samples by name and labels.
#[derive(Debug, Default)]
pub(crate) struct Exposition {
    /// Name of a family to its type.
    pub(crate) families: BTreeMap<String, String>,
    /// `name{labels}` to value.
    pub(crate) samples: BTreeMap<String, f64>,
}

/// Reads a page of the text format 0.0.4, and is strict about everything that the
/// format or its conventions ask: help before type before samples, each family once and
/// in one piece, no sample twice, units and suffixes, cumulative buckets.
pub(crate) fn parse_exposition(text: &str) -> Result<Exposition, String> {
    let mut page = Exposition::default();
    let mut helped = BTreeSet::new();
    let mut current = String::new();
    if !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or(format!("no help: {line}"))?;
            if help.trim().is_empty() || !helped.insert(name.to_owned()) {
                return Err(format!("empty or second help: {line}"));
            }
            current = name.to_owned();
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, of_type) = rest.split_once(' ').ok_or(format!("no type: {line}"))?;
            if name != current {
                return Err(format!("a type without its help: {line}"));
            }
            check_name(name, of_type)?;
            page.families.insert(name.to_owned(), of_type.to_owned());
        } else {
            let (name, value) = line.rsplit_once(' ').ok_or(format!("no value: {line}"))?;
            let value: f64 = value.parse().map_err(|_| format!("no number: {line}"))?;
            check_sample(&page, &current, name)?;
            if page.samples.insert(name.to_owned(), value).is_some() {
                return Err(format!("twice: {line}"));
            }
        }
    }
    check_histograms(text, &page)?;
    Ok(page)
}

fn check_name(name: &str, of_type: &str) -> Result<(), String> {
    let known = name.starts_with("dkv_") || name.starts_with("process_");
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let is_total = name.ends_with("_total");
    let sound = match of_type {
        "counter" => is_total,
        "gauge" => !is_total,
        "histogram" => !is_total && !name.ends_with("_count"),
        _ => false,
    };
    if known && plain && sound {
        return Ok(());
    }
    Err(format!("not a good name for a {of_type}: {name}"))
}

fn check_sample(page: &Exposition, current: &str, sample: &str) -> Result<(), String> {
    let of_type = page.families.get(current).map(String::as_str);
    let (name, labels) = match sample.split_once('{') {
        Some((name, labels)) => {
            let labels = labels
                .strip_suffix('}')
                .ok_or(format!("open labels: {sample}"))?;
            (name, labels)
        }
        None => (sample, ""),
    };
    let suffixes: &[&str] = match of_type {
        Some("histogram") => &["_bucket", "_sum", "_count"],
        Some(_) => &[""],
        None => return Err(format!("a sample before its type: {sample}")),
    };
    if !suffixes
        .iter()
        .any(|suffix| name == format!("{current}{suffix}"))
    {
        return Err(format!("{sample} stands among the samples of {current}"));
    }
    if name.ends_with("_bucket") && of_type == Some("histogram") && !labels.contains("le=\"") {
        return Err(format!("a bucket without a bound: {sample}"));
    }
    for label in labels.split(',').filter(|label| !label.is_empty()) {
        let value = label
            .split_once("=\"")
            .and_then(|(_, value)| value.strip_suffix('"'));
        if value.is_none_or(|value| value.contains('"')) {
            return Err(format!("a label that is not quoted: {sample}"));
        }
    }
    Ok(())
}

/// Buckets ascend in bound and count, end with `+Inf`, and that one is the count.
fn check_histograms(text: &str, page: &Exposition) -> Result<(), String> {
    let (mut bound_last, mut count_last, mut series_last) = (f64::NEG_INFINITY, 0.0, String::new());
    for line in text.lines().filter(|line| line.contains("_bucket{")) {
        let (name, value) = line.rsplit_once(' ').unwrap_or_default();
        let (head, bound) = name
            .rsplit_once("le=\"")
            .ok_or(format!("no bound: {line}"))?;
        let bound: f64 = bound
            .trim_end_matches("\"}")
            .parse()
            .map_err(|_| line.to_owned())?;
        let count: f64 = value.parse().map_err(|_| line.to_owned())?;
        if head != series_last {
            if bound_last.is_finite() {
                return Err(format!("no +Inf at the end of {series_last}"));
            }
            (bound_last, count_last) = (f64::NEG_INFINITY, 0.0);
            head.clone_into(&mut series_last);
        }
        if bound <= bound_last || count < count_last {
            return Err(format!("buckets do not add up: {line}"));
        }
        (bound_last, count_last) = (bound, count);
        if bound == f64::INFINITY {
            let of_count = head.replace("_bucket{", "_count{").replace(",}", "}");
            let of_count = format!("{}}}", of_count.trim_end_matches(','));
            let of_count = of_count.replace("{}", "");
            if page.samples.get(&of_count) != Some(&count) {
                return Err(format!("{of_count} is not what {name} says"));
            }
        }
    }
    Ok(())
}
