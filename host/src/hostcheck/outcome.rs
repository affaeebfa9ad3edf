//! What became of the agent in each turn, concluded from the document alone and apart from any verdict.
//!
//! Structured evidence comes before words: first what the server answered to the turn's last request, then statuses
//! and codes in the agent's own error events, then words in their texts. Exit codes are never more than a hint: some
//! agents exit with 0 when they failed. What stands in messages, commands and tool output is the model's or the
//! world's text and never evidence.

use serde_json::Value;

use crate::document::{
    AgentOutcome, Document, EndCause, Event, EventKind, EvidenceSource, FailureCategory, OutcomeEvidence,
    OutcomeKind, Phase, ReplyKind, Terminal, Turn,
};

/// The outcome of the turn at a position of `turns`.
pub fn outcome(document: &Document, position: usize) -> AgentOutcome {
    let Some(turn) = document.turns.get(position) else { return AgentOutcome::default() };
    let of = |kind| AgentOutcome { kind, ..AgentOutcome::default() };
    let failed = |kind, category, evidence| AgentOutcome {
        kind,
        category: Some(category),
        evidence: Some(evidence),
        connected: None,
    };
    let limit = |place: String| AgentOutcome {
        evidence: Some(OutcomeEvidence { source: EvidenceSource::Limit, place, status: None }),
        ..of(OutcomeKind::BudgetExhausted)
    };
    if turn.exceeded.is_some() {
        return limit(format!("$['turns'][{position}]['exceeded']"));
    }
    match (turn.end, turn.terminal) {
        (EndCause::NotStarted, _) => {
            failed(OutcomeKind::Failed, FailureCategory::HarnessLaunch, process(position))
        }
        (EndCause::Interrupted, _) => of(OutcomeKind::Interrupted),
        (EndCause::OutputLimit | EndCause::BudgetExhausted, _) => {
            limit(format!("$['turns'][{position}]['end']"))
        }
        (EndCause::Stalled, _) => of(OutcomeKind::Stalled),
        (EndCause::Timeout, _) => of(OutcomeKind::TimedOut),
        (EndCause::Signal, _) => of(OutcomeKind::Crashed),
        (EndCause::Exited, Some(Terminal::Completed)) => of(OutcomeKind::Completed),
        (EndCause::Exited, Some(Terminal::Failed)) => {
            let (category, evidence) = cause(document, turn)
                .unwrap_or_else(|| (FailureCategory::UnidentifiedIssue, process(position)));
            failed(OutcomeKind::Failed, category, evidence)
        }
        (EndCause::Exited, None) => {
            let (category, evidence) =
                cause(document, turn).unwrap_or_else(|| (silent(document, turn), process(position)));
            failed(OutcomeKind::Incomplete, category, evidence)
        }
    }
}

fn process(position: usize) -> OutcomeEvidence {
    OutcomeEvidence {
        source: EvidenceSource::Process,
        place: format!("$['turns'][{position}]"),
        status: None,
    }
}

/// Ended without a word: before it did anything, or after.
fn silent(document: &Document, turn: &Turn) -> FailureCategory {
    let did_nothing = !document.requests.iter().any(|request| request.turn == turn.turn)
        && !document.events.iter().any(|event| event.turn == turn.turn && event.kind != EventKind::Text);
    if did_nothing { FailureCategory::HarnessLaunch } else { FailureCategory::IncompleteFinalization }
}

fn cause(document: &Document, turn: &Turn) -> Option<(FailureCategory, OutcomeEvidence)> {
    by_reply(document, turn).or_else(|| by_events(document, turn))
}

/// What the server answered to the last request of the turn's main lane.
fn by_reply(document: &Document, turn: &Turn) -> Option<(FailureCategory, OutcomeEvidence)> {
    let (position, request) = document
        .requests
        .iter()
        .enumerate()
        .rfind(|(_, request)| request.turn == turn.turn && request.lane == "main")?;
    let reply = &request.reply;
    let category = match (reply.kind, reply.status) {
        (_, 400..) => by_code(&reply.detail).or(by_status(reply.status))?,
        (ReplyKind::Fault, _) => by_code(&reply.detail).unwrap_or(FailureCategory::TransientInfra),
        _ => by_code(&reply.detail)?,
    };
    let evidence = OutcomeEvidence {
        source: EvidenceSource::Reply,
        place: format!("$['requests'][{position}]['reply']"),
        status: (reply.status >= 400).then_some(reply.status),
    };
    Some((category, evidence))
}

