//! Requests about locks.

use super::State;
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

impl State {
    pub(super) fn lock(&mut self, frame: &v1::RequestFrame) -> Reply {
        match frame.request.as_ref().unwrap() {
            Request::Acquire(acquire) => {
                self.once(frame, |state| {
                    let grant = (acquire.owner.clone(), state.revision);
                    state.holders.entry(acquire.name.clone()).or_insert(grant);
                });
                let (owner, fence) = self.holders[&acquire.name].clone();
                Reply::Acquire(v1::AcquireReply {
                    header: self.header(),
                    acquired: owner == acquire.owner,
                    fence,
                })
            }
            Request::Renew(renew) => {
                self.once(frame, |_| {});
                let held = self.holders.get(&renew.name);
                let held = held.filter(|(owner, _)| *owner == renew.owner);
                Reply::Renew(v1::RenewReply {
                    header: self.header(),
                    renewed: held.is_some(),
                    fence: held.map_or(0, |(_, fence)| *fence),
                })
            }
            Request::Release(release) => {
                self.once(frame, |state| drop(state.holders.remove(&release.name)));
                Reply::Release(v1::ReleaseReply {
                    header: self.header(),
                    released: true,
                })
            }
            other => panic!("{other:?} is not about locks"),
        }
    }
}
