//! Requests about keys.

use super::State;
use crate::proto::v1;
use crate::proto::v1::delete_request::What;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

impl State {
    pub(super) fn key(&mut self, frame: &v1::RequestFrame) -> Reply {
        match frame.request.as_ref().unwrap() {
            Request::Set(set) => self.set(frame, set),
            Request::Get(get) => Reply::Get(v1::GetReply {
                header: self.header(),
                record: self.keys.get(&get.key).map(|value| v1::Record {
                    key: get.key.clone(),
                    value: value.clone(),
                    ..v1::Record::default()
                }),
            }),
            Request::Has(has) => Reply::Has(v1::HasReply {
                header: self.header(),
                found: self.keys.contains_key(&has.key),
            }),
            Request::Delete(delete) => {
                let before = self.keys.len();
                self.once(frame, |state| match delete.what.as_ref().unwrap() {
                    What::Key(key) => drop(state.keys.remove(key)),
                    What::Range(range) => state
                        .keys
                        .retain(|key, _| *key < range.start || *key >= range.end),
                });
                Reply::Delete(v1::DeleteReply {
                    header: self.header(),
                    deleted: (before - self.keys.len()) as u64,
                })
            }
            Request::Scan(scan) => self.scan(scan),
            other => panic!("{other:?} is not about keys"),
        }
    }

    fn set(&mut self, frame: &v1::RequestFrame, set: &v1::SetRequest) -> Reply {
        let written = !never_holds(set);
        self.once(frame, |state| {
            if written {
                state.keys.insert(set.key.clone(), set.value.clone());
            }
        });
        Reply::Set(v1::SetReply {
            header: self.header(),
            written,
            ..v1::SetReply::default()
        })
    }

    /// Pages of two, from the key in the cursor.
    fn scan(&self, scan: &v1::ScanRequest) -> Reply {
        let range = scan.range.as_ref().unwrap();
        let mut keys: Vec<_> = self.keys.keys().cloned().collect();
        keys.sort();
        keys.retain(|key| *key >= range.start && *key >= scan.cursor);
        keys.retain(|key| range.end.is_empty() || *key < range.end);
        Reply::Scan(v1::ScanReply {
            header: self.header(),
            cursor: keys.get(2).cloned().unwrap_or_default(),
            count: keys.len().min(2) as u64,
            records: keys
                .into_iter()
                .take(2)
                .map(|key| v1::Record {
                    key,
                    ..v1::Record::default()
                })
                .collect(),
        })
    }
}

/// A condition on a revision that is never reached.
fn never_holds(set: &v1::SetRequest) -> bool {
    let kind = set.condition.as_ref().and_then(|it| it.kind.as_ref());
    matches!(kind, Some(v1::condition::Kind::Revision(u64::MAX)))
}
