//! What an agent printed in one turn, line by line, in the words all agents share.
//!
//! A line is mostly one event. A line that is a JSON array holds several; output that is one JSON value over several
//! lines is one line; lines whose number is a race become no event and are left out of what the document holds.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::usage::UsageTally;
use crate::document::{Event, EventKind, Phase, Terminal};
use crate::profile::{Line, Profile};
use crate::value::first_duplicate;
use serde_json::Value;

/// Longer lines are cut; a line of an agent holds at most a tool's output.
const LINE_LIMIT_BYTES: usize = 1024 * 1024;

/// Lines kept as events; the raw output has the rest.
const EVENTS_LIMIT: usize = 10_000;

/// What one turn's standard output says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// One a line, or an element of a line.
    pub events: Vec<Event>,
    /// The last session named.
    pub session: Option<String>,
    /// The last word on how the turn ended.
    pub terminal: Option<Terminal>,
    /// The last message's text.
    pub final_message: Option<String>,
    /// What was reported of usage.
    pub usage: UsageTally,
    /// Lines beyond the limit that became no event.
    pub lines_dropped: u64,
    /// Standard output as the document holds it, where that differs from what was printed.
    pub settled: Option<String>,
}

/// Reads a turn's standard output.
pub fn read_transcript(profile: &dyn Profile, turn: u32, stdout: &[u8]) -> Transcript {
    let mut transcript = Transcript::default();
    let printed = String::from_utf8_lossy(stdout);
    let text = one_line(&printed);
    let mut settled = String::new();
    let mut is_settled = matches!(text, Cow::Owned(_));
    let mut calls = Calls::default();
    let mut is_open = false;
    let mut number = 0;
    let mut lines: Vec<(&str, Vec<Line>)> = Vec::new();
    for line in text.split_inclusive('\n') {
        let content = line.trim_end_matches(['\r', '\n']);
        let read = if content.trim().is_empty() { Vec::new() } else { read_elements(profile, content) };
        if read.iter().any(|read| read.is_racy) {
            is_settled = true;
            continue;
        }
        if may_repeat(&read) && lines.last().is_some_and(|(_, before)| may_repeat(before)) {
            is_settled = true;
            lines.pop();
        }
        lines.push((line, read));
    }
    is_settled |= order_beginnings(&mut lines);
    for (line, read) in lines {
        settled.push_str(line);
        number += 1;
        for read in read {
            let mut event = Event { turn, line: number, ..read.event };
            calls.complete(&mut event);
            if event.kind == EventKind::Message {
                transcript.say(event.text.as_deref(), read.is_part && is_open);
            }
            is_open = read.is_part;
            transcript.session = read.session.or(transcript.session.take());
            if read.reopens {
                transcript.terminal = None;
            }
            transcript.terminal = read.terminal.or(transcript.terminal);
            if let Some(report) = read.usage {
                transcript.usage.count(report);
            }
            // The rest is still read for what it says of the turn as a whole.
            if transcript.events.len() < EVENTS_LIMIT {
                transcript.events.push(event);
            } else {
                transcript.lines_dropped += 1;
            }
        }
    }
    transcript.settled = is_settled.then_some(settled);
    transcript
}

impl Transcript {
    fn say(&mut self, text: Option<&str>, goes_on: bool) {
        match (&mut self.final_message, text) {
            (Some(message), Some(text)) if goes_on => message.push_str(text),
            (message, Some(text)) => *message = Some(text.to_owned()),
            (_, None) => {}
        }
    }
}

/// Tools that begin together begin in an order that is a race inside the agent: they are put into the order of what
/// they do. Tells whether anything moved.
fn order_beginnings(lines: &mut [(&str, Vec<Line>)]) -> bool {
    let mut moved = false;
    for run in lines.chunk_by_mut(|(_, before), (_, after)| begins_tool(before) && begins_tool(after)) {
        if !run.is_sorted_by(|before, after| deed(&before.1) <= deed(&after.1)) {
            run.sort_by(|before, after| deed(&before.1).cmp(&deed(&after.1)));
            moved = true;
        }
    }
    moved
}

fn may_repeat(read: &[Line]) -> bool {
    matches!(read, [only] if only.may_repeat)
}

fn begins_tool(read: &[Line]) -> bool {
    let is_tool = |kind| matches!(kind, EventKind::Command | EventKind::FileChange | EventKind::Tool);
    matches!(read, [only] if only.event.phase == Phase::Started && is_tool(only.event.kind))
}

/// What a tool does: its kind, its name and command, the paths it changes.
type Deed<'a> = (EventKind, [Option<&'a str>; 2], &'a [String]);

/// What the tool of a line does.
fn deed(read: &[Line]) -> Option<Deed<'_>> {
    let event = &read.first()?.event;
    Some((event.kind, [event.tool.as_deref(), event.command.as_deref()], &event.paths))
}

/// Output that is one JSON value over several lines, as one line.
fn one_line(printed: &str) -> Cow<'_, str> {
    let trimmed = printed.trim();
    let is_candidate =
        trimmed.starts_with(['{', '[']) && trimmed.contains('\n') && trimmed.len() <= LINE_LIMIT_BYTES;
    let first = trimmed.lines().next().unwrap_or_default();
    if !is_candidate || serde_json::from_str::<serde::de::IgnoredAny>(first).is_ok() {
        return Cow::Borrowed(printed);
    }
    match serde_json::from_str::<Value>(trimmed) {
        Ok(value) => Cow::Owned(format!("{value}\n")),
        Err(_) => Cow::Borrowed(printed),
    }
}