/// What the agent's own error events say, the last first: fields before words.
fn by_events(document: &Document, turn: &Turn) -> Option<(FailureCategory, OutcomeEvidence)> {
    let errors = || {
        document.events.iter().enumerate().rev().filter(|(_, event)| {
            let is_failed_turn = event.kind == EventKind::Turn && event.phase == Phase::Failed;
            event.turn == turn.turn && (event.kind == EventKind::Error || is_failed_turn)
        })
    };
    let told = |position: usize, source, status| OutcomeEvidence {
        source,
        place: format!("$['events'][{position}]"),
        status,
    };
    let by_field = errors().find_map(|(position, event)| {
        let (category, status) = fields(event)?;
        Some((category, told(position, EvidenceSource::EventField, status)))
    });
    by_field.or_else(|| {
        errors().find_map(|(position, event)| {
            let category = words(event.text.as_deref()?)?;
            Some((category, told(position, EvidenceSource::EventText, None)))
        })
    })
}

/// Status and code as agents name them in their events.
fn fields(event: &Event) -> Option<(FailureCategory, Option<u16>)> {
    const STATUS: [&str; 6] = [
        "/status",
        "/statusCode",
        "/api_error_status",
        "/error/status",
        "/error/data/statusCode",
        "/error/status_code",
    ];
    const CODE: [&str; 5] = ["/code", "/error/code", "/error/type", "/error", "/error/name"];
    let code = CODE.iter().find_map(|pointer| by_code(event.raw.pointer(pointer).and_then(Value::as_str)?));
    let status = STATUS
        .iter()
        .find_map(|pointer| u16::try_from(event.raw.pointer(pointer)?.as_u64()?).ok())
        .filter(|status| *status >= 400);
    Some((code.or_else(|| by_status(status?))?, status))
}

/// The category of an HTTP status.
fn by_status(status: u16) -> Option<FailureCategory> {
    Some(match status {
        401 | 403 | 407 => FailureCategory::AuthOrProxy,
        402 => FailureCategory::UsageLimit,
        404 => FailureCategory::InvalidModel,
        408 | 500 | 502 | 504 => FailureCategory::TransientInfra,
        429 => FailureCategory::ShortRateLimit,
        503 | 529 => FailureCategory::ProviderOverloaded,
        400..=499 => FailureCategory::AgentError,
        500..=599 => FailureCategory::TransientInfra,
        _ => return None,
    })
}

/// The category of a provider's error code; codes are single words, other texts are none.
fn by_code(code: &str) -> Option<FailureCategory> {
    use FailureCategory::{
        AgentError, AuthOrProxy, InvalidModel, ProviderOverloaded, ShortRateLimit, TransientInfra, UsageLimit,
    };
    const CODES: [(&str, FailureCategory); 22] = [
        ("usage_limit_reached", UsageLimit),
        ("insufficient_quota", UsageLimit),
        ("billing_error", UsageLimit),
        ("rate_limit_exceeded", ShortRateLimit),
        ("rate_limit_error", ShortRateLimit),
        ("rate_limit", ShortRateLimit),
        ("RESOURCE_EXHAUSTED", ShortRateLimit),
        ("server_is_overloaded", ProviderOverloaded),
        ("overloaded_error", ProviderOverloaded),
        ("UNAVAILABLE", ProviderOverloaded),
        ("server_error", TransientInfra),
        ("api_error", TransientInfra),
        ("INTERNAL", TransientInfra),
        ("model_not_found", InvalidModel),
        ("not_found_error", InvalidModel),
        ("invalid_api_key", AuthOrProxy),
        ("authentication_error", AuthOrProxy),
        ("permission_error", AuthOrProxy),
        ("UNAUTHENTICATED", AuthOrProxy),
        ("context_length_exceeded", AgentError),
        ("invalid_prompt", AgentError),
        ("invalid_request_error", AgentError),
    ];
    let is_named =
        |name: &str| code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name);
    CODES.iter().find(|(name, _)| is_named(name)).map(|(_, category)| *category)
}

