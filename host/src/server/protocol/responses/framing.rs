//! WebSocket messages from bytes in any portions and back (RFC 6455, server side), with permessage-deflate (RFC 7692).
//!
//! Pure: no socket. Each message is compressed by itself, as the server asks for when it accepts the extension.

use std::io::Read as _;

use flate2::read::DeflateDecoder;
use flate2::{Compress, Compression, FlushCompress, Status};

/// What the server answers to an offer of permessage-deflate.
pub(in crate::server) const DEFLATE_ACCEPTED: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
/// The end of every compressed message, which does not travel (RFC 7692 section 7.2.1).
const FLUSH_MARK: [u8; 4] = [0, 0, 0xff, 0xff];
/// An empty last block: what reads the bytes then finds their end.
const LAST_BLOCK: [u8; 5] = [1, 0, 0, 0xff, 0xff];
/// A message that is compressed.
const COMPRESSED: u8 = 0x40;
/// Shorter messages travel as they are: compression would make them longer.
const COMPRESSED_FROM_BYTES: usize = 64;

/// A message of the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum Message {
    /// Text, in UTF-8.
    Text(Vec<u8>),
    /// Bytes.
    Binary(Vec<u8>),
    /// Asks for a pong with the same bytes.
    Ping(Vec<u8>),
    /// The answer to a ping.
    Pong,
    /// Says goodbye, with a code where it has one.
    Close(Option<u16>),
}

/// Why a connection can't go on, by the close code that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum FramingError {
    /// 1002: the bytes are not what the protocol allows.
    Protocol,
    /// 1007: a text is not UTF-8, or compressed bytes can't be read.
    Data,
    /// 1009: a message is larger than the limit.
    TooLarge,
}

impl FramingError {
    /// The close code.
    pub(in crate::server) fn code(self) -> u16 {
        match self {
            Self::Protocol => 1002,
            Self::Data => 1007,
            Self::TooLarge => 1009,
        }
    }
}

/// What the peer has sent and nobody has read.
#[derive(Debug)]
pub(in crate::server) struct Reader {
    limit_bytes: usize,
    inflates: bool,
    bytes: Vec<u8>,
    /// The message whose last fragment has not come: first byte of its first frame, and its bytes so far.
    begun: Option<(u8, Vec<u8>)>,
}

impl Reader {
    /// Nothing so far. `inflates`: whether permessage-deflate was accepted.
    pub(in crate::server) fn new(limit_bytes: usize, inflates: bool) -> Self {
        Self { limit_bytes, inflates, bytes: Vec::new(), begun: None }
    }

    /// Takes bytes.
    pub(in crate::server) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole message; none while there is none.
    ///
    /// # Errors
    /// When the peer broke the protocol or a limit; the connection can't go on then.
    pub(in crate::server) fn message(&mut self) -> Result<Option<Message>, FramingError> {
        while let Some((first, payload)) = self.frame()? {
            let (is_last, opcode) = (first & 0x80 != 0, first & 0x0f);
            let is_compressed = first & COMPRESSED != 0;
            let message = match opcode {
                0 if !is_compressed => self.begun.take().ok_or(FramingError::Protocol)?,
                1 | 2 if self.begun.is_none() => (first, Vec::new()),
                8 if payload.len() == 1 => return Err(FramingError::Protocol),
                8 => {
                    let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
                    return Ok(Some(Message::Close(code)));
                }
                9 => return Ok(Some(Message::Ping(payload))),
                10 => return Ok(Some(Message::Pong)),
                _ => return Err(FramingError::Protocol),
            };
            let (first, mut whole) = message;
            if whole.len() + payload.len() > self.limit_bytes {
                return Err(FramingError::TooLarge);
            }
            whole.extend_from_slice(&payload);
            if !is_last {
                self.begun = Some((first, whole));
                continue;
            }
            if first & COMPRESSED != 0 {
                whole = inflated(&whole, self.limit_bytes)?;
            }
            return match first & 0x0f {
                1 if std::str::from_utf8(&whole).is_err() => Err(FramingError::Data),
                1 => Ok(Some(Message::Text(whole))),
                _ => Ok(Some(Message::Binary(whole))),
            };
        }
        Ok(None)
    }

