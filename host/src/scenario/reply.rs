//! What a step's reply says and how: portions, marks of reasoning, tokens, why the model stops, events written out.
//!
//! What the protocol of one of the scenario's agents can't carry is refused here, at its place.

use serde_json::Value;
use toml::Spanned;
use toml::de::DeValue;

use super::call::Calls;
use super::findings::Findings;
use super::json::to_json;
use super::load::known_word;
use super::table::{Table, quote};
use crate::profile::{Protocol, Stop};

/// Most tokens a reply may report.
const MOST_TOKENS: i64 = 1_000_000_000_000;
/// Most portions and most events of one reply.
const MOST_PARTS: usize = 10_000;

/// How a reply is put, beside its texts and calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manner {
    /// In which portions the text is sent, each in characters; what is left over is one more. Empty: in one.
    pub text_portions: Vec<usize>,
    /// The same of the reasoning.
    pub reasoning_portions: Vec<usize>,
    /// A mark of the reasoning that the agent must send back unchanged.
    pub signature: Option<String>,
    /// The reasoning as only the model can read it; the agent must send it back unchanged.
    pub encrypted: Option<String>,
    /// Tokens it reports; none: by a fixed rule.
    pub usage: Option<Usage>,
    /// Why the model stops.
    pub stop: Stop,
}

/// Tokens a reply reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Of the request.
    pub input: u64,
    /// Those of the request that were read before.
    pub cached: u64,
    /// Of the reply.
    pub output: u64,
    /// Those of the reply that went into reasoning.
    pub reasoning: u64,
}

/// An event of a reply that is written out.
#[derive(Clone, Debug, PartialEq)]
pub enum WireEvent {
    /// Its data; the protocol adds its framing.
    Data(Value),
    /// Its bytes, framing and all.
    Raw(String),
}

/// The words of a reply that is not written out.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub(super) reasoning: Option<String>,
    pub(super) text: Option<String>,
    pub(super) manner: Manner,
}

/// Reads `text`, `reasoning`, `usage` and `stop`.
pub(super) fn read(table: &mut Table<'_>, findings: &Findings, calls: &Calls<'_>) -> Words {
    let (text, text_portions) = portions(table, "text", findings).unzip();
    let mut manner = Manner { text_portions: text_portions.unwrap_or_default(), ..Manner::default() };
    let reasoning = match table.value("reasoning").map(Spanned::get_ref) {
        Some(DeValue::Table(_)) => reasoning(table, findings, calls, &mut manner),
        _ => {
            let (text, portions) = portions(table, "reasoning", findings).unzip();
            manner.reasoning_portions = portions.unwrap_or_default();
            text
        }
    };
    manner.usage = usage(table, findings, calls);
    if let Some(written) = table.text("stop") {
        let words = Stop::ALL.map(Stop::word);
        let word = known_word(findings, "unknown-stop", "stop", &written, &words);
        if let Some(stop) = Stop::ALL.into_iter().find(|stop| Some(stop.word()) == word) {
            manner.stop = stop;
            refuse(findings, calls, &written.span(), &format!("the stop `{}`", stop.word()), |protocol| {
                protocol.stop_word(stop, false).is_some()
            });
        }
    }
    Words { reasoning, text, manner }
}

/// `events`: what goes over the wire, written out.
pub(super) fn events(table: &mut Table<'_>, findings: &Findings) -> Option<Vec<WireEvent>> {
    let value = table.value("events")?;
    let DeValue::Array(list) = value.get_ref() else {
        return table.wrong_type("events", "a list of tables, or of texts with framing and all", value);
    };
    if list.is_empty() || list.len() > MOST_PARTS {
        let message = format!("`events` has {} events", list.len());
        findings.error("bad-events", message, value.span(), "at least one, at most 10000");
        return None;
    }
    let event = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
        DeValue::String(text) => Some(WireEvent::Raw(text.to_string())),
        DeValue::Table(_) => to_json(findings, value).map(WireEvent::Data),
        _ => {
            let label = "a table, or a text with framing and all";
            findings.error("bad-events", "this is no event", value.span(), label);
            None
        }
    };
    list.iter().map(event).collect()
}

fn reasoning(
    table: &mut Table<'_>,
    findings: &Findings,
    calls: &Calls<'_>,
    manner: &mut Manner,
) -> Option<String> {
    let mut inner = table.table("reasoning", "`reasoning`")?;
    let (text, portions) = portions(&mut inner, "text", findings).unzip();
    manner.reasoning_portions = portions.unwrap_or_default();
    if let Some(written) = inner.text("signature") {
        manner.signature = Some((*written.get_ref()).to_owned());
        refuse(findings, calls, &written.span(), "a `signature`", Protocol::has_signatures);
    }
    if let Some(written) = inner.text("encrypted") {
        manner.encrypted = Some((*written.get_ref()).to_owned());
        refuse(findings, calls, &written.span(), "`encrypted` reasoning", Protocol::has_encrypted_reasoning);
        if text.is_some() {
            refuse(
                findings,
                calls,
                &written.span(),
                "both the `text` and the `encrypted` reasoning",
                |protocol| protocol != Protocol::Messages,
            );
        }
    }
    let range = inner.range();
    let says_something = text.is_some() || manner.encrypted.is_some();
    inner.finish(|_| None);
    if !says_something {
        findings.error("no-reply", "`reasoning` says nothing", range, "add `text` or `encrypted`");
    }
    Some(text.unwrap_or_default())
}

fn usage(table: &mut Table<'_>, findings: &Findings, calls: &Calls<'_>) -> Option<Usage> {
    let mut inner = table.table("usage", "`usage`")?;
    let mut count = |key: &'static str| {
        inner.integer(key, 0..=MOST_TOKENS).and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
    };
    let usage = Usage {
        input: count("input"),
        cached: count("cached"),
        output: count("output"),
        reasoning: count("reasoning"),
    };
    if let Some(range) = inner.key_range("reasoning") {
        refuse(findings, calls, &range, "the tokens of `reasoning`", |protocol| {
            protocol != Protocol::Messages
        });
    }
    inner.finish(|_| None);
    Some(usage)
}

/// A text, and in which portions it is sent where it is a list of them.
fn portions(table: &mut Table<'_>, key: &'static str, findings: &Findings) -> Option<(String, Vec<usize>)> {
    let value = table.value(key)?;
    match value.get_ref() {
        DeValue::Array(list) if list.is_empty() || list.len() > MOST_PARTS => {
            let message = format!("{} has {} portions", quote(key), list.len());
            findings.error("bad-portions", message, value.span(), "at least one, at most 10000");
            None
        }
        DeValue::Array(_) => {
            let texts = table.texts(key)?;
            let lengths = texts.iter().map(|text| text.get_ref().chars().count()).collect();
            Some((texts.iter().map(|text| *text.get_ref()).collect(), lengths))
        }
        _ => table.text(key).map(|text| ((*text.get_ref()).to_owned(), Vec::new())),
    }
}

/// Reports what the protocol of an agent can't carry.
pub(super) fn refuse(
    findings: &Findings,
    calls: &Calls<'_>,
    range: &std::ops::Range<usize>,
    what: &str,
    carries: impl Fn(Protocol) -> bool,
) {
    for (agent, protocol) in calls.protocols().filter(|(_, protocol)| !carries(*protocol)) {
        let message = format!(
            "{what} can't be said in the protocol `{}`, which agent {} speaks",
            protocol.word(),
            quote(agent)
        );
        let label = format!("not in `{}`", protocol.word());
        findings.error("not-carried", message, range.clone(), label);
    }
}
