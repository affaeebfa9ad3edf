//! `survivors`, `egress`, `outside` and `not-offered` of `[expect]`: what a run may do that no run does unless it is
//! said, for all agents or for each. What is listed must happen, and nothing else may: a list asserts the fact that it replaces.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;
use toml::de::DeValue;

use super::AgentChoice;
use super::findings::Findings;
use super::load::known_word;
use super::model::{Effects, PerAgent};
use super::table::{Table, as_table, as_text, quote};

/// Entries of one list.
const MOST_ENTRIES: usize = 100;

/// One of the keys.
struct Key {
    name: &'static str,
    /// Identifier of the diagnostic about a wrong entry.
    id: &'static str,
    /// What an entry is called.
    what: &'static str,
    help: &'static str,
    is_right: fn(&str) -> bool,
}

const SURVIVORS: Key = Key {
    name: "survivors",
    id: "bad-survivor",
    what: "a command's name",
    help: "write the file name of the command that is left behind, such as `sleep`",
    is_right: is_command_name,
};

const EGRESS: Key = Key {
    name: "egress",
    id: "bad-destination",
    what: "a destination",
    help: "write host and port, such as `example.com:443`",
    is_right: is_destination,
};

const OUTSIDE: Key = Key {
    name: "outside",
    id: "bad-outside",
    what: "a pattern of names outside the workspace",
    help: "begin with `~/` (home), `tmp/`, `../` (beside the workspace) or `repository/` (where wassert was started); \
           `*` stands for any characters of a name, `**` for any number of folders",
    is_right: is_outside_pattern,
};

const NOT_OFFERED: Key = Key {
    name: "not-offered",
    id: "bad-tool",
    what: "a tool's name",
    help: "write the name that stands in the call, as the agent would have to offer it",
    is_right: |name| !name.is_empty() && name.len() <= 128 && !name.contains(char::is_control),
};

/// Reads the keys of `[expect]`.
pub(super) fn read(table: &mut Table<'_>, findings: &Findings, agents: &[AgentChoice]) -> Effects {
    Effects {
        survivors: per_agent(table, &SURVIVORS, findings, agents),
        egress: per_agent(table, &EGRESS, findings, agents),
        outside: per_agent(table, &OUTSIDE, findings, agents),
        not_offered: per_agent(table, &NOT_OFFERED, findings, agents),
    }
}

fn per_agent(table: &mut Table<'_>, key: &Key, findings: &Findings, agents: &[AgentChoice]) -> PerAgent {
    let mut expected = PerAgent::default();
    let Some(value) = table.value(key.name) else { return expected };
    match value.get_ref() {
        DeValue::Table(_) => {
            expected.by_agent = by_agent(value, key, findings, agents);
        }
        DeValue::Array(_) => expected.everywhere = list(value, key, findings),
        _ => {
            let _: Option<()> =
                table.wrong_type(key.name, "a list of texts, or a table with a list for each agent", value);
        }
    }
    expected
}

fn by_agent(
    value: &Spanned<DeValue<'_>>,
    key: &Key,
    findings: &Findings,
    agents: &[AgentChoice],
) -> BTreeMap<String, Vec<String>> {
    let mut lists = BTreeMap::new();
    let called = format!("`{}`", key.name);
    let Some(table) = as_table(findings, key.name, called, value) else { return lists };
    let names: Vec<&str> = agents.iter().map(|agent| agent.name.as_str()).collect();
    for (name, value) in table.entries() {
        if let Some(known) = known_word(findings, "unknown-agent", "agent", &name, &names) {
            lists.insert(known.to_owned(), list(value, key, findings));
        }
    }
    lists
}

fn list(value: &Spanned<DeValue<'_>>, key: &Key, findings: &Findings) -> Vec<String> {
    let DeValue::Array(entries) = value.get_ref() else {
        let found: Option<Vec<String>> =
            super::table::wrong_type(findings, key.name, "a list of texts", value);
        return found.unwrap_or_default();
    };
    if entries.len() > MOST_ENTRIES {
        let message = format!("`{}` has more than {MOST_ENTRIES} entries", key.name);
        findings.error("too-many-entries", message, value.span(), "too many");
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    for entry in entries.iter() {
        let Some(text) = as_text(findings, key.name, entry) else { continue };
        let written = *text.get_ref();
        if written.len() > 1024 || written.chars().any(char::is_control) || !(key.is_right)(written) {
            let message = format!("`{}`: {} is not {}", key.name, quote(written), key.what);
            let label = format!("not {}", key.what);
            findings.error_with_help(key.id, message, text.span(), label, key.help);
        } else if !seen.insert(written.to_owned()) {
            let message = format!("`{}` names {} twice", key.name, quote(written));
            findings.error("duplicate-entry", message, text.span(), "again here");
        }
    }
    seen.into_iter().collect()
}

fn is_command_name(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('/')
}

/// `host:port` or `[address]:port`, in lower case as it is recorded.
fn is_destination(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let bracketed = host.starts_with('[') && host.ends_with(']') && host.len() > 2;
    let named = !host.is_empty() && !host.contains([':', '[', ']']);
    (bracketed || named)
        && !host.contains(['/', '@', ' ', '?', '#'])
        && !host.chars().any(|letter| letter.is_ascii_uppercase())
        && !port.starts_with(['+', '0'])
        && port.parse::<u16>().is_ok()
}

fn is_outside_pattern(text: &str) -> bool {
    let below = ["~/", "tmp/", "../", "repository/"].iter().find_map(|place| text.strip_prefix(place));
    below.is_some_and(|below| {
        below.split('/').all(|part| {
            !matches!(part, "" | "." | "..") && (part == "**" || !part.contains("**")) && !part.contains('\\')
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_what_the_document_can_say() {
        for (is_right, right, wrong) in [
            (
                is_command_name as fn(&str) -> bool,
                &["sleep", "my agent", "node"][..],
                &["", " ", "/bin/sleep"][..],
            ),
            (
                is_destination,
                &["example.com:443", "[::1]:80", "localhost:1"],
                &[
                    "example.com",
                    "https://example.com:443",
                    "a:0",
                    "a:65536",
                    "a:+1",
                    "A.com:1",
                    ":1",
                    "::1:80",
                    "u@h:1",
                ],
            ),
            (
                is_outside_pattern,
                &["~/.cache/**", "tmp/x", "../other/*", "repository/a b", "~/**"],
                &["~", "~/", "/etc/passwd", "x", "../../x", "~/a//b", "~/a**", "tmp/./x", "tmp\\x"],
            ),
        ] {
            for text in right {
                assert!(is_right(text), "{text}");
            }
            for text in wrong {
                assert!(!is_right(text), "{text}");
            }
        }
    }
}
