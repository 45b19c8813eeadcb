//! What a client sees of its own writes: lists it appended to, and keys and buckets that nobody
//! else touches. A write without an answer may show at any later time, once.

use std::collections::{BTreeMap, BTreeSet};

use super::told::{Anomaly, Kind, Step, Transaction};

/// What a key or a bucket that belongs to one client may be.
#[derive(Debug, Default)]
struct Own<'a> {
    /// As the last confirmed write, or read, left it; `None`: not there.
    is: Option<&'a str>,
    /// Writes whose clients never heard: any of them may come yet.
    perhaps: Vec<Option<&'a str>>,
}

/// What one client knows.
#[derive(Default)]
struct Lane<'a> {
    appended: BTreeMap<&'a str, BTreeSet<u64>>,
    keys: BTreeMap<(&'a str, &'a str), Own<'a>>,
    buckets: BTreeMap<&'a str, Own<'a>>,
    /// Buckets that may have been dropped with their keys, and made again since.
    perhaps_emptied: BTreeSet<&'a str>,
}

/// That a bucket is there.
const THERE: Option<&str> = Some("");

/// See the module.
pub(crate) fn check(history: &[Transaction]) -> Vec<Anomaly> {
    let mut anomalies = Vec::new();
    let mut by_start: Vec<&Transaction> = history.iter().collect();
    by_start.sort_by_key(|it| it.invoked_ns);
    let mut lanes: BTreeMap<u32, Lane<'_>> = BTreeMap::new();
    for transaction in by_start {
        let lane = lanes.entry(transaction.client).or_default();
        for step in &transaction.steps {
            let problem = if transaction.is_committed() {
                lane.committed(step)
            } else if transaction.is_unknown() {
                lane.unknown(step);
                None
            } else {
                None
            };
            if let Some(message) = problem {
                anomalies.push(Anomaly::new(Kind::OwnWrite, message, &[transaction]));
            }
        }
        // A transaction's own appends are there only after it.
        for step in &transaction.steps {
            if let Step::Append { list, element } = step
                && transaction.is_committed()
            {
                lane.appended.entry(list).or_default().insert(*element);
            }
        }
    }
    anomalies
}

impl<'a> Lane<'a> {
    fn committed(&mut self, step: &'a Step) -> Option<String> {
        match step {
            Step::Read { list, elements } => {
                let own = self.appended.get(list.as_str())?;
                let missing = own.iter().find(|it| !elements.contains(it))?;
                Some(format!(
                    "{list} has not {missing}, which its reader appended"
                ))
            }
            Step::Put { bucket, key, value } => {
                self.key(bucket, key).is = value.as_deref();
                let is_there = self.bucket(bucket).sees(THERE);
                (!is_there).then(|| format!("bucket {bucket} took a write and cannot be there"))
            }
            Step::Got { bucket, key, value } => {
                let may_be_gone = value.is_none() && self.perhaps_emptied.contains(bucket.as_str());
                let own = self.key(bucket, key);
                if may_be_gone {
                    own.is = None;
                }
                let sees = own.sees(value.as_deref());
                let is_there = self.bucket(bucket).sees(THERE);
                (!sees || !is_there).then(|| {
                    format!("{key} of {bucket} is {value:?}, which its only writer cannot explain")
                })
            }
            Step::Made { bucket } => {
                self.bucket(bucket).is = THERE;
                None
            }
            Step::Dropped { bucket } => {
                self.bucket(bucket).is = None;
                self.for_keys(bucket, |own| own.is = None);
                None
            }
            Step::NoBucket { bucket } => {
                let was_there = self.bucket(bucket).is == THERE;
                let sees = self.bucket(bucket).sees(None);
                if was_there {
                    self.for_keys(bucket, |own| own.is = None);
                }
                (!sees).then(|| format!("bucket {bucket} is gone, and its owner did not drop it"))
            }
            _ => None,
        }
    }

    fn unknown(&mut self, step: &'a Step) {
        match step {
            Step::Put { bucket, key, value } => {
                self.key(bucket, key).perhaps.push(value.as_deref());
            }
            Step::Made { bucket } => self.bucket(bucket).perhaps.push(THERE),
            Step::Dropped { bucket } => {
                self.bucket(bucket).perhaps.push(None);
                self.perhaps_emptied.insert(bucket);
            }
            _ => {}
        }
    }

    fn key(&mut self, bucket: &'a str, key: &'a str) -> &mut Own<'a> {
        self.keys.entry((bucket, key)).or_default()
    }

    fn bucket(&mut self, bucket: &'a str) -> &mut Own<'a> {
        self.buckets.entry(bucket).or_default()
    }

    fn for_keys(&mut self, bucket: &str, change: impl Fn(&mut Own<'a>)) {
        let keys = self.keys.iter_mut();
        keys.filter(|((of, _), _)| *of == bucket)
            .for_each(|(_, own)| change(own));
    }
}

impl<'a> Own<'a> {
    /// True if it can be so; from then on it is.
    fn sees(&mut self, value: Option<&'a str>) -> bool {
        if self.is == value {
            return true;
        }
        let explained = self.perhaps.iter().position(|perhaps| *perhaps == value);
        if let Some(at) = explained {
            // It came; a removal may have come before, too, and another may come yet.
            self.perhaps.swap_remove(at);
            self.is = value;
        }
        explained.is_some()
    }
}
