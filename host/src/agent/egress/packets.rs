//! Direct connections: the first packet of each, as the packet socket of a namespace sees it, whatever its port.
//!
//! Nobody listens at those addresses, so the kernel has refused each by the time it is told here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::UnixDatagram;

use super::attempts::Attempts;
use crate::document::EgressProtocol;

/// The packet socket of a namespace.
#[derive(Debug)]
pub(super) struct Packets(UnixDatagram);

impl Packets {
    /// The type's family is another one; what is used of it is waiting for a descriptor to become readable.
    pub(super) fn new(socket: OwnedFd) -> std::io::Result<Self> {
        let socket = std::os::unix::net::UnixDatagram::from(socket);
        socket.set_nonblocking(true)?;
        Ok(Self(UnixDatagram::from_std(socket)?))
    }

    /// Reads packets for ever.
    pub(super) async fn watch(&self, attempts: &Attempts) {
        while self.0.readable().await.is_ok() {
            self.note_all(attempts);
        }
    }

    /// Notes what has arrived so far.
    pub(super) fn note_all(&self, attempts: &Attempts) {
        let mut packet = [0_u8; 256];
        let mut receive = || -> std::io::Result<()> {
            let (_, length) = recv(&self.0, &mut packet, RecvFlags::DONTWAIT)?;
            if let Some((protocol, destination)) = attempt(&packet[..length.min(packet.len())]) {
                attempts.note(protocol, destination);
            }
            Ok(())
        };
        while self.0.try_io(Interest::READABLE, &mut receive).is_ok() {}
        // Without readiness nothing is tried above, and what has just arrived would be missed.
        while receive().is_ok() {}
    }
}

/// What a packet tries to reach, when it is one that begins something.
fn attempt(packet: &[u8]) -> Option<(EgressProtocol, String)> {
    const ICMP: u8 = 1;
    const TCP: u8 = 6;
    const UDP: u8 = 17;
    const ICMP_OF_IPV6: u8 = 58;
    const SYN_AND_ACK: u8 = 0x12;
    const SYN: u8 = 0x02;
    let (protocol, address, rest) = header(packet)?;
    let to_port = || {
        let port = u16::from_be_bytes(rest.get(2..4)?.try_into().ok()?);
        Some(SocketAddr::new(address, port).to_string())
    };
    match protocol {
        TCP if rest.get(13)? & SYN_AND_ACK == SYN => Some((EgressProtocol::Tcp, to_port()?)),
        UDP => Some((EgressProtocol::Udp, to_port()?)),
        // Echo requests; errors are the kernel's answers to the rest.
        ICMP if rest.first() == Some(&8) => Some((EgressProtocol::Icmp, address.to_string())),
        ICMP_OF_IPV6 if rest.first() == Some(&128) => Some((EgressProtocol::Icmp, address.to_string())),
        _ => None,
    }
}

/// Protocol, destination, and what follows the header.
fn header(packet: &[u8]) -> Option<(u8, IpAddr, &[u8])> {
    match packet.first()? >> 4 {
        4 => {
            let address: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
            let length = usize::from(packet[0] & 0xf) * 4;
            Some((packet[9], Ipv4Addr::from(address).into(), packet.get(length..)?))
        }
        6 => {
            let address: [u8; 16] = packet.get(24..40)?.try_into().ok()?;
            Some((packet[6], Ipv6Addr::from(address).into(), packet.get(40..)?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4(protocol: u8, rest: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 20];
        packet[0] = 0x45;
        packet[9] = protocol;
        packet[16..20].copy_from_slice(&[192, 0, 2, 7]);
        packet.extend(rest);
        packet
    }

    #[test]
    fn what_begins_something_is_told() {
        let mut segment = [0; 20];
        segment[2..4].copy_from_slice(&443_u16.to_be_bytes());
        segment[13] = 2;
        let tcp = Some((EgressProtocol::Tcp, "192.0.2.7:443".to_owned()));
        assert_eq!(attempt(&ipv4(6, &segment)), tcp);
        assert_eq!(attempt(&ipv4(17, &segment)).unwrap().0, EgressProtocol::Udp);
        assert_eq!(attempt(&ipv4(1, &[8, 0])).unwrap().1, "192.0.2.7");
        segment[13] = 0x14;
        assert_eq!(attempt(&ipv4(6, &segment)), None, "a reset answers, it begins nothing");
        assert_eq!(attempt(&ipv4(1, &[3, 3])), None);
        let mut packet = [0; 60];
        (packet[0], packet[6], packet[24], packet[39], packet[43], packet[53]) = (0x60, 6, 0x20, 1, 80, 2);
        assert_eq!(attempt(&packet).unwrap().1, "[2000::1]:80");
        for broken in [&b""[..], b"\x45", &ipv4(6, &[0; 3]), &[0x60; 30]] {
            assert_eq!(attempt(broken), None);
        }
    }
}
