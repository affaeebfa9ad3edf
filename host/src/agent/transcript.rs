//! What an agent printed in one turn, line by line, in the words all agents share.

use crate::document::{Event, EventKind, Terminal, Usage};
use crate::profile::Profile;
use crate::value::first_duplicate;
use serde_json::Value;

/// Longer lines are cut; a line of an agent holds at most a tool's output.
const LINE_LIMIT_BYTES: usize = 1024 * 1024;

/// Lines kept as events; the raw output has the rest.
const EVENTS_LIMIT: usize = 10_000;

/// What one turn's standard output says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// One a line.
    pub events: Vec<Event>,
    /// The last session named.
    pub session: Option<String>,
    /// The last word on how the turn ended.
    pub terminal: Option<Terminal>,
    /// The last message's text.
    pub final_message: Option<String>,
    /// The last usage reported.
    pub usage: Usage,
    /// Lines beyond the limit that became no event.
    pub lines_dropped: u64,
}

/// Reads a turn's standard output.
pub fn read_transcript(profile: &dyn Profile, turn: u32, stdout: &[u8]) -> Transcript {
    let mut transcript = Transcript::default();
    let text = String::from_utf8_lossy(stdout);
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let read = if line.len() > LINE_LIMIT_BYTES {
            let end = (0..=LINE_LIMIT_BYTES).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
            let cut = Value::from(&line[..end]);
            crate::profile::Line {
                event: Event { kind: EventKind::Text, raw: cut, ..Event::default() },
                ..Default::default()
            }
        } else {
            profile.read_line(line)
        };
        let duplicate_member = match read.event.raw {
            Value::Object(_) | Value::Array(_) => first_duplicate(line.as_bytes()),
            _ => None,
        };
        let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
        let event = Event { turn, line, duplicate_member, ..read.event };
        if event.kind == EventKind::Message {
            transcript.final_message = event.text.clone().or(transcript.final_message);
        }
        transcript.session = read.session.or(transcript.session);
        transcript.terminal = read.terminal.or(transcript.terminal);
        if let Some((input_tokens, output_tokens)) = read.usage {
            transcript.usage = Usage { reported: true, input_tokens, output_tokens };
        }
        // The rest is still read for what it says of the turn as a whole.
        if transcript.events.len() < EVENTS_LIMIT {
            transcript.events.push(event);
        } else {
            transcript.lines_dropped += 1;
        }
    }
    transcript
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::by_name;

    #[test]
    fn a_turn_is_read_line_by_line() {
        let stdout = concat!(
            "warning: not JSON\n\n",
            "{\"type\":\"thread.started\",\"thread_id\":\"t1\"}\n",
            "{\"type\":\"item.completed\",\"item\":{\"id\":\"item_0\",\"type\":\"agent_message\",\"text\":\"hi\"}}\n",
            "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}\n",
        );
        let read = read_transcript(by_name("codex").unwrap(), 2, stdout.as_bytes());
        assert_eq!(read.session.as_deref(), Some("t1"));
        assert_eq!(read.final_message.as_deref(), Some("hi"));
        assert_eq!(read.terminal, Some(Terminal::Completed));
        assert_eq!(read.usage, Usage { reported: true, input_tokens: 3, output_tokens: 2 });
        let places: Vec<_> = read.events.iter().map(|event| (event.turn, event.line, event.kind)).collect();
        assert_eq!(places[..2], [(2, 1, EventKind::Text), (2, 3, EventKind::Session)]);
    }

    #[test]
    fn a_member_that_stands_twice_is_noted() {
        let stdout = b"{\"type\":\"x\",\"a\":{\"b\":1,\"b\":2}}\n{\"type\":\"x\",\"a\":{\"b\":1}}\n";
        let read = read_transcript(by_name("codex").unwrap(), 1, stdout);
        let noted: Vec<_> = read.events.iter().map(|event| event.duplicate_member.as_deref()).collect();
        assert_eq!(noted, [Some("b"), None]);
    }

    #[test]
    fn lines_beyond_the_limit_are_counted_and_still_end_the_turn() {
        let stdout = format!("{}{{\"type\":\"turn.completed\"}}\n", "noise\n".repeat(EVENTS_LIMIT));
        let read = read_transcript(by_name("codex").unwrap(), 1, stdout.as_bytes());
        assert_eq!((read.events.len(), read.lines_dropped), (EVENTS_LIMIT, 1));
        assert_eq!(read.terminal, Some(Terminal::Completed));
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let read = read_transcript(by_name("codex").unwrap(), 1, &vec![b'x'; LINE_LIMIT_BYTES + 7]);
        assert_eq!(read.events[0].raw.as_str().map(str::len), Some(LINE_LIMIT_BYTES));
    }
}
