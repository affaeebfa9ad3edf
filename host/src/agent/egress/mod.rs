//! What an agent tries to reach beyond its server. Everything is refused, and what is seen is told.
//!
//! A proxy that refuses is there at every level, and the agent's proxy variables lead to it. In a network of its own
//! there is also a name server that knows no name, and a watch over every packet that goes elsewhere: there nothing is
//! unseen. At level `group`, whatever does not honour the variables is not seen.

mod attempts;
mod names;
mod packets;
mod proxy;

use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::task::JoinSet;

use attempts::Attempts;
use packets::Packets;
use proxy::DenyProxy;

use crate::document::EgressAttempt;

/// The watch of one run; it ends when this is dropped.
#[derive(Debug)]
pub struct Egress {
    attempts: Arc<Attempts>,
    proxy: DenyProxy,
    /// What may still wait to be read.
    own: Option<(Arc<Packets>, Arc<tokio::net::UdpSocket>)>,
    _watching: JoinSet<()>,
}

/// The sockets of a network of its own.
#[derive(Debug)]
pub struct OwnNetwork {
    /// For the proxy.
    pub proxy: TcpListener,
    /// For name look-ups, by datagram and by stream.
    pub names: (UdpSocket, TcpListener),
    /// The beginning of every packet to an address that is not loopback's.
    pub packets: OwnedFd,
}

impl Egress {
    /// Watches the machine's network: the proxy alone.
    ///
    /// # Errors
    /// When it can't listen.
    pub fn of_the_machine() -> std::io::Result<Self> {
        let attempts = Arc::new(Attempts::default());
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let proxy = DenyProxy::start(listener, Arc::clone(&attempts))?;
        Ok(Self { attempts, proxy, own: None, _watching: JoinSet::new() })
    }

    /// Watches a network of its own.
    ///
    /// # Errors
    /// When its sockets can't be used.
    pub fn of_its_own(sockets: OwnNetwork) -> std::io::Result<Self> {
        let attempts = Arc::new(Attempts::default());
        let proxy = DenyProxy::start(sockets.proxy, Arc::clone(&attempts))?;
        let mut watching = JoinSet::new();
        let (datagrams, streams) = sockets.names;
        datagrams.set_nonblocking(true)?;
        streams.set_nonblocking(true)?;
        let datagrams = Arc::new(tokio::net::UdpSocket::from_std(datagrams)?);
        watching.spawn(names::answer_datagrams(Arc::clone(&datagrams), Arc::clone(&attempts)));
        let streams = tokio::net::TcpListener::from_std(streams)?;
        watching.spawn(names::answer_streams(streams, Arc::clone(&attempts)));
        let packets = Arc::new(Packets::new(sockets.packets)?);
        let (watched, seen) = (Arc::clone(&packets), Arc::clone(&attempts));
        watching.spawn(async move { watched.watch(&seen).await });
        Ok(Self { attempts, proxy, own: Some((packets, datagrams)), _watching: watching })
    }

    /// Where the proxy is: `http://127.0.0.1:PORT`.
    pub fn proxy_address(&self) -> &str {
        self.proxy.address()
    }

    /// What comes from now on belongs to this turn.
    pub fn begin_turn(&self, turn: u32) {
        self.settle();
        self.attempts.begin_turn(turn);
    }

    /// Notes what was tried before, and has not been read yet.
    fn settle(&self) {
        if let Some((packets, datagrams)) = &self.own {
            packets.note_all(&self.attempts);
            names::answer_all(datagrams, &self.attempts);
        }
    }

    /// What was tried so far, in order of turn, protocol and destination.
    pub fn attempts(&self) -> Vec<EgressAttempt> {
        self.settle();
        self.attempts.list()
    }
}
