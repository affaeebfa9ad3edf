//! The matrix: `agents`, and `[agent.NAME]` with each agent's settings.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use super::findings::Findings;
use super::load::{belongs_to_the_scenario, known_word};
use super::table::{Table, as_table, as_text, quote};
use super::{AgentChoice, Reply, Step};
use crate::profile::{self, Known, Protocol, Transport};

/// The matrix of a scenario that names no agent.
const DEFAULT_AGENT: &str = "example";
/// Longest name of an agent; it is part of a folder's name.
const MOST_NAME_CHARACTERS: usize = 64;

/// What one `[agent.NAME]` says.
#[derive(Default)]
struct Settings<'a> {
    extends: Option<Spanned<&'a str>>,
    transport: Option<Spanned<&'a str>>,
    protocol: Option<Spanned<&'a str>>,
    model: Option<Spanned<&'a str>>,
    environment: BTreeMap<String, String>,
    arguments: Vec<String>,
}

/// Reads `agents` and `[agent.NAME]`.
pub(super) fn read(root: &mut Table<'_>, findings: &Findings, own: &[Known]) -> Vec<AgentChoice> {
    let written = root.texts("agents");
    let listed = root.value("agents").and_then(|value| value.get_ref().as_array()).map(|list| list.len());
    // What could not be read has been reported; its settings are not called unused on top of that.
    let all_read =
        !root.has("agents") || listed.is_some_and(|listed| written.as_ref().map(Vec::len) == Some(listed));
    if listed == Some(0) {
        findings.error_with_help(
            "no-agent",
            "`agents` is empty",
            root.key_range("agents").unwrap_or(root.range()),
            "names no agent",
            "name at least one, such as `[\"example\"]`",
        );
    }
    let names = written.unwrap_or_else(|| vec![Spanned::new(0..0, DEFAULT_AGENT)]);
    let settings_table = root.table("agent", "`[agent]`");
    let settings = settings_table.as_ref().map(|table| all_settings(table, findings)).unwrap_or_default();

    let mut choices = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for name in &names {
        if !seen.insert(name.get_ref()) {
            let message = format!("agent {} is named twice", quote(name.get_ref()));
            findings.error("duplicate-agent", message, name.span(), "again here");
            continue;
        }
        let named = settings.iter().find(|(other, _)| other.get_ref() == name.get_ref());
        choices.extend(choice(name, named.map(|(at, settings)| (at, settings)), own, findings));
    }
    if all_read {
        for (name, _) in settings.iter().filter(|(name, _)| !seen.contains(name.get_ref())) {
            let quoted = quote(name.get_ref());
            let help = findings
                .suggest(name.get_ref(), seen.iter().copied())
                .unwrap_or_else(|| format!("add {quoted} to `agents`, or remove these settings"));
            let message = format!("agent {quoted} has settings but is not one of `agents`");
            findings.error_with_help("unused-agent", message, name.span(), "not one of `agents`", help);
        }
    }
    choices
}

