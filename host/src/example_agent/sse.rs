//! Server-sent events from bytes in any portions (HTML standard, section 9.2.6): only the `data` of each event is kept,
//! since Responses repeats the event's name in it. An event without its closing blank line is never delivered.

use thiserror::Error;

/// The longest data of one event, and the longest line.
const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// An event or a line was longer than 16 MiB.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("server-sent event longer than {MAX_EVENT_BYTES} bytes")]
pub(super) struct EventTooLong;

/// The state between two portions of bytes.
#[derive(Default)]
pub(super) struct SseParser {
    line: Vec<u8>,
    data: String,
    has_data: bool,
    /// The last byte was a carriage return: a line feed right after it belongs to the same line end.
    after_carriage_return: bool,
    past_first_line: bool,
}

impl SseParser {
    /// Takes the next bytes and gives the data of the events they complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, EventTooLong> {
        let mut events = Vec::new();
        for &byte in bytes {
            let line_end_goes_on = byte == b'\n' && self.after_carriage_return;
            self.after_carriage_return = byte == b'\r';
            if line_end_goes_on {
                continue;
            }
            if byte == b'\n' || byte == b'\r' {
                events.extend(self.end_line()?);
            } else if self.line.len() == MAX_EVENT_BYTES {
                return Err(EventTooLong);
            } else {
                self.line.push(byte);
            }
        }
        Ok(events)
    }

    fn end_line(&mut self) -> Result<Option<String>, EventTooLong> {
        let bytes = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&bytes);
        let line = if self.past_first_line { &line } else { line.strip_prefix('\u{feff}').unwrap_or(&line) };
        self.past_first_line = true;
        if line.is_empty() {
            let data = std::mem::take(&mut self.data);
            return Ok(std::mem::take(&mut self.has_data).then_some(data));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        if field == "data" {
            let value = value.strip_prefix(' ').unwrap_or(value);
            if self.data.len() + value.len() >= MAX_EVENT_BYTES {
                return Err(EventTooLong);
            }
            if self.has_data {
                self.data.push('\n');
            }
            self.data.push_str(value);
            self.has_data = true;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_portions(text: &str, size: usize) -> Vec<String> {
        let mut parser = SseParser::default();
        text.as_bytes().chunks(size).flat_map(|portion| parser.push(portion).unwrap()).collect()
    }

    #[test]
    fn portions_do_not_matter() {
        let text = "\u{feff}data: {\"a\":\"ä€😀\"}\r\n\r\n: comment\nevent: x\ndata:b\r\ndata: c\n\nid: 1\n\ndata\r\r";
        let whole = in_portions(text, text.len());
        assert_eq!(whole, ["{\"a\":\"ä€😀\"}", "b\nc", ""]);
        for size in 1..12 {
            assert_eq!(in_portions(text, size), whole, "portions of {size}");
        }
    }

    #[test]
    fn a_last_event_without_its_blank_line_is_dropped() {
        assert_eq!(in_portions("data: a\n\ndata: b\n", 100), ["a"]);
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut parser = SseParser::default();
        let portion = vec![b'x'; 1024 * 1024];
        let refused = (0..20).find_map(|_| parser.push(&portion).err());
        assert_eq!(refused, Some(EventTooLong));
    }

    #[test]
    fn endless_data_lines_are_refused() {
        let mut parser = SseParser::default();
        let portion = format!("data: {}\n", "x".repeat(1024 * 1024));
        let refused = (0..20).find_map(|_| parser.push(portion.as_bytes()).err());
        assert_eq!(refused, Some(EventTooLong));
    }

    #[test]
    fn broken_bytes_in_any_portions_say_the_same() {
        let text = b"event: a\r\ndata: {\"x\":\"\xc3\xa4\"}\r\n\r\n: c\ndata: 1\ndata: 2\n\ndata\r\rid: 7\ndata: end\n\n";
        // A small linear congruential generator (Knuth): the same portions and changes every time.
        let mut state = 1_u64;
        let mut below = |limit: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % limit
        };
        for round in 0..500 {
            let mut bytes = text.to_vec();
            for _ in 0..below(4) {
                let at = below(bytes.len());
                bytes[at] = below(256) as u8;
            }
            let whole = SseParser::default().push(&bytes).unwrap();
            let mut parser = SseParser::default();
            let mut rest = bytes.as_slice();
            let mut in_portions = Vec::new();
            while !rest.is_empty() {
                let (portion, later) = rest.split_at((1 + below(5)).min(rest.len()));
                in_portions.extend(parser.push(portion).unwrap());
                rest = later;
            }
            assert_eq!(in_portions, whole, "round {round}");
        }
    }
}
