//! A script made from traffic that real endpoints answered: served, it gives the same client the same answers.
//!
//! Identifiers become symbols, secrets are removed, and a reply is said in neutral words where nothing is lost by them;
//! else its frames are written out. What can't be scripted is told in notes, which stand in the script as comments too.

mod conversations;
mod steps;
mod toml_text;

use crate::profile::{Profile, Protocol};
use crate::recording::Secrets;
use crate::server::Traffic;
use conversations::{Conversation, conversations};
use steps::Steps;

/// A script and what is to be said of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scaffold {
    /// TOML.
    pub text: String,
    /// How many steps it has.
    pub steps: usize,
    /// What of the traffic it does not repeat, and what to look at.
    pub notes: Vec<String>,
}

/// What a script is made for.
pub(super) struct Made<'a> {
    /// The agent's name in the script.
    pub(super) agent: &'a str,
    /// What is known of it.
    pub(super) profile: &'static dyn Profile,
    /// Where the traffic was answered.
    pub(super) upstream: &'a str,
}

/// Makes a script.
pub(super) fn scaffold(traffic: &Traffic, made: &Made<'_>, secrets: &mut Secrets) -> Scaffold {
    let mut notes = Vec::new();
    let found = conversations(traffic, &mut notes);
    let protocol = common_protocol(traffic, &found);
    let mut steps = Steps::new(traffic, made.profile, protocol.unwrap_or_default());
    let mut body = String::new();
    for conversation in &found {
        for (at, turn) in conversation.turns.iter().enumerate() {
            let opened_by = conversation.opened_by.as_deref().filter(|_| at == 0);
            body.push_str(&steps.step(&conversation.lane, opened_by, turn, secrets));
        }
    }
    notes.append(&mut steps.notes);
    let count = steps.count;
    let mut text = format!(
        "# Recorded from {}. Identifiers are symbols; look through the texts before you share them.\n",
        secrets.redact_text(made.upstream)
    );
    for note in &mut notes {
        *note = secrets.redact_text(note);
        text.push_str(&format!("# {}\n", note.replace(['\n', '\r'], " ")));
    }
    text.push_str(&format!("agents = [{}]\n", toml_text::text(made.agent)));
    if let Some(protocol) = protocol.filter(|protocol| *protocol != Protocol::default()) {
        text.push_str(&format!("\n[agent.{}]\nprotocol = \"{}\"\n", made.agent, protocol.word()));
    }
    text.push_str(&body);
    Scaffold { text, steps: count, notes }
}

/// The protocol of all replies, where it is one.
fn common_protocol(traffic: &Traffic, found: &[Conversation]) -> Option<Protocol> {
    let mut words = found.iter().flat_map(|conversation| &conversation.turns).flat_map(|turn| &turn.requests);
    let first = traffic.requests[*words.next()?].protocol.as_str();
    let same = words.all(|request| traffic.requests[*request].protocol == first);
    Protocol::ALL.into_iter().find(|protocol| same && protocol.word() == first)
}
