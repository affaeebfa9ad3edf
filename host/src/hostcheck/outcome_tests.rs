//! What real agents did when a server misbehaved, and what is concluded from it: all rows of the measurements of failure
//! behaviour (codex 0.169.0, claude 2.1.197, gemini 0.61.0, opencode 1.18.33, pi 0.73.1).
//!
//! These are documents, not runs: most rows take minutes with the real programs. Those that are run as well are named in
//! docs/agents.md. A refused connection can't be made by a scenario at all, because the server listens as long as an
//! agent lives.

use serde_json::json;

use super::*;
use crate::document::{Exceeded, Measure, Reply, Request, TurnInterrupt};

const AGENTS: [&str; 5] = ["codex", "claude", "gemini", "opencode", "pi"];

/// What the server does; status and code of its last reply (`-`: no request arrived); then a cell for each agent.
///
/// A cell is how the process ended (an exit code, `late` or `mute` where the host ended it at the time limit or for its
/// silence), what its terminal event said (`C`ompleted, `F`ailed, `-` none), and what is concluded: `done`, the category
/// of its failure, or the outcome. `@200` before it: its last reply was a good one. `.`: not of this agent.
const TABLE: &str = "
400                                | 400                         | 1 F agent-error | 1 F agent-error | 144 F agent-error | 1 F agent-error | 0 F agent-error
400, its code                      | 400 invalid_request_error   | 1 F agent-error | 1 F agent-error | 144 F agent-error | 1 F agent-error | 0 F agent-error
401                                | 401                         | 1 F auth-or-proxy | 1 F auth-or-proxy | 145 F auth-or-proxy | 1 F auth-or-proxy | 0 F auth-or-proxy
404                                | 404                         | 1 F invalid-model | 1 F invalid-model | 1 F invalid-model | 1 F invalid-model | 0 F invalid-model
404, with a general code           | 404 invalid_request_error   | 1 F invalid-model | 1 F invalid-model | 1 F invalid-model | 1 F invalid-model | 0 F invalid-model
429, retry-after 1                 | 429 rate_limit_error        | 1 F short-rate-limit | 1 F short-rate-limit | 173 F short-rate-limit | 1 F short-rate-limit | 0 F short-rate-limit
429 usage_limit_reached            | 429 usage_limit_reached     | 1 F usage-limit | . | . | . | .
500                                | 500 server_error            | 1 F transient-infra | 1 F transient-infra | 244 F transient-infra | 1 F transient-infra | 0 F transient-infra
503                                | 503 server_error            | 1 F provider-overloaded | 1 F provider-overloaded | 247 F provider-overloaded | 1 F provider-overloaded | 0 F provider-overloaded
503 server_is_overloaded           | 503 server_is_overloaded    | 1 F provider-overloaded | . | . | . | .
529 overloaded_error               | 529 overloaded_error        | . | 1 F provider-overloaded | . | . | .
429, 500 or 503 once, then ok      | 200                         | 0 C done | 0 C done | 0 C done | 0 C done | 0 C done
stream cut in the first block      | 200 cut                     | 1 F transient-infra | @200 0 C done | 1 F transient-infra | late - timed-out | 0 F transient-infra
stream cut after a finished block  | 200 cut                     | 1 F transient-infra | 1 F transient-infra | 1 F transient-infra | late - timed-out | 0 F transient-infra
clean end before the end marker    | 200 wire                    | 1 F transient-infra | @200 0 C done | 0 F transient-infra | late - timed-out | 0 C done
malformed data line, then good     | 200 wire                    | 0 C done | @200 0 C done | 1 F transient-infra | 1 F transient-infra | 0 F transient-infra
error event in the stream          | 200 failed server_error     | 1 F transient-infra | @200 0 C done | 0 F transient-infra | late - timed-out | 0 F transient-infra
bare error event                   | 200 wire                    | 1 F transient-infra | . | . | . | .
hang after some bytes              | 200 wire                    | 1 F transient-infra | mute - stalled | mute - stalled | late - timed-out | mute - stalled
hang before headers                | 200 wire                    | mute - stalled | late - timed-out | mute - stalled | late - timed-out | 0 F transient-infra
connection refused                 | -                           | late - timed-out | late - timed-out | late - timed-out | late - timed-out | 0 F unidentified-issue
failed: context_length_exceeded    | 200 context_length_exceeded | 1 F agent-error | . | . | . | .
failed: insufficient_quota         | 200 insufficient_quota      | 1 F usage-limit | . | . | . | .
failed: invalid_prompt             | 200 invalid_prompt          | 1 F agent-error | . | . | . | .
failed: server_is_overloaded       | 200 server_is_overloaded    | 1 F provider-overloaded | . | . | . | .
failed: rate_limit_exceeded        | 200 rate_limit_exceeded     | 1 F short-rate-limit | . | . | . | .
failed without closing             | 200 server_error            | 1 F transient-infra | . | . | . | .
failed, then completed             | 200 server_error            | 0 C done | . | . | . | .
incomplete                         | 200                         | 1 F unidentified-issue | . | . | . | .
completed with nothing in it       | 200                         | 0 C done | . | . | . | .
";