/// The events of a line: one, or one for each element of an array of objects.
fn read_elements(profile: &dyn Profile, line: &str) -> Vec<Line> {
    if line.len() > LINE_LIMIT_BYTES {
        let end = (0..=LINE_LIMIT_BYTES).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        let event = Event { kind: EventKind::Text, raw: Value::from(&line[..end]), ..Event::default() };
        return vec![Line { event, ..Line::default() }];
    }
    let elements = match line.starts_with('[').then(|| serde_json::from_str(line)) {
        Some(Ok(Value::Array(elements))) if !elements.is_empty() && elements.iter().all(Value::is_object) => {
            elements
        }
        _ => return vec![with_duplicate(profile.read_line(line), line)],
    };
    elements.iter().map(|element| with_duplicate(profile.read_line(&element.to_string()), line)).collect()
}

fn with_duplicate(mut read: Line, line: &str) -> Line {
    if read.event.raw.is_object() {
        read.event.duplicate_member = first_duplicate(line.as_bytes());
    }
    read
}

/// What the beginnings of tool calls said, for agents whose results name nothing but the call.
#[derive(Default)]
struct Calls(BTreeMap<String, Event>);

impl Calls {
    fn complete(&mut self, event: &mut Event) {
        let Some(call) = &event.call else { return };
        match event.phase {
            Phase::Started => {
                self.0.insert(call.clone(), event.clone());
            }
            Phase::Completed | Phase::Failed => {
                let Some(started) = self.0.get(call) else { return };
                if event.kind == EventKind::Tool && event.tool.is_none() {
                    event.kind = started.kind;
                }
                event.tool = event.tool.take().or_else(|| started.tool.clone());
                event.command = event.command.take().or_else(|| started.command.clone());
                if event.paths.is_empty() {
                    event.paths.clone_from(&started.paths);
                }
            }
            Phase::Updated | Phase::Instant => {}
        }
    }
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
        let usage = read.usage.total;
        assert_eq!((usage.reported, usage.input_tokens, usage.output_tokens), (true, 3, 2));
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

    #[test]
    fn an_array_is_as_many_events_and_a_value_over_lines_is_one() {
        let claude = by_name("claude").unwrap();
        let array = br#"[{"type":"system","subtype":"init","session_id":"s"},{"type":"result","subtype":"success","is_error":false,"result":"x"}]"#;
        let read = read_transcript(claude, 1, array);
        assert_eq!(read.events.iter().map(|event| event.line).collect::<Vec<_>>(), [1, 1]);
        assert_eq!((read.session.as_deref(), read.terminal), (Some("s"), Some(Terminal::Completed)));
        let pretty = b"{\n  \"type\": \"result\",\n  \"is_error\": true\n}\n";
        let read = read_transcript(claude, 1, pretty);
        assert_eq!((read.events.len(), read.terminal), (1, Some(Terminal::Failed)));
        assert_eq!(read.settled.unwrap().lines().count(), 1);
        let odd = read_transcript(claude, 1, b"[1,2]\n[]\n{\"type\":\"result\"}\n{\"type\":\"assis");
        let kinds: Vec<_> = odd.events.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Text, EventKind::Text, EventKind::Turn, EventKind::Text]);
    }

    #[test]
    fn commands_that_begin_together_stand_in_one_order() {
        let begin = |id: &str, command: &str| {
            format!(
                r#"{{"type":"item.started","item":{{"id":"{id}","type":"command_execution","command":"{command}"}}}}"#
            )
        };
        let read = |first: String, second: String| {
            read_transcript(by_name("codex").unwrap(), 1, format!("{first}\n{second}\n").as_bytes())
        };
        let one = read(begin("item_0", "a"), begin("item_1", "b"));
        let other = read(begin("item_0", "b"), begin("item_1", "a"));
        let commands =
            |read: &Transcript| -> Vec<_> { read.events.iter().map(|event| event.command.clone()).collect() };
        assert_eq!(commands(&one), commands(&other));
        assert_eq!(one.settled, None);
        assert!(other.settled.unwrap().starts_with(&begin("item_1", "a")));
    }

    #[test]
    fn of_lines_that_may_repeat_the_last_in_a_row_counts() {
        let step = |id: &str| format!(r#"{{"type":"step_start","sessionID":"s","part":{{"id":"{id}"}}}}"#);
        let text = r#"{"type":"text","sessionID":"s","part":{"text":"x"}}"#;
        let printed = [&step("a"), &step("b"), text, &step("c")].map(|line| format!("{line}\n")).concat();
        let read = read_transcript(by_name("opencode").unwrap(), 1, printed.as_bytes());
        let ids: Vec<_> = read.events.iter().map(|event| event.raw["part"]["id"].as_str()).collect();
        assert_eq!(ids, [Some("b"), None, Some("c")]);
        assert_eq!(read.settled, Some(printed.split_once('\n').unwrap().1.to_owned()));
    }

    #[test]
    fn lines_whose_number_is_a_race_are_no_events() {
        let stdout =
            b"{\"type\":\"agent_start\"}\n{\"type\":\"message_update\",\"x\":1}\n{\"type\":\"turn_start\"}\n";
        let read = read_transcript(by_name("pi").unwrap(), 1, stdout);
        assert_eq!(read.events.iter().map(|event| event.line).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(read.settled.as_deref(), Some("{\"type\":\"agent_start\"}\n{\"type\":\"turn_start\"}\n"));
    }
}