/// The category of an error text of the agent's own. The strongest words first.
fn words(text: &str) -> Option<FailureCategory> {
    use FailureCategory::{
        AuthOrProxy, InvalidModel, ProviderOverloaded, ShortRateLimit, TransientInfra, UsageLimit,
    };
    const WORDS: [(&str, FailureCategory); 19] = [
        ("usage limit", UsageLimit),
        ("quota", UsageLimit),
        ("too many requests", ShortRateLimit),
        ("rate limit", ShortRateLimit),
        ("overloaded", ProviderOverloaded),
        ("unauthorized", AuthOrProxy),
        ("invalid api key", AuthOrProxy),
        ("forbidden", AuthOrProxy),
        ("proxy", AuthOrProxy),
        ("model not found", InvalidModel),
        ("unknown model", InvalidModel),
        ("stream disconnected", TransientInfra),
        ("stream closed", TransientInfra),
        ("connection closed", TransientInfra),
        ("connection refused", TransientInfra),
        ("terminated", TransientInfra),
        ("timed out", TransientInfra),
        ("econnrefused", TransientInfra),
        ("fetch failed", TransientInfra),
    ];
    let text = text.to_lowercase();
    by_code(&text)
        .or_else(|| WORDS.iter().find(|(word, _)| text.contains(word)).map(|(_, category)| *category))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::document::{Reply, Request};

    /// What a server did and what an agent then printed, as measured (codex 0.169.0, claude 2.1.197, gemini 0.61.0,
    /// opencode 1.18.33, pi 0.73.1): exit code, the last terminal word, its error event.
    struct Case {
        agent: &'static str,
        /// Status and code of the last reply; 200 and "cut" where the stream broke; none where no request arrived.
        reply: Option<(u16, &'static str)>,
        exit: i32,
        terminal: Option<Terminal>,
        error: Option<Value>,
        text: Option<&'static str>,
        kind: OutcomeKind,
        category: Option<FailureCategory>,
        source: Option<EvidenceSource>,
    }

    fn concluded(case: &Case) -> AgentOutcome {
        let mut document = Document::default();
        let turn = Turn { turn: 1, exit: Some(case.exit), terminal: case.terminal, ..Turn::default() };
        document.turns.push(turn);
        if let Some((status, detail)) = case.reply {
            let kind = if status < 400 && detail.is_empty() { ReplyKind::Step } else { ReplyKind::Fault };
            let reply = Reply { status, detail: detail.to_owned(), kind, ..Reply::default() };
            document.requests.push(Request { turn: 1, lane: "main".into(), reply, ..Request::default() });
        }
        // What the model said is never evidence.
        let message = "usage limit reached: quota, overloaded, unauthorized";
        document.events.push(Event {
            turn: 1,
            kind: EventKind::Message,
            text: Some(message.to_owned()),
            raw: json!({"code": "usage_limit_reached"}),
            ..Event::default()
        });
        if case.error.is_some() || case.text.is_some() {
            document.events.push(Event {
                turn: 1,
                kind: EventKind::Error,
                text: case.text.map(str::to_owned),
                raw: case.error.clone().unwrap_or_default(),
                ..Event::default()
            });
        }
        outcome(&document, 0)
    }

    #[test]
    fn the_truth_table_of_measured_failures() {
        use EvidenceSource::{EventField, EventText, Process, Reply as ByReply};
        use FailureCategory::*;
        use OutcomeKind::{Completed, Failed, Incomplete};
        let (done, bad) = (Some(Terminal::Completed), Some(Terminal::Failed));
        let row = |agent, reply, exit, terminal, error, text, kind, category, source| Case {
            agent,
            reply,
            exit,
            terminal,
            error,
            text,
            kind,
            category,
            source,
        };
        let cut = Some((200, "cut"));
        let cases = [
            // 400 ends every agent after one request; the exit codes share nothing.
            row("codex 400", Some((400, "")), 1, bad, None, None, Failed, Some(AgentError), Some(ByReply)),
            row("gemini 400", Some((400, "")), 144, bad, None, None, Failed, Some(AgentError), Some(ByReply)),
            row("pi 400", Some((400, "")), 0, bad, None, None, Failed, Some(AgentError), Some(ByReply)),
            row("codex 401", Some((401, "")), 1, bad, None, None, Failed, Some(AuthOrProxy), Some(ByReply)),
            row(
                "gemini 401",
                Some((401, "")),
                145,
                bad,
                None,
                None,
                Failed,
                Some(AuthOrProxy),
                Some(ByReply),
            ),
            row("claude 404", Some((404, "")), 1, bad, None, None, Failed, Some(InvalidModel), Some(ByReply)),
            row("pi 429", Some((429, "")), 0, bad, None, None, Failed, Some(ShortRateLimit), Some(ByReply)),
            row(
                "codex usage limit",
                Some((429, "usage_limit_reached")),
                1,
                bad,
                None,
                None,
                Failed,
                Some(UsageLimit),
                Some(ByReply),
            ),
            row(
                "codex 500",
                Some((500, "server_error")),
                1,
                bad,
                None,
                None,
                Failed,
                Some(TransientInfra),
                Some(ByReply),
            ),
            row(
                "gemini 503",
                Some((503, "")),
                247,
                bad,
                None,
                None,
                Failed,
                Some(ProviderOverloaded),
                Some(ByReply),
            ),
            row(
                "claude overloaded",
                Some((529, "overloaded_error")),
                1,
                bad,
                None,
                None,
                Failed,
                Some(ProviderOverloaded),
                Some(ByReply),
            ),
            row(
                "codex context",
                Some((200, "response.failed context_length_exceeded")),
                1,
                bad,
                None,
                None,
                Failed,
                Some(AgentError),
                Some(ByReply),
            ),
            // A failure before, then the step's reply: whatever was retried, it completed.
            row(
                "codex 500 once",
                Some((200, "")),
                0,
                done,
                None,
                Some("Reconnecting... 1/5"),
                Completed,
                None,
                None,
            ),
            row("opencode recovered", Some((200, "")), 1, done, None, None, Completed, None, None),
            row("claude fallback", Some((200, "")), 0, done, None, None, Completed, None, None),
            // Broken streams.
            row(
                "codex cut",
                cut,
                1,
                bad,
                None,
                Some("stream disconnected before completion"),
                Failed,
                Some(TransientInfra),
                Some(ByReply),
            ),
            row("gemini end of stream", cut, 0, bad, None, None, Failed, Some(TransientInfra), Some(ByReply)),
            row("pi end of stream", cut, 0, done, None, None, Completed, None, None),
            // Without a reply to go by: fields, then words.
            row(
                "claude refused",
                None,
                1,
                bad,
                Some(json!({"api_error_status": 401})),
                Some("fetch failed"),
                Failed,
                Some(AuthOrProxy),
                Some(EventField),
            ),
            row(
                "opencode field",
                None,
                1,
                bad,
                Some(json!({"error": {"name": "APIError", "data": {"statusCode": 429}}})),
                None,
                Failed,
                Some(ShortRateLimit),
                Some(EventField),
            ),
            row(
                "gemini refused",
                None,
                1,
                bad,
                None,
                Some("fetch failed: ECONNREFUSED"),
                Failed,
                Some(TransientInfra),
                Some(EventText),
            ),
            row(
                "codex words",
                None,
                1,
                bad,
                None,
                Some("You've hit your usage limit."),
                Failed,
                Some(UsageLimit),
                Some(EventText),
            ),
            row("nothing said", None, 1, bad, None, None, Failed, Some(UnidentifiedIssue), Some(Process)),
            // No terminal event.
            row(
                "opencode no session",
                None,
                0,
                None,
                None,
                None,
                Incomplete,
                Some(IncompleteFinalization),
                Some(Process),
            ),
            row(
                "gemini sign-in",
                None,
                52,
                None,
                None,
                Some("unauthorized"),
                Incomplete,
                Some(AuthOrProxy),
                Some(EventText),
            ),
            row(
                "claude no result",
                Some((200, "")),
                0,
                None,
                None,
                None,
                Incomplete,
                Some(IncompleteFinalization),
                Some(Process),
            ),
        ];
        for case in &cases {
            let found = concluded(case);
            let source = found.evidence.as_ref().map(|evidence| evidence.source);
            assert_eq!(
                (found.kind, found.category, source),
                (case.kind, case.category, case.source),
                "{}",
                case.agent
            );
        }
    }

    #[test]
    fn what_ended_it_comes_before_what_it_said() {
        for (end, kind) in [
            (EndCause::Timeout, OutcomeKind::TimedOut),
            (EndCause::Stalled, OutcomeKind::Stalled),
            (EndCause::Signal, OutcomeKind::Crashed),
            (EndCause::OutputLimit, OutcomeKind::BudgetExhausted),
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
}
