//! `secrets`: values that must not stand in a recording.
//!
//! Messages never quote a value.

use toml::Spanned;

use super::AgentChoice;
use super::agents::without_nul;
use super::findings::Findings;
use super::table::Table;

/// Most values of a scenario.
const MOST_SECRETS: usize = 100;
/// A shorter value would be found in ordinary text.
const FEWEST_CHARACTERS: usize = 8;
/// The longest value, in bytes: what is searched overlaps by more than this, escaped.
const MOST_BYTES: usize = 8 * 1024;

/// Reads `secrets`. `name` is the scenario's; it and the agents' become names of folders.
pub(super) fn read(
    root: &mut Table<'_>,
    findings: &Findings,
    name: &str,
    agents: &[AgentChoice],
) -> Vec<String> {
    let written = root.texts("secrets").unwrap_or_default();
    if let Some(beyond) = written.get(MOST_SECRETS) {
        findings.error(
            "too-many-secrets",
            "the scenario declares more than 100 secrets",
            beyond.span(),
            "one too many",
        );
    }
    let mut secrets: Vec<String> = Vec::new();
    for value in written.iter().take(MOST_SECRETS) {
        if is_right(value, findings, name, agents) && !secrets.iter().any(|known| known == value.get_ref()) {
            secrets.push((*value.get_ref()).to_owned());
        }
    }
    secrets
}

fn is_right(value: &Spanned<&str>, findings: &Findings, name: &str, agents: &[AgentChoice]) -> bool {
    let text = *value.get_ref();
    if text.chars().count() < FEWEST_CHARACTERS {
        findings.error_with_help(
            "short-secret",
            "a secret has fewer than 8 characters",
            value.span(),
            "too short to be told from ordinary text",
            "declare the whole value",
        );
    } else if !without_nul(findings, "secrets", value) {
        return false;
    } else if text.len() > MOST_BYTES {
        findings.error("long-secret", "a secret is longer than 8 KiB", value.span(), "too long");
    } else if text.contains('⟦') && !is_symbol(text) {
        findings.error(
            "bad-secret",
            "a secret has a `⟦` in it",
            value.span(),
            "`⟦` begins a symbol, and is doubled elsewhere",
        );
    } else if name.contains(text) || agents.iter().any(|agent| agent.name.contains(text)) {
        findings.error(
            "secret-in-name",
            "the name of the scenario or of an agent contains a secret",
            value.span(),
            "the recording's folder would be named by it",
        );
    } else {
        return true;
    }
    false
}

/// A recorded scenario has these in place of its secrets, and can be used again.
fn is_symbol(text: &str) -> bool {
    let number = text.strip_prefix("⟦secret#").and_then(|rest| rest.strip_suffix('⟧'));
    number.is_some_and(|number| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::super::every_key::load_text;

    fn load(secrets: &str) -> Result<Vec<String>, &'static str> {
        let text = format!(
            "summary = 's'\nsecrets = {secrets}\n[[turn]]\nprompt = 'p'\n[[assert]]\nuse = 'std/exit'\n"
        );
        let loaded = load_text("plain-scenario.toml", text.as_bytes());
        match loaded.scenario {
            Some(scenario) => Ok(scenario.secrets),
            None => Err(loaded.diagnostics[0].id),
        }
    }

    #[test]
    fn values_are_read_once_each() {
        assert_eq!(load("[]"), Ok(Vec::new()));
        assert_eq!(load("['sk-test-123', 'sk-test-123']"), Ok(vec!["sk-test-123".to_owned()]));
        assert_eq!(load("['⟦secret#1⟧']"), Ok(vec!["⟦secret#1⟧".to_owned()]));
        assert_eq!(load("['passwörd']"), Ok(vec!["passwörd".to_owned()]));
    }

    #[test]
    fn what_can_not_be_hidden_is_refused() {
        assert_eq!(load("['1234567']"), Err("short-secret"));
        assert_eq!(load(&format!("['{}']", "x".repeat(8193))), Err("long-secret"));
        assert_eq!(load(r#"["12345678\u0000"]"#), Err("nul"));
        assert_eq!(load("['12345⟦678']"), Err("bad-secret"));
        assert_eq!(load("['plain-scenario']"), Err("secret-in-name"));
        assert_eq!(load("'sk-test-123'"), Err("wrong-type"));
        let many: Vec<String> = (0..101).map(|number| format!("'secret-{number:03}'")).collect();
        assert_eq!(load(&format!("[{}]", many.join(", "))), Err("too-many-secrets"));
    }
}
