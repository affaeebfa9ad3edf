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
    let failed = |kind, category: FailureCategory, evidence| AgentOutcome {
        kind,
        category: Some(category),
        class: Some(category.class()),
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
    if was_interrupted(turn) {
        return of(OutcomeKind::Interrupted);
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

/// Whether it ended for an interrupt of the scenario: by the signal, or without saying that it had completed.
fn was_interrupted(turn: &Turn) -> bool {
    let is_over = turn.interrupt.as_ref().is_some_and(|interrupt| interrupt.sent && interrupt.ended);
    let ended_for_it = match turn.end {
        EndCause::Signal => true,
        EndCause::Exited => turn.terminal != Some(Terminal::Completed),
        _ => false,
    };
    is_over && ended_for_it
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
        (_, 400..) => by_code(&reply.detail, &CODES)
            .or_else(|| by_status(reply.status))
            .or_else(|| by_code(&reply.detail, &GENERAL_CODES))?,
        (ReplyKind::Fault, _) => any_code(&reply.detail).unwrap_or(FailureCategory::TransientInfra),
        _ => any_code(&reply.detail)?,
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
    let code = |codes: &[(&str, FailureCategory)]| {
        CODE.iter().find_map(|pointer| by_code(event.raw.pointer(pointer).and_then(Value::as_str)?, codes))
    };
    let status = STATUS
        .iter()
        .find_map(|pointer| u16::try_from(event.raw.pointer(pointer)?.as_u64()?).ok())
        .filter(|status| *status >= 400);
    Some((code(&CODES).or_else(|| by_status(status?)).or_else(|| code(&GENERAL_CODES))?, status))
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

/// Codes that say more than the status beside them.
const CODES: [(&str, FailureCategory); 18] = {
    use FailureCategory::{
        AgentError, AuthOrProxy, InvalidModel, ProviderOverloaded, ShortRateLimit, UsageLimit,
    };
    [
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
        ("model_not_found", InvalidModel),
        ("not_found_error", InvalidModel),
        ("invalid_api_key", AuthOrProxy),
        ("authentication_error", AuthOrProxy),
        ("permission_error", AuthOrProxy),
        ("UNAUTHENTICATED", AuthOrProxy),
        ("context_length_exceeded", AgentError),
        ("invalid_prompt", AgentError),
    ]
};

/// Codes that say less than the status beside them.
const GENERAL_CODES: [(&str, FailureCategory); 4] = [
    ("server_error", FailureCategory::TransientInfra),
    ("api_error", FailureCategory::TransientInfra),
    ("INTERNAL", FailureCategory::TransientInfra),
    ("invalid_request_error", FailureCategory::AgentError),
];

fn any_code(code: &str) -> Option<FailureCategory> {
    by_code(code, &CODES).or_else(|| by_code(code, &GENERAL_CODES))
}

/// The category of a provider's error code; codes are single words, other texts are none.
fn by_code(code: &str, codes: &[(&str, FailureCategory)]) -> Option<FailureCategory> {
    let is_named =
        |name: &str| code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == name);
    codes.iter().find(|(name, _)| is_named(name)).map(|(_, category)| *category)
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
    // Codes are written in either case (`UNAUTHENTICATED`, `invalid_api_key`), and so are told from words.
    let lower = text.to_lowercase();
    any_code(text)
        .or_else(|| WORDS.iter().find(|(word, _)| lower.contains(word)).map(|(_, category)| *category))
        .or_else(|| status_at_the_start(text).and_then(by_status))
}

/// The status that an error text begins with, as pi and its libraries write it: `401 this key is refused`.
fn status_at_the_start(text: &str) -> Option<u16> {
    let (status, _) = text.split_once([' ', ':'])?;
    (status.len() == 3).then(|| status.parse().ok())?.filter(|status| (400..600).contains(status))
}

#[cfg(test)]
#[path = "outcome_tests.rs"]
mod tests;
