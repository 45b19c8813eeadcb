//! A connection to a peer that ends once the peer is not trusted any more.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::tls::{Connected, Failure, Kept};

/// A connection that breaks when whom it leads to is revoked: who was dialled is judged by
/// every list that comes, as those are who dial.
pub(super) struct Trusted<S> {
    stream: Connected<S>,
    lost: Pin<Box<dyn Future<Output = Failure> + Send>>,
    why: Option<Failure>,
}

impl<S> Trusted<S> {
    pub(super) fn new(stream: Connected<S>, kept: Arc<Kept>) -> Self {
        let peer = stream.peer().clone();
        Self {
            stream,
            lost: Box::pin(async move { kept.is_lost(&peer).await }),
            why: None,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Trusted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.why.is_none()
            && let Poll::Ready(why) = self.lost.as_mut().poll(context)
        {
            self.why = Some(why);
        }
        match &self.why {
            Some(why) => {
                let broken = io::Error::new(io::ErrorKind::PermissionDenied, why.clone());
                Poll::Ready(Err(broken))
            }
            None => Pin::new(&mut self.stream).poll_read(context, buffer),
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Trusted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;
    use crate::tls::fixture::{Certs, material};
    use crate::tls::{self, Cause, ClientAuth, Side};

    #[tokio::test]
    async fn who_was_dialled_and_is_revoked_is_heard_no_more() {
        let certs = Certs::new();
        let (mine, theirs) = (certs.node("node-1"), certs.node("node-2"));
        let kept = Arc::new(Kept::open(mine.clone()).await.unwrap());
        let serving = tls::server_config(&material(&theirs), ClientAuth::Required, &[]).unwrap();
        let dialling = tls::node_config(&kept.current(), &[]).unwrap();
        let (near, far) = duplex(16 << 10);
        let name = tls::server_name("localhost").unwrap();
        let (accepted, connected) = tokio::join!(
            tls::accept(&serving, far),
            tls::connect(&dialling, name, near, Side::Peer)
        );
        let mut other = accepted.unwrap().stream;
        let mut ours = Trusted::new(connected.unwrap(), kept.clone());
        let mut byte = [0];
        other.write_all(b"!").await.unwrap();
        other.flush().await.unwrap();
        ours.read_exact(&mut byte).await.unwrap();

        let reading = tokio::spawn(async move { ours.read_exact(&mut byte).await });
        tokio::task::yield_now().await;
        // Another's certificate is no reason.
        let another = certs.node("node-3");
        certs.revoke(&[&another]);
        assert!(kept.reload().await.unwrap());
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        assert!(!reading.is_finished());
        certs.revoke(&[&another, &theirs]);
        assert!(kept.reload().await.unwrap());
        let broken = reading.await.unwrap().unwrap_err();
        let why = Failure::of(Side::Peer, &broken).unwrap();
        assert_eq!(why.cause, Cause::Revoked);
    }
}
