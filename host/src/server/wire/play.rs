//! Does to a socket what a plan says.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::gate::Gates;
use super::plan::{Act, Plan};
use super::socket::Socket;
use crate::scenario::{End, Gate};

/// How often is looked whether a peer that is kept waiting is still there.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) struct Played {
    /// Whether the connection may be used again.
    pub(in crate::server) goes_on: bool,
}

/// Plays a plan. `own` is the number of the request that is answered, `passed` is told each gate that opened.
pub(in crate::server) async fn play(
    mut socket: Socket,
    plan: Plan,
    gates: &Gates,
    own: usize,
    mut passed: impl FnMut(&Gate),
) -> Played {
    let over = Played { goes_on: false };
    for act in plan.acts {
        match act {
            Act::Send(bytes) => {
                if socket.write_all(&bytes).await.is_err() {
                    return over;
                }
            }
            Act::Pause(time) => {
                tokio::select! {
                    () = tokio::time::sleep(time) => {}
                    () = left(&socket) => return over,
                }
            }
            Act::Drain => gates.drained(&socket).await,
            Act::Hold(gate) => {
                tokio::select! {
                    () = gates.opened(&gate, &socket, own) => passed(&gate),
                    () = left(&socket) => return over,
                }
            }
            Act::End(end) => {
                self::end(socket, &end).await;
                return over;
            }
        }
    }
    Played { goes_on: true }
}

async fn end(mut socket: Socket, end: &End) {
    match end {
        End::Clean | End::Fin => socket.close(),
        End::Reset => socket.reset_on_close(),
        End::HalfClose | End::Close { .. } => {
            socket.end_sending();
            until_left(&mut socket).await;
        }
        End::Stall => until_left(&mut socket).await,
    }
}

/// Reads on and throws away until the peer closes.
async fn until_left(socket: &mut Socket) {
    let mut block = [0; 4096];
    while matches!(socket.read(&mut block).await, Ok(1..)) {}
}

async fn left(socket: &Socket) {
    while !socket.is_left() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
