//! `session-resumed`: a later turn went on with the first turn's session and brought its conversation along.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Node, Report, path};

/// See the module.
pub struct SessionResumed;

/// What it demands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    turn: Option<NonZeroU32>,
}

impl Assertion for SessionResumed {
    const NAME: &'static str = "session-resumed";
    const SUMMARY: &'static str = "went on with the session of turn 1 and remembered it";
    const READS: &'static [&'static str] = &[
        "turns.turn",
        "turns.prompt",
        "turns.session",
        "requests.turn",
        "requests.lane",
        "requests.session",
        "requests.transcript",
        "requests.reply",
    ];
    const SCHEMA: &'static str = include_str!("../schemas/session-resumed.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let later = parameters.turn.map_or(2, NonZeroU32::get);
        if later < 2 {
            return Err("parameters: `turn` is at least 2: turn 1 resumes nothing".to_owned());
        }
        let first_turn = Turn::read(evidence, 1)?;
        let later_turn = Turn::read(evidence, later)?;
        let Some(session) = first_turn.session.clone().filter(|session| !session.is_empty()) else {
            report.fail(&first_turn.node, "turn 1 printed no session", "a session identifier");
            return Ok(());
        };
        let at = path::member(&first_turn.node.path, "session");
        report.pass(&at, "turn 1 printed its session");
        same(report, &later_turn.node, later_turn.session.as_deref(), &session, &format!("turn {later}"));

        let section = evidence.section("requests")?;
        let request = format!("$.requests[?@.lane == 'main' && @.turn == {later}]");
        let Some(request) = evidence.first(&request)? else {
            report.fail(&section, format!("turn {later} sent no request of lane `main`"), "a request");
            return Ok(());
        };
        let value: Value = request.read()?;
        let named = value.get("session").and_then(Value::as_str);
        same(report, &request, named, &session, &format!("the first request of turn {later}"));

        let items = value.get("transcript").and_then(Value::as_array).cloned().unwrap_or_default();
        let transcript = path::member(&request.path, "transcript");
        remembered(&Memory::of(&first_turn, &later_turn, evidence)?, &items, &transcript, report);
        Ok(())
    }
}

/// One entry of `turns`.
struct Turn {
    node: Node,
    prompt: String,
    session: Option<String>,
}

impl Turn {
    fn read(evidence: &Evidence, turn: u32) -> Result<Self, String> {
        let node = evidence.one(&format!("$.turns[?@.turn == {turn}]"))?;
        let value: Value = node.read()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let prompt = text("prompt").filter(|prompt| !prompt.is_empty());
        let prompt = prompt.ok_or_else(|| format!("turn {turn} has no prompt to look for"))?;
        Ok(Self { prompt, session: text("session"), node })
    }
}

/// Both members of a node at once: it says which session, and that must be the one of turn 1.
fn same(report: &mut Report, node: &Node, said: Option<&str>, session: &str, who: &str) {
    match said {
        Some(said) => {
            let holds = said == session;
            let message = if holds {
                format!("{who} names the session of turn 1")
            } else {
                format!("{who} names another session than turn 1")
            };
            report.demand(holds, &path::member(&node.path, "session"), message, session);
        }
        None => report.fail(node, format!("{who} names no session"), session),
    }
}

/// What the later turn must bring along, in this order.
struct Memory {
    first_prompt: String,
    /// What the server emitted as assistant text in turn 1.
    answers: Vec<String>,
    later_prompt: String,
}

impl Memory {
    fn of(first: &Turn, later: &Turn, evidence: &Evidence) -> Result<Self, String> {
        let texts = evidence.query(
            "$.requests[?@.lane == 'main' && @.turn == 1 && @.reply.kind == 'step'].reply.items[?@.kind == 'message' && @.role == 'assistant'].text",
        )?;
        let answers: Result<Vec<String>, String> = texts.iter().map(Node::read).collect();
        Ok(Self {
            first_prompt: first.prompt.clone(),
            answers: answers?.into_iter().filter(|text| !text.is_empty()).collect(),
            later_prompt: later.prompt.clone(),
        })
    }
}

/// Each part must come after the one before, and the later prompt is the last of its kind.
fn remembered(memory: &Memory, items: &[Value], transcript: &str, report: &mut Report) {
    let find = |role: &str, text: &str, from: usize| {
        (from..items.len()).find(|index| says(&items[*index], role, text))
    };
    let Some(first) = find("user", &memory.first_prompt, 0) else {
        report.fail(transcript, "the prompt of turn 1 is not in the conversation", &memory.first_prompt);
        return;
    };
    report.pass(&path::element(transcript, first), "the prompt of turn 1 is in the conversation");
    let last =
        (first + 1..items.len()).rev().find(|index| says(&items[*index], "user", &memory.later_prompt));
    let Some(last) = last else {
        let message = "the later turn's own prompt does not come after that of turn 1";
        report.fail(transcript, message, &memory.later_prompt);
        return;
    };
    let mut from = first + 1;
    for answer in &memory.answers {
        match find("assistant", answer, from).filter(|index| *index < last) {
            Some(index) => {
                report.pass(&path::element(transcript, index), "an answer of turn 1 is in the conversation");
                from = index + 1;
            }
            None => report.fail(
                transcript,
                "an answer of turn 1 is not in the conversation before the later prompt",
                answer,
            ),
        }
    }
}

fn says(item: &Value, role: &str, text: &str) -> bool {
    let member = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
    member("kind") == "message" && member("role") == role && member("text").contains(text)
}
