//! What becomes of an answer of gRPC before it leaves.

use std::sync::Arc;

use http::Extensions;
use prost::Message;
use tonic::{Response, Status};

use super::http::{Ahead, Weight};
use super::port::{Allowance, Caller, Full};
use super::status::to_status;
use crate::base::{Error, Result, limits};
use crate::proto::pieces::Large as _;
use crate::proto::v1::GetReply;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request as Asked;

/// What the answer to one request may hold.
pub(super) struct Room {
    of: Option<Arc<Allowance>>,
    /// What it answers changes nothing.
    is_read: bool,
}

impl Room {
    /// For the answer to `asked`, which came with these extensions.
    pub(super) fn of(extensions: &Extensions, asked: &Asked) -> Self {
        let of = Caller::allowances_of(extensions);
        Self {
            of: of.map(|it| Arc::clone(&it.outgoing)),
            is_read: is_read(asked),
        }
    }

    /// The answer in the form that `pick` takes, weighed if it is long.
    pub(super) fn answer<T: Message + Default>(
        &self,
        reply: Result<Reply>,
        pick: fn(Reply) -> Option<T>,
    ) -> Result<Response<T>, Status> {
        let reply = match reply.map_err(|error| to_status(&error))? {
            Reply::Get(got) if self.of.is_some() && got.is_large() => return self.uncopied(got),
            reply => reply,
        };
        let reply = pick(reply)
            .ok_or_else(|| to_status(&Error::internal("the reply is not of the request's form")))?;
        let weight = self.weigh(reply.encoded_len())?;
        let mut response = Response::new(reply);
        if let Some(weight) = weight {
            response.extensions_mut().insert(weight);
        }
        Ok(response)
    }

    /// A large value: a message with nothing in it holds its place.
    fn uncopied<T: Default>(&self, got: GetReply) -> Result<Response<T>, Status> {
        let weight = self.weigh(got.encoded_len())?;
        let mut response = Response::new(T::default());
        response.extensions_mut().insert(Ahead::instead(got));
        if let Some(weight) = weight {
            response.extensions_mut().insert(weight);
        }
        Ok(response)
    }

    fn weigh(&self, bytes: usize) -> Result<Option<Weight>, Status> {
        let Some(of) = self
            .of
            .as_ref()
            .filter(|_| bytes >= limits::ANSWER_COUNTED_BYTES)
        else {
            return Ok(None);
        };
        match of.take(bytes) {
            Ok(held) => Ok(Some(Arc::new(held))),
            Err(full) => Err(to_status(&unread(full, self.is_read))),
        }
    }
}

fn is_read(asked: &Asked) -> bool {
    matches!(
        asked,
        Asked::Get(_)
            | Asked::Has(_)
            | Asked::GetMany(_)
            | Asked::Scan(_)
            | Asked::History(_)
            | Asked::Info(_)
            | Asked::List(_)
            | Asked::ListBuckets(_)
    )
}

fn unread(full: Full, is_read: bool) -> Error {
    let (whose, what) = match full {
        Full::Own => ("of this connection", "read them"),
        Full::Pool => ("of all connections together", "wait"),
    };
    let unread = format!("too many answers {whose} have not been read");
    match is_read {
        true => Error::too_busy(format!("{unread}: {what}, then ask again")),
        // It has taken place, and must not be taken for refused.
        false => Error::timeout(format!(
            "{unread}, so that there was no room for that of this one, which may have taken \
             place: {what}, then ask again with the same request id"
        )),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tonic::Code;

    use super::*;
    use crate::proto::v1;
    use crate::server::port::{Bounds, Connections};

    fn got(bytes: usize) -> Result<Reply> {
        let record = v1::Record {
            value: Bytes::from(vec![7; bytes]),
            ..v1::Record::default()
        };
        Ok(Reply::Get(v1::GetReply {
            record: Some(record),
            ..v1::GetReply::default()
        }))
    }

    fn as_get(reply: Reply) -> Option<v1::GetReply> {
        match reply {
            Reply::Get(reply) => Some(reply),
            _ => None,
        }
    }

    /// A write that has taken place must not be taken for refused.
    #[test]
    fn beyond_what_is_unread_a_read_is_refused_and_a_write_is_in_doubt() {
        let of = Connections::new(Bounds::of_all(1)).allow().outgoing;
        let room = |is_read| Room {
            of: Some(Arc::clone(&of)),
            is_read,
        };
        let answer = |is_read| room(is_read).answer(got(limits::CONNECTION_BYTES_MAX), as_get);
        let first = answer(true).unwrap();
        assert!(first.extensions().get::<Weight>().is_some());
        assert_eq!(answer(true).unwrap_err().code(), Code::ResourceExhausted);
        assert_eq!(answer(false).unwrap_err().code(), Code::DeadlineExceeded);
        assert!(
            room(true).answer(got(100), as_get).is_ok(),
            "short ones pass"
        );
        drop(first);
        assert!(answer(true).is_ok());
    }
}
