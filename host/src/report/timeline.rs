//! One recording for people: turn by turn, what the agent was asked, what reached the server, what it printed, what
//! became of the files, what was concluded. One line each; the numbers are those of the document's positions, and the
//! flags of `show` take them.

use super::aftermath::aftermath;
use super::causal::{Entry, causal_order, is_failure};
use super::items::{tell_short, word};
use super::layout::{Layout, counted};
use super::news::{arrival, new_items, news};
use super::part::NoSuchPart;
use crate::document::{Document, Event, EventKind, Item, Phase, ReplyKind, Request, Role, Turn};
use crate::value::Verdict;

/// New items of a request that are told; the rest is counted.
const ITEMS_TOLD: usize = 6;

/// The whole recording, or one turn of it.
///
/// # Errors
/// When there is no such turn.
pub fn timeline(
    document: &Document,
    verdicts: &[Verdict],
    turn: Option<u32>,
    layout: Layout,
) -> Result<String, NoSuchPart> {
    let mut out = String::new();
    let agent = &document.agent;
    let version = agent.version.as_deref().map(|version| format!(" {version}")).unwrap_or_default();
    let line = layout.line(0).strong(&document.scenario.name);
    if document.scenario.served {
        line.plain(", served to whoever asked, in the words of ").strong(&agent.profile).end(&mut out);
    } else {
        line.plain(" on ")
            .strong(&agent.name)
            .plain(&format!(" ({}{version}, {})", agent.profile, agent.transport))
            .end(&mut out);
    }
    if !document.scenario.summary.is_empty() {
        layout.line(0).faint(&document.scenario.summary).end(&mut out);
    }
    for wanted in turns(document, turn)? {
        tell_turn(&mut out, document, wanted, layout);
    }
    if turn.is_some() {
        return Ok(out);
    }
    tell_early(&mut out, document, layout);
    aftermath(&mut out, document, verdicts, layout);
    Ok(out)
}

/// The turns asked for.
pub(super) fn turns(document: &Document, turn: Option<u32>) -> Result<Vec<&Turn>, NoSuchPart> {
    let Some(wanted) = turn else { return Ok(document.turns.iter().collect()) };
    let found: Vec<_> = document.turns.iter().filter(|turn| turn.turn == wanted).collect();
    if found.is_empty() {
        let asked = usize::try_from(wanted).unwrap_or(usize::MAX);
        return Err(NoSuchPart { kind: "turn", asked, count: document.turns.len(), first: 1 });
    }
    Ok(found)
}

fn tell_turn(out: &mut String, document: &Document, turn: &Turn, layout: Layout) {
    let resumes = if turn.resumes { ", resuming" } else { "" };
    out.push('\n');
    layout.line(0).strong(&format!("turn {}{resumes}:", turn.turn)).plain(" ").plain(&turn.prompt).end(out);
    for entry in causal_order(document, turn.turn) {
        match entry {
            Entry::Request(position) => tell_request(out, document, position, layout),
            Entry::Event(position) => tell_event(out, document, position, layout),
        }
    }
    for stream in document.stderr.iter().filter(|stream| stream.turn == turn.turn && stream.bytes > 0) {
        let first = stream.text.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
        layout.line(2).faint(&format!("stderr, {} bytes: {first}", stream.bytes)).end(out);
    }
    let exit = match (turn.exit, &turn.signal) {
        (Some(code), _) => format!(", exit code {code}"),
        (None, Some(signal)) => format!(", {signal}"),
        (None, None) => String::new(),
    };
    let position = usize::try_from(turn.turn.saturating_sub(1)).unwrap_or(usize::MAX);
    let took = document.timing.turns_ms.get(position).map(|ms| format!(" after {ms} ms")).unwrap_or_default();
    let terminal =
        turn.terminal.as_ref().map(|terminal| format!(", said it {}", word(terminal))).unwrap_or_default();
    layout
        .line(2)
        .strong("end")
        .plain(&format!(" {}{exit}{terminal}", word(&turn.end)))
        .faint(&took)
        .end(out);
}

/// Requests that belong to no turn that was recorded.
fn tell_early(out: &mut String, document: &Document, layout: Layout) {
    let known = |request: &Request| document.turns.iter().any(|turn| turn.turn == request.turn);
    let served = document.scenario.served;
    let order = if served { arrival(document) } else { (0..document.requests.len()).collect() };
    let mut early = order.into_iter().filter(|at| !known(&document.requests[*at])).peekable();
    if early.peek().is_some() || served {
        out.push('\n');
        let title = match (served, early.peek()) {
            (false, _) => "outside of all turns",
            (true, Some(_)) => "requests in the order in which they came",
            (true, None) => "no request came",
        };
        layout.line(0).strong(title).end(out);
    }
    for position in early {
        tell_request(out, document, position, layout);
    }
}

