//! The stream of requests, and what faults make of them.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request as Call, Response, Status, Streaming};

use super::{Fault, State};
use crate::proto::v1;
use crate::proto::v1::delete_request::What;
use crate::proto::v1::reply_frame::Reply;
use crate::proto::v1::request_frame::Request;
use crate::proto::v1::session_server::{Session, SessionServer};

pub(super) struct Service {
    state: Arc<Mutex<State>>,
    stop: watch::Receiver<bool>,
}

pub(super) fn service(state: &Arc<Mutex<State>>) -> (watch::Sender<bool>, SessionServer<Service>) {
    let (stop, stopped) = watch::channel(false);
    let service = Service {
        state: Arc::clone(state),
        stop: stopped,
    };
    let service = SessionServer::new(service).max_decoding_message_size(32 << 20);
    (stop, service)
}

#[tonic::async_trait]
impl Session for Service {
    type OpenStream = ReceiverStream<Result<v1::Replies, Status>>;

    async fn open(
        &self,
        call: Call<Streaming<v1::Requests>>,
    ) -> Result<Response<Self::OpenStream>, Status> {
        let (send, replies) = mpsc::channel(64);
        let (state, mut stop) = (Arc::clone(&self.state), self.stop.clone());
        let mut requests = call.into_inner();
        tokio::spawn(async move {
            loop {
                let message = tokio::select! {
                    message = requests.message() => message,
                    _ = stop.wait_for(|stop| *stop) => break,
                };
                let Ok(Some(message)) = message else { return };
                let mut frames = Vec::new();
                for frame in message.frames {
                    match handle(&state, &frame) {
                        Some(Handled::Now(reply)) => frames.push(reply),
                        Some(Handled::After(pause, reply)) => {
                            let send = send.clone();
                            tokio::spawn(async move {
                                tokio::time::sleep(pause).await;
                                let frames = vec![reply];
                                let _ = send.send(Ok(v1::Replies { frames })).await;
                            });
                        }
                        Some(Handled::Break) => {
                            let _ = send.send(Err(Status::unavailable("told to"))).await;
                            return;
                        }
                        None => {}
                    }
                }
                if send.send(Ok(v1::Replies { frames })).await.is_err() {
                    return;
                }
            }
            let _ = send.send(Err(Status::unavailable("stopped"))).await;
        });
        Ok(Response::new(ReceiverStream::new(replies)))
    }

    async fn describe(
        &self,
        _: Call<v1::DescribeRequest>,
    ) -> Result<Response<v1::DescribeReply>, Status> {
        let state = self.state.lock();
        Ok(Response::new(v1::DescribeReply {
            node: Bytes::copy_from_slice(&state.identity),
            name: "alice".to_owned(),
            shards: vec![v1::ShardDescription {
                id: 100,
                r#type: state.kind.clone(),
                identity: Bytes::copy_from_slice(&state.identity),
                ..v1::ShardDescription::default()
            }],
            ..v1::DescribeReply::default()
        }))
    }

    async fn figures(
        &self,
        _: Call<v1::FiguresRequest>,
    ) -> Result<Response<v1::FiguresReply>, Status> {
        Err(Status::unimplemented("as an old server says it"))
    }
}

enum Handled {
    Now(v1::ReplyFrame),
    After(Duration, v1::ReplyFrame),
    Break,
}

fn handle(state: &Mutex<State>, frame: &v1::RequestFrame) -> Option<Handled> {
    let mut state = state.lock();
    state.seen.push(frame.clone());
    let mut fault = state.script.pop_front().or_else(|| state.always.clone());
    let is_after = |from: Option<usize>| from.is_some_and(|from| state.seen.len() > from);
    if is_after(state.refuse_all_from) || is_after(state.refuse_from) && !removes_range(frame) {
        fault = Some(Fault::Refuse(v1::ErrorKind::Invalid, String::new()));
    }
    let id = frame.id;
    let reply = move |reply| v1::ReplyFrame {
        id,
        reply: Some(reply),
    };
    Some(match fault {
        None => Handled::Now(reply(state.serve(frame))),
        Some(Fault::Silence) => return None,
        Some(Fault::Break) => Handled::Break,
        Some(Fault::ServeAndBreak) => {
            state.serve(frame);
            Handled::Break
        }
        Some(Fault::Late(pause)) => Handled::After(pause, reply(state.serve(frame))),
        Some(Fault::Refuse(kind, leader)) => Handled::Now(reply(Reply::Error(v1::Error {
            kind: kind as i32,
            message: format!("told to say {}", kind.as_str_name()),
            compacted_floor: 0,
            leader,
            ..v1::Error::default()
        }))),
        Some(Fault::Impersonate(other)) => {
            let own = std::mem::replace(&mut state.identity, other);
            let answer = state.serve(frame);
            state.identity = own;
            Handled::Now(reply(answer))
        }
    })
}

pub(super) fn request_id(frame: &v1::RequestFrame) -> Option<&v1::RequestId> {
    match frame.request.as_ref()? {
        Request::Set(it) => it.request_id.as_ref(),
        Request::Delete(it) => it.request_id.as_ref(),
        Request::Batch(it) => it.request_id.as_ref(),
        Request::Txn(it) => it.request_id.as_ref(),
        Request::Acquire(it) => it.request_id.as_ref(),
        Request::Renew(it) => it.request_id.as_ref(),
        Request::Release(it) => it.request_id.as_ref(),
        _ => None,
    }
}

fn removes_range(frame: &v1::RequestFrame) -> bool {
    let Some(Request::Delete(delete)) = &frame.request else {
        return false;
    };
    matches!(delete.what, Some(What::Range(_)))
}
