//! workgraph's smoke manifest: scripts with owners and time limits. Each becomes a scenario that runs its script as a
//! command; exit code 77 stays what it is, a skip that is told.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use toml::{Table, Value};

use super::text::{comments, list, quoted};
use super::{Beside, Copy, ImportError, Imported, is_inside, slug};

/// The agent that the scenarios name: a project describes it as `extends = "command"`, `program = "/bin/sh"`.
pub const SCRIPT_AGENT: &str = "script";

/// Seconds that a script has when the manifest says nothing.
const DEFAULT_SECONDS: f64 = 180.0;

/// The exit code with which a script says that it can't run here.
const SKIP: i64 = 77;

/// What a sentence says of every script.
const ALONE: &str = "scripts run in a workspace, a home and a network of their own: endpoints elsewhere are reached with \
                     `--network host` only, and programs must be on PATH";

/// Carries a manifest over: `[[scenario]]` with `name`, `script`, `owners`, `description`, `timeout_seconds`.
///
/// # Errors
/// When the text is no such manifest, or a name stands twice.
pub fn workgraph(text: &str) -> Result<Vec<Imported>, ImportError> {
    let wrong = |reason: String| ImportError::NotInFormat { format: "a smoke manifest", reason };
    let mut manifest: Table = toml::from_str(text).map_err(|error| wrong(error.message().to_owned()))?;
    let mut entries = Vec::new();
    for name in ["scenario", "scenarios"] {
        match manifest.remove(name) {
            Some(Value::Array(found)) => entries.extend(found),
            Some(_) => return Err(wrong(format!("`{name}` is no list of tables"))),
            None => {}
        }
    }
    if entries.is_empty() {
        return Err(wrong("it has no `[[scenario]]`: a gate of nothing would always be open".to_owned()));
    }
    let rest: Vec<String> =
        manifest.iter().map(|(name, value)| format!("`{name}` of the manifest: {value}")).collect();
    let mut seen = BTreeSet::new();
    let mut imported = Vec::new();
    for (number, entry) in (1..).zip(entries) {
        let Value::Table(mut entry) = entry else {
            return Err(wrong(format!("scenario {number} is no table")));
        };
        let Some(Value::String(name)) = entry.remove("name") else {
            return Err(wrong(format!("scenario {number} has no name")));
        };
        let slug = slug(&name);
        if !seen.insert(slug.clone()) {
            return Err(ImportError::Twice(name));
        }
        imported.push(scenario(&name, slug, entry, &rest).map_err(wrong)?);
    }
    Ok(imported)
}

fn scenario(name: &str, slug: String, mut entry: Table, rest: &[String]) -> Result<Imported, String> {
    let mut notes = vec![ALONE.to_owned()];
    notes.extend_from_slice(rest);
    let script = match entry.remove("script") {
        Some(Value::String(script)) if is_inside(&script) => script,
        other => return Err(format!("scenario `{name}` has no script beside the manifest: {other:?}")),
    };
    let owners = match entry.remove("owners") {
        Some(Value::Array(owners)) if owners.iter().all(Value::is_str) => {
            owners.iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        None => Vec::new(),
        Some(other) => {
            notes.push(format!("`owners` is no list of texts: {other}"));
            Vec::new()
        }
    };
    let description = match entry.remove("description") {
        Some(Value::String(text)) => Some(text.split_whitespace().collect::<Vec<_>>().join(" ")),
        None => None,
        Some(other) => {
            notes.push(format!("`description` is no text: {other}"));
            None
        }
    };
    let seconds = entry.remove("timeout_seconds");
    let seconds = match &seconds {
        Some(Value::Integer(seconds)) if *seconds > 0 => *seconds as f64,
        Some(Value::Float(seconds)) if *seconds > 0.0 => *seconds,
        Some(other) => {
            notes.push(format!("`timeout_seconds` is no time: {other}"));
            DEFAULT_SECONDS
        }
        None => DEFAULT_SECONDS,
    };
    for code in ["skip_code", "skip_exit"] {
        match entry.remove(code) {
            Some(Value::Integer(SKIP)) | None => {}
            Some(other) => notes.push(format!(
                "`{code}` = {other}: write `skip-exit = {other}` into `[agent.{SCRIPT_AGENT}]` of wassert.toml"
            )),
        }
    }
    for (key, value) in &entry {
        notes.push(format!("`{key}` is unknown: {value}"));
    }
    let mut toml =
        format!("# Imported from workgraph: {}.\n", name.split_whitespace().collect::<Vec<_>>().join(" "));
    toml.push_str(&comments(&notes));
    let summary = format!("The script {script} says that all is well.");
    let _ = writeln!(toml, "summary = {}", quoted(&summary));
    if let Some(description) = &description {
        let _ = writeln!(toml, "pins = {}", quoted(description));
    }
    if !owners.is_empty() {
        let _ = writeln!(toml, "owners = {}", list(&owners));
    }
    let _ = writeln!(toml, "tags = [\"imported\", \"smoke\"]\nagents = [{}]", quoted(SCRIPT_AGENT));
    let _ = writeln!(toml, "timeout_seconds = {seconds}");
    let _ = write!(
        toml,
        "\n[agent.{SCRIPT_AGENT}]\narguments = [{}]\n\n[workspace]\nfrom = \"workspace\"\n\n[[turn]]\nprompt = {}\n\n\
         [[assert]]\nuse = \"std/exit\"\nwith = {{ code = 0 }}\n",
        quoted(&script),
        quoted(name),
    );
    let copies = vec![Copy { source: script.clone(), target: script, beside: Beside::Script }];
    Ok(Imported { slug, toml, not_carried: notes, copies })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_carried_over_or_refused() {
        let text = "[[scenario]]\nname = \"two chats\"\nscript = \"chat.sh\"\nowners = [\"a\", \"b\"]\n\
                    description = \"once\\nlost\"\ntimeout_seconds = 30\nlevel = \"hard\"\n";
        let imported = workgraph(text).unwrap();
        assert_eq!(imported, workgraph(text).unwrap());
        assert_eq!(imported[0].slug, "two-chats");
        assert!(imported[0].toml.contains("timeout_seconds = 30\n"), "{}", imported[0].toml);
        assert!(imported[0].toml.contains("pins = \"once lost\""));
        assert!(imported[0].not_carried.iter().any(|note| note.contains("`level` is unknown")));
        let twice = format!("{text}{text}");
        assert!(matches!(workgraph(&twice), Err(ImportError::Twice(_))));
        for bad in ["", "[[scenario]]\nname = \"x\"\n", "[[scenario]]\nname = \"x\"\nscript = \"../x\"\n"] {
            assert!(workgraph(bad).is_err(), "{bad}");
        }
    }
}