fn tell_request(out: &mut String, document: &Document, position: usize, layout: Layout) {
    let request = &document.requests[position];
    let news = news(document, position);
    layout
        .line(2)
        .place(&format!("requests[{position}]"))
        .plain(&format!(" {}", reached(request)))
        .faint(&format!(", {} over {}", counted(request.transcript.len(), "item"), request.transport))
        .end(out);
    for change in &news.changes {
        layout.line(4).faint(&format!("changed: {change}")).end(out);
    }
    if news.gone > 0 {
        layout
            .line(4)
            .wrong(&format!("history rewritten: {} gone", counted(news.gone, "earlier item")))
            .end(out);
    }
    let telling = |item: &&Item| {
        !matches!(item, Item::Message { role: Role::System | Role::Developer, .. } | Item::Other { .. })
    };
    let new: Vec<_> = new_items(request, &news).iter().filter(telling).collect();
    for item in new.iter().rev().take(ITEMS_TOLD).rev() {
        tell_short(out, layout.line(4).faint("sends "), item);
    }
    for wrong in wrong_with(document, position) {
        layout.line(4).wrong(&wrong).end(out);
    }
    tell_answer(out, request, 4, layout);
    for item in &request.reply.items {
        tell_short(out, layout.line(4).faint("model "), item);
    }
}

/// Which step a request reached.
pub(super) fn reached(request: &Request) -> String {
    let conversation = if request.conversation > 1 {
        format!(" conversation {}", request.conversation)
    } else {
        String::new()
    };
    match (request.step, request.attempt) {
        (0, _) => format!("{}{conversation}, no step", request.lane),
        (step, 0 | 1) => format!("{}{conversation} step {step}", request.lane),
        (step, attempt) => format!("{}{conversation} step {step} attempt {attempt}", request.lane),
    }
}

/// What a request was answered.
pub(super) fn answered(request: &Request) -> String {
    let detail = if request.reply.detail.is_empty() { "" } else { ": " };
    format!(
        "answered {} ({}){detail}{}",
        request.reply.status,
        word(&request.reply.kind),
        request.reply.detail
    )
}

/// How a request was answered, where that was no plain reply of its step.
pub(super) fn tell_answer(out: &mut String, request: &Request, indent: usize, layout: Layout) {
    let reply = &request.reply;
    let line = layout.line(indent);
    if is_failure(reply) {
        line.wrong(&answered(request)).end(out);
    } else if reply.kind != ReplyKind::Step || reply.items.is_empty() {
        line.faint(&answered(request)).end(out);
    }
}

/// What is wrong with a request itself, and why it did not fit the script.
pub(super) fn wrong_with(document: &Document, position: usize) -> Vec<String> {
    let request = &document.requests[position];
    let violations = request.violations.iter().map(|wrong| format!("{}: {}", wrong.code, wrong.message));
    let unfit = document.script.unmatched.iter().chain(&document.script.unexpected);
    let unfit = unfit
        .filter(|unfit| unfit.request == position)
        .map(|unfit| format!("step {} expected otherwise: {}", unfit.nearest_step, unfit.difference));
    let surplus = document.script.surplus.iter().filter(|surplus| **surplus == position);
    let surplus = surplus.map(|_| "surplus: the step's reply had been served in full".to_owned());
    let tools = document.script.not_offered.iter().filter(|tool| tool.request == position);
    let tools = tools.map(|tool| format!("the script calls `{}`, which it does not offer", tool.tool));
    violations.chain(unfit).chain(surplus).chain(tools).collect()
}

fn tell_event(out: &mut String, document: &Document, position: usize, layout: Layout) {
    let event = &document.events[position];
    if !is_told(document, position) {
        return;
    }
    let said = event.text.as_deref().or(event.command.as_deref()).map(str::to_owned);
    let said = said.or_else(|| (!event.paths.is_empty()).then(|| event.paths.join(", ")));
    let session = || document.turns.iter().find(|turn| turn.turn == event.turn)?.session.clone();
    let said = said.or_else(|| if event.kind == EventKind::Session { session() } else { None });
    let said = said.unwrap_or_default();
    let kind =
        if matches!(event.kind, EventKind::Other) { event.type_name.clone() } else { word(&event.kind) };
    let line = layout.line(2).place(&format!("events[{position}]")).plain(" ");
    let line = match (event.kind, event.phase) {
        (EventKind::Error, _) | (_, Phase::Failed) => line.wrong(&kind),
        _ => line.strong(&kind),
    };
    let phase = match event.phase {
        Phase::Instant => String::new(),
        Phase::Completed if event.kind != EventKind::Turn => String::new(),
        phase => format!(" {}", word(&phase)),
    };
    let exit = event.exit.map(|code| format!("exit code {code}: ")).unwrap_or_default();
    line.faint(&phase).plain(" ").faint(&exit).plain(said.trim()).end(out);
}

