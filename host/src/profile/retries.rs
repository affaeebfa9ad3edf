//! On what an agent asks again: what a schedule of faults may do to it without ending its turn.

/// Something that goes wrong once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retried {
    /// This status with the protocol's error; 429 with `retry-after: 1`.
    Status(u16),
    /// A reply that begins well and then says `server_error`.
    Failed,
    /// The connection ends or is reset inside the first item of the reply.
    Cut,
}

impl Retried {
    /// Refusals that pass, and a connection that ends.
    pub const REFUSED_OR_CUT: &'static [Self] =
        &[Self::Status(429), Self::Status(500), Self::Status(503), Self::Cut];
    /// The same, and a reply that fails on its way.
    pub const REFUSED_CUT_OR_FAILED: &'static [Self] =
        &[Self::Status(429), Self::Status(500), Self::Status(503), Self::Failed, Self::Cut];
}

/// What an agent, started as its profile starts it, is known to recover from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retries {
    /// How often it asks again for one reply, at least.
    pub most: u32,
    /// After what.
    pub after: &'static [Retried],
}
