//! Disturbed replies: frames and a schedule in, bytes and waits out.
//!
//! Knows no protocol: a frame is bytes, of a stream of server-sent events or of a WebSocket. What hyper sends well it
//! sends; a reply with a schedule is taken over and written to the socket itself.

mod frame;
mod gate;
mod peer;
mod plan;
mod play;
mod socket;

pub(super) use gate::Gates;
pub(super) use plan::{Form, Material, Plan, plan};
pub(super) use play::{Played, play};
pub(super) use socket::Socket;