/// One column of the matrix, or a diagnostic.
fn choice(
    name: &Spanned<&str>,
    settings: Option<(&Spanned<&str>, &Settings<'_>)>,
    own: &[Known],
    findings: &Findings,
) -> Option<AgentChoice> {
    let find = |name: &str| {
        let described = own.iter().find(|known| known.0.name() == name).copied();
        described.or_else(|| profile::by_name(name).map(Known))
    };
    let extends = settings.and_then(|(_, settings)| settings.extends.as_ref());
    let is_profile = find(name.get_ref()).is_some();
    let profile_name = match extends {
        Some(extends) if is_profile && extends.get_ref() != name.get_ref() => {
            let message = format!("{} is a known agent and can't extend another", quote(name.get_ref()));
            findings.error_with_help(
                "bad-extends",
                message,
                extends.span(),
                "another agent",
                "give your agent a name of its own",
            );
            return None;
        }
        Some(extends) => {
            let known: Vec<&str> =
                profile::NAMES.into_iter().chain(own.iter().map(|known| known.0.name())).collect();
            known_word(findings, "unknown-agent", "agent", extends, &known)?
        }
        None if is_profile => name.get_ref(),
        None => {
            unknown_agent(name, settings.map(|(at, _)| at), findings);
            return None;
        }
    };
    if !is_agent_name(name.get_ref()) {
        let message = format!("{} can't be an agent's name", quote(name.get_ref()));
        findings.error("bad-name", message, name.span(), "use small letters, digits and `-`, at most 64");
        return None;
    }
    let found = find(profile_name)?;
    let model =
        settings.and_then(|(_, settings)| settings.model.as_ref()).map(|model| (*model.get_ref()).to_owned());
    let known = model.as_deref().and_then(|model| found.0.with_model(model)).unwrap_or(found);
    let profile = known.0;
    let transport = match settings.and_then(|(_, settings)| settings.transport.as_ref()) {
        None => *profile.transports().first()?,
        Some(written) => transport(written, profile, findings)?,
    };
    let protocol = match settings.and_then(|(_, settings)| settings.protocol.as_ref()) {
        None => *profile.protocols().first()?,
        Some(written) => protocol(written, profile, findings)?,
    };
    if let (Some((_, Settings { transport: Some(written), .. })), true) =
        (settings, transport == Transport::Websocket && protocol != Protocol::Responses)
    {
        let message = format!("the protocol `{}` has no websocket", protocol.word());
        findings.error("unknown-transport", message, written.span(), "only the protocol `responses` has one");
        return None;
    }
    let settings = settings.map(|(_, settings)| settings);
    Some(AgentChoice {
        name: (*name.get_ref()).to_owned(),
        profile: profile.extends().to_owned(),
        known,
        transport,
        protocol,
        model,
        lacks: Vec::new(),
        environment: settings.map(|settings| settings.environment.clone()).unwrap_or_default(),
        arguments: settings.map(|settings| settings.arguments.clone()).unwrap_or_default(),
    })
}

/// Notes for each agent which of the tools that the script calls it has not.
pub(super) fn note_what_is_lacked(agents: &mut [AgentChoice], steps: &[Step]) {
    let called: BTreeSet<&str> = steps
        .iter()
        .flat_map(Step::replies)
        .filter_map(|reply| match reply {
            Reply::Items { calls, .. } => Some(calls),
            Reply::Events(_) | Reply::Fail(_) | Reply::Default | Reply::Nothing => None,
        })
        .flatten()
        .filter(|call| !call.unoffered)
        .map(|call| call.tool.as_str())
        .collect();
    for agent in agents {
        let Some(profile) = profile::by_name(&agent.profile) else { continue };
        agent.lacks = called.iter().filter(|tool| profile.lacks(tool)).map(|&tool| tool.to_owned()).collect();
    }
}

fn unknown_agent(name: &Spanned<&str>, settings: Option<&Spanned<&str>>, findings: &Findings) {
    let known: Vec<String> = profile::NAMES.iter().map(|known| format!("`{known}`")).collect();
    let help = findings.suggest(name.get_ref(), profile::NAMES).unwrap_or_else(|| match settings {
        Some(_) => format!("say which agent it extends: `extends = \"…\"`, one of {}", known.join(", ")),
        None => format!(
            "known are: {}; an agent of your own needs `[agent.NAME]` with `extends`",
            known.join(", ")
        ),
    });
    let message = format!("unknown agent {}", quote(name.get_ref()));
    findings.error_with_help("unknown-agent", message, name.span(), "unknown agent", help);
}

fn transport(
    written: &Spanned<&str>,
    profile: &dyn profile::Profile,
    findings: &Findings,
) -> Option<Transport> {
    let words: Vec<&str> = profile.transports().iter().map(|transport| transport.word()).collect();
    let word = known_word(findings, "unknown-transport", "transport", written, &words)?;
    profile.transports().iter().copied().find(|transport| transport.word() == word)
}

fn protocol(
    written: &Spanned<&str>,
    profile: &dyn profile::Profile,
    findings: &Findings,
) -> Option<Protocol> {
    let words: Vec<&str> = profile.protocols().iter().map(|protocol| protocol.word()).collect();
    let word = known_word(findings, "unknown-protocol", "protocol", written, &words)?;
    profile.protocols().iter().copied().find(|protocol| protocol.word() == word)
}

fn all_settings<'a>(table: &Table<'a>, findings: &'a Findings) -> Vec<(Spanned<&'a str>, Settings<'a>)> {
    table
        .entries()
        .filter_map(|(name, value)| {
            let called = format!("`[agent.{}]`", crate::value::excerpt(name.get_ref(), MOST_NAME_CHARACTERS));
            let table = as_table(findings, "agent", called, value)?;
            Some((name, settings(table, findings)))
        })
        .collect()
}

fn settings<'a>(mut table: Table<'a>, findings: &'a Findings) -> Settings<'a> {
    let settings = Settings {
        extends: table.text("extends"),
        transport: table.text("transport"),
        protocol: table.text("protocol"),
        model: table.text("model").filter(|model| without_nul(findings, "model", model)),
        environment: table
            .table("env", "`env`")
            .map(|table| environment(&table, findings))
            .unwrap_or_default(),
        arguments: table
            .texts("arguments")
            .unwrap_or_default()
            .iter()
            .filter(|argument| without_nul(findings, "arguments", argument))
            .map(|argument| (*argument.get_ref()).to_owned())
            .collect(),
    };
    table.finish(belongs_to_the_scenario);
    settings
}

fn environment(table: &Table<'_>, findings: &Findings) -> BTreeMap<String, String> {
    let mut environment = BTreeMap::new();
    for (name, value) in table.entries() {
        if name.get_ref().is_empty() || name.get_ref().contains(['=', '\0']) {
            let message = format!("{} can't be a variable's name", quote(name.get_ref()));
            findings.error("bad-name", message, name.span(), "empty, or with `=` or NUL");
            continue;
        }
        if let Some(text) = as_text(findings, name.get_ref(), value)
            && without_nul(findings, name.get_ref(), &text)
        {
            environment.insert((*name.get_ref()).to_owned(), (*text.get_ref()).to_owned());
        }
    }
    environment
}

/// Reports a text that can't be handed to a process.
pub(super) fn without_nul(findings: &Findings, key: &str, text: &Spanned<&str>) -> bool {
    let whole = !text.get_ref().contains('\0');
    if !whole {
        let message = format!("{} has a NUL character", quote(key));
        findings.error("nul", message, text.span(), "no process can be given a NUL");
    }
    whole
}

fn is_agent_name(name: &str) -> bool {
    name.len() <= MOST_NAME_CHARACTERS
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .chars()
            .all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-')
}
