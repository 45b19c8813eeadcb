//! Requests that write many keys.

use super::State;
use crate::proto::v1;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;

impl State {
    /// Whatever a transaction compares with is so.
    pub(super) fn many(&mut self, frame: &v1::RequestFrame) -> Reply {
        match frame.request.as_ref().unwrap() {
            Request::Batch(batch) => Reply::Batch(v1::BatchReply {
                results: self.sets(frame, &batch.ops),
                header: self.header(),
            }),
            Request::Txn(txn) => Reply::Txn(v1::TxnReply {
                results: self.sets(frame, &txn.then),
                header: self.header(),
                succeeded: true,
                results_unavailable: false,
            }),
            other => panic!("{other:?} is not many"),
        }
    }

    fn sets(&mut self, frame: &v1::RequestFrame, ops: &[v1::Op]) -> Vec<v1::OpResult> {
        let sets = ops.iter().map(|op| match &op.op {
            Some(v1::op::Op::Set(set)) => (set.key.clone(), set.value.clone()),
            other => panic!("the fake does not know {other:?}"),
        });
        let sets: Vec<_> = sets.collect();
        self.once(frame, |state| state.keys.extend(sets));
        let written = v1::SetResult {
            written: true,
            ..v1::SetResult::default()
        };
        let result = v1::OpResult {
            revision: self.revision,
            result: Some(v1::op_result::Result::Set(written)),
        };
        vec![result; ops.len()]
    }
}
