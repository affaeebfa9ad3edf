//! Section `egress`: what the agent tried to reach beyond the server.

use serde::{Deserialize, Serialize};

/// Destinations told apart in one document; the rest is counted under [`MORE_DESTINATIONS`].
pub const DESTINATIONS_LIMIT: usize = 200;

/// The destination under which attempts are counted that are too many to tell apart.
pub const MORE_DESTINATIONS: &str = "more";

/// Attempts of one turn to reach one destination. Every one of them was refused.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct EgressAttempt {
    /// The turn, from 1.
    pub turn: u32,
    /// How it was asked for.
    pub protocol: EgressProtocol,
    /// `host:port`, the host in lower case, at most 262 characters; empty when the request named none, an address
    /// alone for `icmp`. Paths, queries and credentials are not kept. A name that was looked up has port 53.
    pub destination: String,
    /// How often.
    pub count: u32,
}

/// How a destination was tried: the first three through the refusing proxy, the rest directly, which is seen only in a
/// network of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EgressProtocol {
    /// A tunnel (`CONNECT host:port`), as for HTTPS.
    Connect,
    /// A plain HTTP request in absolute form.
    Http,
    /// Something that is neither.
    #[default]
    Other,
    /// A name that was looked up.
    Dns,
    /// A direct connection.
    Tcp,
    /// A datagram.
    Udp,
    /// A ping.
    Icmp,
}
