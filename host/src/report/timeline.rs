//! One recording for people: turn by turn, what the agent was asked, what reached the server, what it printed, what
//! became of the files, what was concluded.

use std::fmt::Write as _;

use super::Style;
use crate::document::{Change, Document, Event, EventKind, Item, Phase, Request};
use crate::value::{Verdict, escape_terminal, excerpt};

/// Characters of a text shown on a line.
const WIDTH: usize = 100;

/// The whole recording.
pub fn timeline(document: &Document, verdicts: &[Verdict], style: Style) -> String {
    let mut text = String::new();
    let agent = &document.agent;
    let _ = writeln!(
        text,
        "{} on {} ({}{}, {})",
        style.strong(&escape_terminal(&document.scenario.name)),
        style.strong(&escape_terminal(&agent.name)),
        escape_terminal(&agent.profile),
        agent.version.as_deref().map(|version| format!(" {}", escape_terminal(version))).unwrap_or_default(),
        escape_terminal(&agent.transport),
    );
    let _ = writeln!(text, "{}", style.faint(&excerpt(&document.scenario.summary, 200)));
    for turn in &document.turns {
        let resumed = if turn.resumes { ", resuming" } else { "" };
        let _ = writeln!(
            text,
            "\n{} {}",
            style.strong(&format!("turn {}{resumed}:", turn.turn)),
            excerpt(&turn.prompt, WIDTH)
        );
        for (index, request) in
            document.requests.iter().enumerate().filter(|(_, request)| request.turn == turn.turn)
        {
            tell_request(&mut text, index, request, style);
        }
        for event in document.events.iter().filter(|event| event.turn == turn.turn) {
            tell_event(&mut text, event, style);
        }
        let exit = turn
            .exit
            .map_or_else(|| turn.signal.clone().unwrap_or_default(), |code| format!("exit code {code}"));
        let _ = writeln!(text, "  end      {} {}", word(&turn.end), style.faint(&exit));
    }
    let changed: Vec<_> =
        document.files.iter().filter(|(_, file)| file.change != Change::Unchanged).collect();
    if !changed.is_empty() {
        let _ = writeln!(text, "\n{}", style.strong("files"));
    }
    for (path, file) in changed {
        let _ = writeln!(text, "  {:<9} {}", word(&file.change), style.place(&excerpt(path, WIDTH)));
    }
    if !verdicts.is_empty() {
        let _ = writeln!(text, "\n{}", style.strong("verdicts"));
    }
    for verdict in verdicts {
        let _ = writeln!(
            text,
            "  {} {}",
            style.outcome(verdict.outcome, &format!("{:>5}", verdict.outcome.word())),
            escape_terminal(&verdict.assertion),
        );
    }
    text
}

fn tell_request(text: &mut String, index: usize, request: &Request, style: Style) {
    let step = if request.step == 0 {
        String::new()
    } else {
        format!(" step {} attempt {}", request.step, request.attempt)
    };
    let _ = writeln!(
        text,
        "  request  {} {}{} {}",
        style.place(&format!("requests[{index}]")),
        escape_terminal(&request.lane),
        step,
        style.faint(&format!(
            "{} items, {}, answered {} {}",
            request.transcript.len(),
            request.transport,
            request.reply.status,
            excerpt(&request.reply.detail, WIDTH)
        )),
    );
    for item in &request.reply.items {
        let said = match item {
            Item::Message { text, .. } => format!("says {}", excerpt(text, WIDTH)),
            Item::Call { tool, input, .. } => {
                format!("calls {} {}", excerpt(tool, WIDTH), excerpt(&input.to_string(), WIDTH))
            }
            Item::Reasoning { text } => format!("thinks {}", excerpt(text, WIDTH)),
            Item::Result { .. } | Item::Other { .. } => continue,
        };
        let _ = writeln!(text, "    model  {said}");
    }
}

fn tell_event(text: &mut String, event: &Event, style: Style) {
    if event.phase == Phase::Started && event.kind != EventKind::Session {
        return;
    }
    let said = event.text.as_deref().or(event.command.as_deref()).map(|said| excerpt(said, WIDTH));
    let said = said
        .or_else(|| (!event.paths.is_empty()).then(|| excerpt(&event.paths.join(", "), WIDTH)))
        .unwrap_or_default();
    let exit = event.exit.map(|code| format!(" (exit code {code})")).unwrap_or_default();
    let _ = writeln!(text, "  event    {} {said}{}", style.place(&word(&event.kind)), style.faint(&exit));
}

/// The word a value has in the document.
fn word(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{FileChange, Turn};

    #[test]
    fn a_recording_reads_like_a_story_and_drives_no_terminal() {
        let mut document = Document::default();
        document.turns.push(Turn {
            turn: 1,
            prompt: "do \x1b[2J it".into(),
            exit: Some(0),
            ..Turn::default()
        });
        document.requests.push(Request {
            turn: 1,
            lane: "main".into(),
            step: 1,
            attempt: 2,
            ..Request::default()
        });
        document.events.push(Event {
            turn: 1,
            kind: EventKind::Message,
            text: Some("done".into()),
            ..Event::default()
        });
        document.files.insert("a".into(), FileChange { change: Change::Added, ..FileChange::default() });
        let text = timeline(&document, &[], Style::Plain);
        for expected in [
            "turn 1: do \\u{1b}[2J it",
            "requests[0] main step 1 attempt 2",
            "message done",
            "exited exit code 0",
            "added     a",
        ] {
            assert!(text.contains(expected), "{expected} in {text}");
        }
        assert!(!text.contains('\x1b'));
    }
}
