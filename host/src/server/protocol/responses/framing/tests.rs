//! Messages in any portions, compressed or not, and what breaks the protocol.

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
    assert_eq!(code(false, &[0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]), 1009);
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