    /// First byte and unmasked payload of the next whole frame.
    fn frame(&mut self) -> Result<Option<(u8, Vec<u8>)>, FramingError> {
        let [first, second, rest @ ..] = self.bytes.as_slice() else { return Ok(None) };
        let (first, second) = (*first, *second);
        let is_control = first & 0x08 != 0;
        let reserved = first & if self.inflates && !is_control { 0x30 } else { 0x70 };
        let is_masked = second & 0x80 != 0;
        let short = usize::from(second & 0x7f);
        if reserved != 0 || !is_masked || (is_control && (short > 125 || first & 0x80 == 0)) {
            return Err(FramingError::Protocol);
        }
        let (length, rest) = match short {
            126 => match rest.split_first_chunk::<2>() {
                Some((length, rest)) => (usize::from(u16::from_be_bytes(*length)), rest),
                None => return Ok(None),
            },
            127 => match rest.split_first_chunk::<8>() {
                Some((length, rest)) => {
                    (usize::try_from(u64::from_be_bytes(*length)).unwrap_or(usize::MAX), rest)
                }
                None => return Ok(None),
            },
            short => (short, rest),
        };
        if length > self.limit_bytes {
            return Err(FramingError::TooLarge);
        }
        let Some((key, rest)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let Some(masked) = rest.get(..length) else { return Ok(None) };
        let payload = masked.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        let used = self.bytes.len() - (rest.len() - length);
        self.bytes.drain(..used);
        Ok(Some((first, payload)))
    }
}

fn inflated(bytes: &[u8], limit_bytes: usize) -> Result<Vec<u8>, FramingError> {
    let mut inflated = Vec::new();
    DeflateDecoder::new(bytes.chain(FLUSH_MARK.as_slice()).chain(LAST_BLOCK.as_slice()))
        .take(limit_bytes as u64 + 1)
        .read_to_end(&mut inflated)
        .map_err(|_| FramingError::Data)?;
    if inflated.len() > limit_bytes { Err(FramingError::TooLarge) } else { Ok(inflated) }
}

/// The bytes of a text message; compressed where that is accepted and worth it.
pub(in crate::server) fn text(payload: &[u8], deflates: bool) -> Vec<u8> {
    if deflates && payload.len() >= COMPRESSED_FROM_BYTES {
        return frame(0x80 | COMPRESSED | 1, &deflated(payload));
    }
    frame(0x81, payload)
}

/// The bytes of a pong.
pub(in crate::server) fn pong(payload: &[u8]) -> Vec<u8> {
    frame(0x8a, payload)
}

/// The bytes of a goodbye.
pub(in crate::server) fn close(code: Option<u16>) -> Vec<u8> {
    frame(0x88, &code.map(u16::to_be_bytes).map_or_else(Vec::new, |code| code.to_vec()))
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        short @ 0..=125 => bytes.push(short as u8),
        middle @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend_from_slice(&(middle as u16).to_be_bytes());
        }
        long => {
            bytes.push(127);
            bytes.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

fn deflated(payload: &[u8]) -> Vec<u8> {
    let mut compress = Compress::new(Compression::fast(), false);
    let mut bytes = Vec::with_capacity(payload.len() + 64);
    loop {
        let done = compress.total_in() as usize;
        let status = compress.compress_vec(&payload[done..], &mut bytes, FlushCompress::Sync);
        let is_full = bytes.len() == bytes.capacity();
        // What is compressed in memory has no errors; a full buffer is the only reason to go on.
        if !is_full || !matches!(status, Ok(Status::Ok | Status::BufError)) {
            break;
        }
        bytes.reserve(payload.len() + 64);
    }
    if bytes.ends_with(&FLUSH_MARK) {
        bytes.truncate(bytes.len() - FLUSH_MARK.len());
    }
    bytes
}

/// Whether an offer of extensions holds a permessage-deflate that the server can follow: any but one that asks for a
/// smaller window.
pub(in crate::server) fn offers_deflate<'a>(offers: impl IntoIterator<Item = &'a str>) -> bool {
    offers.into_iter().flat_map(|offer| offer.split(',')).any(|offer| {
        let mut words = offer.split(';').map(str::trim);
        let name = words.next().unwrap_or_default();
        name.eq_ignore_ascii_case("permessage-deflate")
            && words.all(|word| !word.to_ascii_lowercase().starts_with("server_max_window_bits"))
    })
}

#[cfg(test)]
mod tests;