/// A turn of one request, and of a message that must not be taken for evidence.
fn document(turn: Turn, reply: Option<(u16, &str)>) -> Document {
    let mut document = Document { turns: vec![Turn { turn: 1, ..turn }], ..Document::default() };
    if let Some((status, detail)) = reply {
        let kind = if status < 400 && detail.is_empty() { ReplyKind::Step } else { ReplyKind::Fault };
        let reply = Reply { status, detail: detail.to_owned(), kind, ..Reply::default() };
        document.requests.push(Request { turn: 1, lane: "main".into(), reply, ..Request::default() });
    }
    document.events.push(Event {
        turn: 1,
        kind: EventKind::Message,
        text: Some("usage limit reached: quota, overloaded, unauthorized".to_owned()),
        raw: json!({"code": "usage_limit_reached"}),
        ..Event::default()
    });
    document
}

/// `done`, the category, or the outcome; then the source of the evidence.
fn told(document: &Document) -> (String, Option<EvidenceSource>) {
    let found = outcome(document, 0);
    let word = |value: Value| value.as_str().unwrap().to_owned();
    let said = match (found.kind, found.category) {
        (OutcomeKind::Completed, _) => "done".to_owned(),
        (_, Some(category)) => word(json!(category)),
        (kind, None) => word(json!(kind)),
    };
    (said, found.evidence.map(|evidence| evidence.source))
}

#[test]
fn the_truth_table_of_measured_failures() {
    for row in TABLE.lines().filter(|line| !line.is_empty()) {
        let mut columns = row.split('|').map(str::trim);
        let (does, last) = (columns.next().unwrap(), columns.next().unwrap());
        let last = (last != "-").then(|| last.split_once(' ').unwrap_or((last, "")));
        let cells: Vec<_> = columns.collect();
        assert_eq!(cells.len(), AGENTS.len(), "{does}");
        for (agent, cell) in AGENTS.iter().zip(cells).filter(|(_, cell)| *cell != ".") {
            let (reply, cell) = match cell.strip_prefix("@200 ") {
                Some(rest) => (Some((200, "")), rest),
                None => (last.map(|(status, detail)| (status.parse().unwrap(), detail)), cell),
            };
            let [ended, terminal, wanted] = cell.split(' ').collect::<Vec<_>>()[..] else { panic!("{cell}") };
            let turn = Turn {
                exit: ended.parse().ok(),
                end: match ended {
                    "late" => EndCause::Timeout,
                    "mute" => EndCause::Stalled,
                    _ => EndCause::Exited,
                },
                terminal: match terminal {
                    "C" => Some(Terminal::Completed),
                    "F" => Some(Terminal::Failed),
                    _ => None,
                },
                ..Turn::default()
            };
            let (said, source) = told(&document(turn, reply));
            assert_eq!(said, wanted, "{does}: {agent}");
            let is_failure = terminal == "F";
            let by =
                if wanted == "unidentified-issue" { EvidenceSource::Process } else { EvidenceSource::Reply };
            assert_eq!(source, is_failure.then_some(by), "{does}: {agent}");
        }
    }
}

