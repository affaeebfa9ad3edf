//! One frame of a reply as bytes: what can be changed in it without knowing what it says.

use crate::scenario::LineEnd;

/// The event type of a frame of server-sent events, or of a JSON message: its `event:` line, or its member `type`.
pub(super) fn type_of(frame: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(frame).ok()?;
    if let Some(line) = text.lines().find_map(|line| line.strip_prefix("event:")) {
        return Some(line.trim().to_owned());
    }
    let data = text.lines().find_map(|line| line.strip_prefix("data:")).unwrap_or(text);
    let json: serde_json::Value = serde_json::from_str(data).ok()?;
    json.get("type")?.as_str().map(str::to_owned)
}

/// A frame of server-sent events.
pub(super) fn event(name: Option<&str>, data: &str) -> Vec<u8> {
    let mut frame = name.map(|name| format!("event: {name}\n")).unwrap_or_default();
    for line in data.split('\n') {
        frame.push_str("data: ");
        frame.push_str(line);
        frame.push('\n');
    }
    frame.push('\n');
    frame.into_bytes()
}

/// The frame with other data.
pub(super) fn with_data(frame: &[u8], data: &str) -> Vec<u8> {
    let text = String::from_utf8_lossy(frame);
    let name = text.lines().find_map(|line| line.strip_prefix("event: "));
    event(name, data)
}

/// The frame without its `event:` line.
pub(super) fn without_event_line(frame: &[u8]) -> Vec<u8> {
    match frame.strip_prefix(b"event:").and_then(|rest| rest.iter().position(|byte| *byte == b'\n')) {
        Some(end) => frame[b"event:".len() + end + 1..].to_vec(),
        None => frame.to_vec(),
    }
}

/// The frame without the blank line that ends it.
pub(super) fn without_blank_line(frame: &[u8]) -> Vec<u8> {
    for (ending, shorter) in [(&b"\r\n\r\n"[..], 2), (b"\n\n", 1), (b"\r\r", 1)] {
        if frame.ends_with(ending) {
            return frame[..frame.len() - shorter].to_vec();
        }
    }
    frame.to_vec()
}

/// The frame with other ends of lines.
pub(super) fn with_line_end(frame: &[u8], line_end: LineEnd) -> Vec<u8> {
    let end: &[u8] = match line_end {
        LineEnd::Cr => b"\r",
        LineEnd::CrLf => b"\r\n",
    };
    let lines: Vec<&[u8]> = frame.split(|byte| *byte == b'\n').collect();
    lines.join(end)
}

/// The place inside the first character of more than one byte.
pub(super) fn inside_character(frame: &[u8]) -> Option<usize> {
    frame.iter().position(|byte| *byte >= 0x80).map(|at| at + 1)
}

/// A message of a WebSocket from a server; RFC 6455 section 5.2.
pub(super) fn message(opcode: u8, payload: &[u8], is_last: bool) -> Vec<u8> {
    let mut frame = vec![if is_last { 0x80 | opcode } else { opcode }];
    match payload.len() {
        short @ 0..=125 => frame.push(short as u8),
        medium @ 126..=0xffff => {
            frame.push(126);
            frame.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            frame.push(127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &[u8] = b"event: a.b\ndata: {\"type\":\"a.b\"}\n\n";

    #[test]
    fn a_frame_is_edited_line_by_line() {
        assert_eq!(type_of(FRAME).as_deref(), Some("a.b"));
        assert_eq!(type_of(br#"{"type":"x"}"#).as_deref(), Some("x"));
        assert_eq!(type_of(b"data: {\"type\":\"y\"}\n\n").as_deref(), Some("y"));
        assert_eq!(type_of(b"\xff"), None);
        assert_eq!(without_event_line(FRAME), b"data: {\"type\":\"a.b\"}\n\n");
        assert_eq!(without_blank_line(FRAME), b"event: a.b\ndata: {\"type\":\"a.b\"}\n");
        assert_eq!(with_line_end(FRAME, LineEnd::Cr), b"event: a.b\rdata: {\"type\":\"a.b\"}\r\r");
        let crlf = with_line_end(FRAME, LineEnd::CrLf);
        assert_eq!(without_blank_line(&crlf), b"event: a.b\r\ndata: {\"type\":\"a.b\"}\r\n");
        assert_eq!(with_data(FRAME, "x\ny"), b"event: a.b\ndata: x\ndata: y\n\n");
        assert_eq!(event(None, "z"), b"data: z\n\n");
    }

    #[test]
    fn messages_have_the_shortest_length_that_fits() {
        assert_eq!(message(1, b"ab", true), b"\x81\x02ab");
        assert_eq!(message(0, &[7; 126], false)[..4], [0, 126, 0, 126]);
        assert_eq!(message(2, &[7; 65_536], true)[..10], [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }
}
