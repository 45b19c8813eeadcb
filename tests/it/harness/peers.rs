//! What nodes say to each other, as far as a test says it.

use tonic::client::Grpc;
use tonic::codec::Streaming;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Identity {
    #[prost(bytes, tag = "1")]
    pub(crate) node: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(bytes, tag = "3")]
    pub(crate) cluster: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HelloRequest {
    #[prost(message, tag = "1")]
    pub(crate) from: Option<Identity>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct HelloReply {
    #[prost(message, tag = "1")]
    pub(crate) from: Option<Identity>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct LinkHello {
    #[prost(message, tag = "1")]
    pub(crate) from: Option<Identity>,
    #[prost(bytes, tag = "2")]
    pub(crate) to: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(crate) lane: u32,
    #[prost(uint64, tag = "4")]
    pub(crate) incarnation: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct LinkMessage {
    #[prost(message, tag = "1")]
    pub(crate) hello: Option<LinkHello>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Member {
    #[prost(bytes, tag = "1")]
    pub(crate) node: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(string, tag = "3")]
    pub(crate) peer_address: String,
    #[prost(string, tag = "4")]
    pub(crate) client_address: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct JoinRequest {
    #[prost(message, tag = "1")]
    pub(crate) from: Option<Identity>,
    #[prost(message, tag = "2")]
    pub(crate) member: Option<Member>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct EnrollRequest {
    #[prost(bytes, tag = "1")]
    pub(crate) token: Vec<u8>,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(bytes, tag = "3")]
    pub(crate) signing_request: Vec<u8>,
    #[prost(bytes, tag = "4")]
    pub(crate) proof: Vec<u8>,
}

/// Any answer.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Anything {}

/// Asks a question of the peer port.
pub(crate) async fn ask<Q, A>(channel: Channel, method: &str, question: Q) -> Result<A, Status>
where
    Q: prost::Message + Default + 'static,
    A: prost::Message + Default + 'static,
{
    let mut client = ready(channel).await?;
    let path = format!("/dkv.peer.v1.Peer/{method}").parse().unwrap();
    let codec = ProstCodec::<Q, A>::default();
    let answer = client.unary(Request::new(question), path, codec).await;
    answer.map(Response::into_inner)
}

/// Opens a link: it is open once this returns.
pub(crate) async fn link(
    channel: Channel,
    hello: LinkHello,
) -> Result<Streaming<Anything>, Status> {
    let mut client = ready(channel).await?;
    let path = "/dkv.peer.v1.Peer/Link".parse().unwrap();
    let codec = ProstCodec::<LinkMessage, Anything>::default();
    let first = LinkMessage { hello: Some(hello) };
    let messages = futures_util::stream::iter([first]);
    let answer = client.streaming(Request::new(messages), path, codec).await;
    answer.map(Response::into_inner)
}

async fn ready(channel: Channel) -> Result<Grpc<Channel>, Status> {
    let mut client = Grpc::new(channel);
    let ready = client.ready().await;
    ready.map_err(|error| Status::unavailable(error.to_string()))?;
    Ok(client)
}