#[test]
fn without_a_reply_to_go_by_fields_come_before_words() {
    use EvidenceSource::{EventField, EventText, Process};
    let field = |raw: Value| (raw, None);
    let text = |text: &str| (Value::Null, Some(text.to_owned()));
    for (terminal, (raw, text), wanted, source) in [
        (true, (json!({"api_error_status": 401}), Some("fetch failed".into())), "auth-or-proxy", EventField),
        (
            true,
            field(json!({"error": {"name": "APIError", "data": {"statusCode": 429}}})),
            "short-rate-limit",
            EventField,
        ),
        (true, field(json!({"status": 404, "code": "invalid_request_error"})), "invalid-model", EventField),
        (true, field(json!({"code": "invalid_request_error"})), "agent-error", EventField),
        (true, text("fetch failed: ECONNREFUSED"), "transient-infra", EventText),
        (true, text("You've hit your usage limit."), "usage-limit", EventText),
        (true, text("429 You've hit your usage limit."), "usage-limit", EventText),
        (true, text("401 this key is refused"), "auth-or-proxy", EventText),
        (
            true,
            text(r#"[API Error: {"error":{"code":401,"status":"UNAUTHENTICATED"}}]"#),
            "auth-or-proxy",
            EventText,
        ),
        (true, text("100 items were refused"), "unidentified-issue", Process),
        (true, text("no"), "unidentified-issue", Process),
        // No terminal event: gemini wants to sign in, opencode has no such session.
        (false, text("unauthorized"), "auth-or-proxy", EventText),
        (false, text("no"), "incomplete-finalization", Process),
    ] {
        let terminal = terminal.then_some(Terminal::Failed);
        let mut document = document(Turn { terminal, exit: Some(1), ..Turn::default() }, None);
        let said = text.clone();
        document.events.push(Event { turn: 1, kind: EventKind::Error, text, raw, ..Event::default() });
        assert_eq!(told(&document), (wanted.to_owned(), Some(source)), "{said:?}");
    }
}

#[test]
fn who_ends_for_an_interrupt_was_interrupted() {
    let end = |signal| if signal { EndCause::Signal } else { EndCause::Exited };
    let (completed, failed) = (Some(Terminal::Completed), Some(Terminal::Failed));
    // Agent and signal; whether a signal ended it, and its terminal event.
    for (what, by_signal, terminal, wanted) in [
        ("codex INT", false, None, "interrupted"),
        ("codex TERM", true, None, "interrupted"),
        ("claude INT", false, failed, "interrupted"),
        ("claude TERM", false, None, "interrupted"),
        ("gemini INT", false, None, "interrupted"),
        ("opencode INT", true, None, "interrupted"),
        ("pi TERM", false, None, "interrupted"),
        ("one that goes on and completes", false, completed, "done"),
    ] {
        let interrupt = Some(TurnInterrupt { action: "INT".into(), sent: true, ended: true });
        let turn = Turn { end: end(by_signal), terminal, interrupt, ..Turn::default() };
        assert_eq!(told(&document(turn.clone(), Some((200, "")))).0, wanted, "{what}");
        let never = Some(TurnInterrupt { sent: false, ..TurnInterrupt::default() });
        let before = told(&document(Turn { interrupt: never, ..turn }, Some((200, "")))).0;
        assert_ne!(before, "interrupted", "{what}, before it could be");
    }
}

#[test]
fn what_ended_it_comes_before_what_it_said() {
    for (end, kind) in [
        (EndCause::Timeout, OutcomeKind::TimedOut),
        (EndCause::Stalled, OutcomeKind::Stalled),
        (EndCause::Signal, OutcomeKind::Crashed),
        (EndCause::OutputLimit, OutcomeKind::BudgetExhausted),
        (EndCause::BudgetExhausted, OutcomeKind::BudgetExhausted),
        (EndCause::Interrupted, OutcomeKind::Interrupted),
        (EndCause::NotStarted, OutcomeKind::Failed),
    ] {
        let turn = Turn { turn: 1, end, terminal: Some(Terminal::Completed), ..Turn::default() };
        let document = Document { turns: vec![turn], ..Document::default() };
        assert_eq!(outcome(&document, 0).kind, kind, "{end:?}");
    }
    let empty = Document { turns: vec![Turn { turn: 1, ..Turn::default() }], ..Document::default() };
    assert_eq!(outcome(&empty, 0).category, Some(FailureCategory::HarnessLaunch));
}

#[test]
fn a_budget_that_was_passed_comes_before_all_else() {
    let exceeded = Exceeded { level: crate::document::BudgetLevel::Turn, measure: Measure::Tokens, limit: 3 };
    let turn = Turn { exceeded: Some(exceeded), terminal: Some(Terminal::Completed), ..Turn::default() };
    let said = told(&document(turn, Some((200, ""))));
    assert_eq!(said, ("budget-exhausted".to_owned(), Some(EvidenceSource::Limit)));
}
