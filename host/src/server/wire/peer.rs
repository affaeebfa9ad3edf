//! Whether a peer on this machine has taken what was sent to it, from the kernel's table of connections.
//!
//! `/proc/PID/net/tcp` (proc_pid_net(5)) lists both ends of a loopback connection with what waits in their queues:
//! ours holds what the peer's kernel has not acknowledged, the peer's what its program has not read. Both empty prove
//! that everything was read. A socket stays in the table of the network it was made in, whoever holds it: the agent's
//! network is told where it is not this program's.

use std::net::SocketAddr;
use std::path::Path;

/// Where the kernel tells of the network that this program is in.
pub(super) const OWN_NETWORK: &str = "/proc/thread-self/net";

/// What the kernel's table says of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Queues {
    /// The peer's program has read everything.
    Drained,
    /// Something is on its way or waits.
    Waiting,
    /// The peer is not in this table: it lives on another machine or in another network namespace.
    Unknown,
}

/// Looks a connection up in a network; `ours` and `peers` are its two addresses.
pub(super) fn queues(network: &Path, ours: SocketAddr, peers: SocketAddr) -> Queues {
    let table = if ours.is_ipv4() { "tcp" } else { "tcp6" };
    match std::fs::read_to_string(network.join(table)) {
        Ok(table) => read(&table, ours, peers),
        Err(_) => Queues::Unknown,
    }
}

fn read(table: &str, ours: SocketAddr, peers: SocketAddr) -> Queues {
    let (ours, peers) = (written(ours), written(peers));
    let mut queues = Queues::Unknown;
    for line in table.lines().skip(1) {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let (Some(local), Some(remote)) = (columns.next(), columns.next()) else { continue };
        let Some((sending, receiving)) = columns.nth(1).and_then(|queues| queues.split_once(':')) else {
            continue;
        };
        let is_empty = |queue: &str| queue.bytes().all(|digit| digit == b'0');
        if local == ours && remote == peers && !is_empty(sending) {
            return Queues::Waiting;
        }
        if local == peers && remote == ours {
            if !is_empty(receiving) {
                return Queues::Waiting;
            }
            queues = Queues::Drained;
        }
    }
    queues
}

/// An address as the table has it: each word of four bytes in the machine's order.
fn written(address: SocketAddr) -> String {
    let octets = match address {
        SocketAddr::V4(address) => address.ip().octets().to_vec(),
        SocketAddr::V6(address) => address.ip().octets().to_vec(),
    };
    let words: String = octets
        .chunks(4)
        .map(|word| format!("{:08X}", u32::from_ne_bytes([word[0], word[1], word[2], word[3]])))
        .collect();
    format!("{words}:{:04X}", address.port())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_peer_that_has_not_read_is_told_from_one_that_has() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut ours, peers) = listener.accept().unwrap();
        let here = ours.local_addr().unwrap();
        ours.write_all(b"four").unwrap();
        let seen = |peers| queues(Path::new(OWN_NETWORK), here, peers);
        assert_eq!(seen(peers), Queues::Waiting);
        client.read_exact(&mut [0; 4]).unwrap();
        assert_eq!(seen(peers), Queues::Drained);
        assert_eq!(seen("127.0.0.1:1".parse().unwrap()), Queues::Unknown);
        assert_eq!(queues(Path::new("/proc/none"), here, peers), Queues::Unknown);
    }
}
