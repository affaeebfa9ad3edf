//! The network of a namespace: loopback, on which every address is local, and the sockets that the host listens on.
//!
//! Because every address is local and nobody listens there, a connection to the outside is refused at once; the packet
//! socket sees its first packet, whatever port and protocol it has.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};
use socket2::{Domain, Protocol, SockFilter, Socket, Type};

use super::enter::at;
use super::message::Refusal;

/// Bytes of packets that wait to be read: some ten thousand attempts.
const PACKETS_BYTES: usize = 8 * 1024 * 1024;

/// Bytes kept of a packet: both headers.
const PACKET_BYTES: u32 = 128;

const LOOPBACK: &str = "lo";

/// Brings loopback up and opens the host's sockets: model server, proxy, DNS over UDP and TCP, packets.
pub(super) fn prepare() -> Result<Vec<OwnedFd>, Refusal> {
    let route = Route::open().map_err(at("open a routing socket"))?;
    let index =
        rustix::net::netdevice::name_to_index(&route.socket, LOOPBACK).map_err(at("find loopback"))?;
    route.raise(index).map_err(at("raise loopback"))?;
    route.everything_is_local(index, 2).map_err(at("make every address local"))?;
    // A machine without IPv6 has no route of that family, and nothing that could use it.
    let _ = route.everything_is_local(index, 10);

    let listen = |port| {
        TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
            .map_err(at(format!("listen on loopback, port {port}")))
    };
    let datagrams = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 53))
        .map_err(at("receive on loopback, port 53"))?;
    let packets = packets().map_err(at("open a packet socket"))?;
    Ok(vec![listen(0)?.into(), listen(0)?.into(), datagrams.into(), listen(53)?.into(), packets.into()])
}

/// A socket that receives the beginning of every packet that arrives for an address that is not loopback's.
fn packets() -> std::io::Result<Socket> {
    const ALL: u16 = 3;
    let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(i32::from(ALL.to_be()))))?;
    // What arrived before the filter is the kernel's own: nothing else runs here yet.
    socket.attach_filter(&NOT_LOOPBACK)?;
    // Only a privileged user may exceed the system's limit; with less, a flood is counted less exactly.
    let _ = rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, PACKETS_BYTES);
    Ok(socket)
}

/// Classic BPF (linux/filter.h): keeps what was received, not what was sent, and is for neither 127.0.0.0/8, ::1 nor
/// IPv6 multicast, which the kernel itself sends.
const NOT_LOOPBACK: [SockFilter; 19] = {
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const IF_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    /// Words about the packet are found from here: 0 is its protocol, 4 whether it was received or sent.
    const ABOUT: u32 = 0xffff_f000;
    [
        /* 0 */ SockFilter::new(LOAD_BYTE, 0, 0, ABOUT + 4),
        /* 1 */ SockFilter::new(IF_EQUAL, 16, 0, 4),
        /* 2 */ SockFilter::new(LOAD_HALF, 0, 0, ABOUT),
        /* 3 */ SockFilter::new(IF_EQUAL, 0, 2, 0x0800),
        /* 4 */ SockFilter::new(LOAD_BYTE, 0, 0, 16),
        /* 5 */ SockFilter::new(IF_EQUAL, 12, 11, 127),
        /* 6 */ SockFilter::new(IF_EQUAL, 0, 11, 0x86dd),
        /* 7 */ SockFilter::new(LOAD_BYTE, 0, 0, 24),
        /* 8 */ SockFilter::new(IF_EQUAL, 9, 0, 0xff),
        /* 9 */ SockFilter::new(LOAD_WORD, 0, 0, 24),
        /* 10 */ SockFilter::new(IF_EQUAL, 0, 6, 0),
        /* 11 */ SockFilter::new(LOAD_WORD, 0, 0, 28),
        /* 12 */ SockFilter::new(IF_EQUAL, 0, 4, 0),
        /* 13 */ SockFilter::new(LOAD_WORD, 0, 0, 32),
        /* 14 */ SockFilter::new(IF_EQUAL, 0, 2, 0),
        /* 15 */ SockFilter::new(LOAD_WORD, 0, 0, 36),
        /* 16 */ SockFilter::new(IF_EQUAL, 1, 0, 1),
        /* 17 */ SockFilter::new(RETURN, 0, 0, PACKET_BYTES),
        /* 18 */ SockFilter::new(RETURN, 0, 0, 0),
    ]
};

/// The kernel's routing tables, by rtnetlink(7).
struct Route {
    socket: OwnedFd,
}

impl Route {
    fn open() -> rustix::io::Result<Self> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
        Ok(Self { socket })
    }

    /// `ip link set lo up`
    fn raise(&self, index: u32) -> rustix::io::Result<()> {
        const NEW_LINK: u16 = 16;
        const UP: u32 = 1;
        let mut body = vec![0; 4];
        body.extend(index.to_ne_bytes());
        body.extend(UP.to_ne_bytes());
        body.extend(UP.to_ne_bytes());
        self.ask(NEW_LINK, 0, &body)
    }

    /// `ip route add local default dev lo`
    fn everything_is_local(&self, index: u32, family: u8) -> rustix::io::Result<()> {
        const NEW_ROUTE: u16 = 24;
        const CREATE: u16 = 0x400;
        const TABLE_LOCAL: u8 = 255;
        const BY_ADMINISTRATOR: u8 = 4;
        const SCOPE_HOST: u8 = 254;
        const LOCAL: u8 = 2;
        const OUT_BY: u16 = 4;
        let mut body = vec![family, 0, 0, 0, TABLE_LOCAL, BY_ADMINISTRATOR, SCOPE_HOST, LOCAL, 0, 0, 0, 0];
        body.extend(8_u16.to_ne_bytes());
        body.extend(OUT_BY.to_ne_bytes());
        body.extend(index.to_ne_bytes());
        self.ask(NEW_ROUTE, CREATE, &body)
    }

    /// One request, and the kernel's answer.
    fn ask(&self, kind: u16, flags: u16, body: &[u8]) -> rustix::io::Result<()> {
        const REQUEST: u16 = 1;
        const ACKNOWLEDGE: u16 = 4;
        let mut message = Vec::new();
        message.extend((16 + body.len() as u32).to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend((REQUEST | ACKNOWLEDGE | flags).to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        sendto(&self.socket, &message, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut answer = [0_u8; 1024];
        let (_, length) = recv(&self.socket, &mut answer, RecvFlags::empty())?;
        // An answer of kind 2 begins with the error, negative, or 0.
        let code = answer.get(16..20).filter(|_| length >= 20).and_then(|bytes| bytes.try_into().ok());
        match code.map(i32::from_ne_bytes) {
            Some(0) => Ok(()),
            Some(error) => Err(rustix::io::Errno::from_raw_os_error(-error)),
            None => Err(rustix::io::Errno::PROTO),
        }
    }
}
