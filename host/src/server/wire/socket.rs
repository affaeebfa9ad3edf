//! A connection that two may hold: hyper or tungstenite, and whoever takes over from them.

use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

use crate::server::pace::Pace;

/// A shared connection; it is closed when the last of its holders is gone.
#[derive(Clone, Debug)]
pub(in crate::server) struct Socket(Arc<TcpStream>, Pace);

impl Socket {
    /// Shares a connection.
    pub(in crate::server) fn new(stream: TcpStream) -> Self {
        Self(Arc::new(stream), Pace::default())
    }

    /// What its peer is at.
    pub(in crate::server) fn pace(&self) -> &Pace {
        &self.1
    }

    /// Both ends: our address and the peer's.
    pub(super) fn ends(&self) -> Option<(std::net::SocketAddr, std::net::SocketAddr)> {
        Some((self.0.local_addr().ok()?, self.0.peer_addr().ok()?))
    }

    /// Whether the peer has left, as far as can be seen without taking what it may have sent.
    pub(super) fn is_left(&self) -> bool {
        // The connection does not block: nothing there is an error.
        let mut byte = [std::mem::MaybeUninit::uninit()];
        match SockRef::from(&*self.0).peek(&mut byte) {
            Ok(read) => read == 0,
            Err(error) => !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }

    /// Ends sending; the peer reads an end.
    pub(in crate::server) fn end_sending(&self) {
        let _ = SockRef::from(&*self.0).shutdown(std::net::Shutdown::Write);
    }

    /// Ends the connection in good order, both ways, though others hold it.
    pub(in crate::server) fn close(&self) {
        let _ = SockRef::from(&*self.0).shutdown(std::net::Shutdown::Both);
    }

    /// Makes closing it a reset.
    pub(super) fn reset_on_close(&self) {
        let _ = SockRef::from(&*self.0).set_linger(Some(Duration::ZERO));
    }
}

impl Socket {
    /// Reads what is there. Less than there was room for is all there is, so that it need not be tried again: the kernel
    /// tells of what comes after it (epoll(7), question 9).
    fn read_some(&self, room: &mut [u8]) -> io::Result<usize> {
        let most = room.len();
        let mut all = None;
        let read =
            self.0.try_io(Interest::READABLE, || match (&mut &*SockRef::from(&*self.0)).read(room)? {
                read if read == 0 || read == most => Ok(read),
                read => {
                    all = Some(read);
                    Err(io::ErrorKind::WouldBlock.into())
                }
            });
        all.map_or(read, Ok)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_read_ready(context))?;
            match self.read_some(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    if read > 0 {
                        self.1.came();
                    }
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_write_ready(context))?;
            match self.0.try_write_vectored(slices) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end_sending();
        Poll::Ready(Ok(()))
    }
}