/// Beginnings whose end is told too say nothing more.
fn is_told(document: &Document, position: usize) -> bool {
    let event = &document.events[position];
    let ends = |other: &Event| {
        other.turn == event.turn
            && other.kind == event.kind
            && other.call == event.call
            && matches!(other.phase, Phase::Completed | Phase::Failed)
    };
    !matches!(event.phase, Phase::Started | Phase::Updated) || !document.events[position..].iter().any(ends)
}

#[cfg(test)]
mod tests {
    use super::super::Style;
    use super::super::fixture::document;
    use super::*;
    use crate::value::{Finding, Outcome, Place};

    const LAYOUT: Layout = Layout { style: Style::Plain, width: 80 };

    #[test]
    fn a_recording_reads_like_a_story_and_drives_no_terminal() {
        let verdict = Verdict {
            assertion: "std/file".into(),
            outcome: Outcome::Fail,
            error: None,
            findings: vec![Finding {
                outcome: Outcome::Fail,
                message: "the file differs".into(),
                at: vec![Place { path: "$['files']['notes.txt']".into(), ..Place::default() }],
                expected: None,
                extra: String::new(),
            }],
            findings_dropped: 0,
            attempts: Vec::new(),
            log: vec![],
            receipt: None,
        };
        assert_eq!(
            timeline(&document(), &[verdict], None, LAYOUT).unwrap(),
            r#"area/slug on example (example 1.0, http)
One edit.

turn 1: Change \u{1b}[2J notes.txt.
  events[0] session
  requests[0] main step 1, 2 items over http
    sends user Change \u{1b}[2J notes.txt.
    model calls shell as edit: {"command":"echo after"}
  events[2] command exit code 0: echo after
  requests[1] main step 2, 4 items over http
    sends result of edit: line 1\nline 2
    answered 503 (fault): status 503
  events[3] error Reconnecting
  requests[2] main step 2 attempt 2, 4 items over http
    model says Done.
  events[4] message Done.
  stderr, 5 bytes: warn
  end exited, exit code 0 after 20 ms

files
  modified  notes.txt  14 → 13 bytes

verdicts
   fail std/file
        the file differs
        at $.files["notes.txt"]
"#
        );
    }

    #[test]
    fn a_served_script_is_told_by_its_requests_in_their_order() {
        let mut document = document();
        document.scenario.served = true;
        document.turns.clear();
        document.timing.arrival = vec![2, 0, 1];
        let text = timeline(&document, &[], None, LAYOUT).unwrap();
        let told: Vec<_> =
            text.lines().filter(|line| line.starts_with("  requests[")).map(|line| &line[..13]).collect();
        assert_eq!(told, ["  requests[2]", "  requests[0]", "  requests[1]"], "{text}");
        assert!(text.starts_with("area/slug, served to whoever asked, in the words of example\n"), "{text}");
        assert!(!text.contains("turn"), "{text}");
        document.requests.clear();
        assert!(timeline(&document, &[], None, LAYOUT).unwrap().contains("no request came"));
    }

    #[test]
    fn one_turn_is_told_alone_and_a_missing_one_is_counted() {
        let one = timeline(&document(), &[], Some(1), LAYOUT).unwrap();
        assert!(one.contains("events[4] message") && !one.contains("files"), "{one}");
        let error = timeline(&document(), &[], Some(2), LAYOUT).unwrap_err();
        assert_eq!(error.to_string(), "there is no turn 2: the recording has one turn, number 1");
    }

    #[test]
    fn no_line_is_longer_than_the_terminal() {
        let mut document = document();
        document.events[4].text = Some("long ".repeat(1_000));
        document.agent.name = "n".repeat(300);
        let text = timeline(&document, &[], None, Layout { width: 40, ..LAYOUT }).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
    }

    #[test]
    fn a_beginning_without_an_end_is_told() {
        let mut document = document();
        document.events.remove(2);
        let text = timeline(&document, &[], None, LAYOUT).unwrap();
        assert!(text.contains("events[1] command started echo after"), "{text}");
    }

    #[test]
    fn what_the_script_did_not_expect_is_told_where_it_happened() {
        let mut document = document();
        document.requests[1].turn = 0;
        document.script.surplus.push(1);
        document.script.unmatched.push(crate::document::UnmatchedRequest {
            request: 1,
            nearest_step: 2,
            difference: "no result".into(),
        });
        let text = timeline(&document, &[], None, LAYOUT).unwrap();
        let end = text.split("outside of all turns\n").nth(1).unwrap();
        assert!(end.contains("step 2 expected otherwise: no result"), "{text}");
        assert!(end.contains("surplus"), "{text}");
    }
}
