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
mod tests {
    use super::*;

    /// A frame as a client sends it.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let mut bytes = frame(first, payload);
        let head = bytes.len() - payload.len();
        bytes[1] |= 0x80;
        for (at, byte) in bytes[head..].iter_mut().enumerate() {
            *byte ^= key[at % 4];
        }
        bytes.splice(head..head, key);
        bytes
    }

    fn read(inflates: bool, bytes: &[u8], portion: usize) -> Result<Vec<Message>, FramingError> {
        let mut reader = Reader::new(100_000, inflates);
        let mut messages = Vec::new();
        for bytes in bytes.chunks(portion) {
            reader.push(bytes);
            while let Some(message) = reader.message()? {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    #[test]
    fn portions_and_fragments_do_not_matter() {
        let long = "héllo ".repeat(20_000 / 7);
        let mut bytes = masked(0x81, b"{}");
        bytes.extend(masked(0x01, &long.as_bytes()[..2]));
        bytes.extend(masked(0x89, b"ping"));
        bytes.extend(masked(0x00, &long.as_bytes()[2..9000]));
        bytes.extend(masked(0x80, &long.as_bytes()[9000..]));
        bytes.extend(masked(0x82, &[0xff]));
        bytes.extend(masked(0x88, &1001_u16.to_be_bytes()));
        let expected = [
            Message::Text(b"{}".to_vec()),
            Message::Ping(b"ping".to_vec()),
            Message::Text(long.into_bytes()),
            Message::Binary(vec![0xff]),
            Message::Close(Some(1001)),
        ];
        for portion in [1, 2, 3, 7, 1000, bytes.len()] {
            assert_eq!(read(false, &bytes, portion).unwrap(), expected, "{portion}");
        }
    }

    #[test]
    fn compressed_messages_come_back_as_they_were() {
        for length in [0, 64, 1000, 99_999] {
            let payload: Vec<u8> = (0..length).map(|at| b'a' + (at % 23) as u8).collect();
            let sent = frame(0xc1, &deflated(&payload));
            assert_eq!(
                read(true, &masked(0xc1, &deflated(&payload)), 5000).unwrap(),
                [Message::Text(payload.clone())]
            );
            if length > 1000 {
                assert!(sent.len() < length / 10, "{} bytes", sent.len());
            }
            assert_eq!(text(&payload, true)[0], if length < 64 { 0x81 } else { 0xc1 });
        }
        // The example of RFC 7692 section 7.2.3.1, in two fragments.
        let mut bytes = masked(0x41, &[0xf2, 0x48, 0xcd]);
        bytes.extend(masked(0x80, &[0xc9, 0xc9, 0x07, 0x00]));
        assert_eq!(read(true, &bytes, 3).unwrap(), [Message::Text(b"Hello".to_vec())]);
    }

    #[test]
    fn what_breaks_the_protocol_is_named_by_its_close_code() {
        let code = |inflates, bytes: &[u8]| read(inflates, bytes, bytes.len()).unwrap_err().code();
        assert_eq!(code(false, &frame(0x81, b"unmasked")), 1002);
        assert_eq!(code(false, &masked(0xc1, b"compressed")), 1002);
        assert_eq!(code(false, &masked(0x80, b"goes on with nothing")), 1002);
        assert_eq!(code(false, &masked(0x83, b"")), 1002);
        assert_eq!(code(false, &masked(0x09, b"ping in fragments")), 1002);
        assert_eq!(code(false, &[masked(0x01, b"a"), masked(0x81, b"b")].concat()), 1002);
        assert_eq!(code(false, &masked(0x81, &[0xff])), 1007);
        assert_eq!(code(true, &masked(0xc1, &[0xff; 9])), 1007);
        assert_eq!(
            code(false, &[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
            1009
        );
        let bomb = deflated(&vec![b' '; 200_000]);
        assert_eq!(code(true, &masked(0xc1, &bomb)), 1009);
        let many: Vec<u8> = std::iter::once(masked(0x01, &[b' '; 40_000]))
            .chain((0..3).map(|_| masked(0x00, &[b' '; 40_000])))
            .flatten()
            .collect();
        assert_eq!(code(false, &many), 1009);
    }

    #[test]
    fn an_offer_is_accepted_unless_it_asks_for_a_smaller_window() {
        assert!(offers_deflate(["permessage-deflate; client_max_window_bits"]));
        assert!(offers_deflate(["x-webkit, Permessage-Deflate;server_no_context_takeover"]));
        assert!(!offers_deflate(["permessage-deflate; server_max_window_bits=10"]));
        assert!(offers_deflate(["permessage-deflate; server_max_window_bits=10, permessage-deflate"]));
        assert!(!offers_deflate(["", "permessage-bzip2"]));
    }
}
