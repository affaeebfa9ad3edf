//! code-exec-harness: one JSON object a file.

mod checks;
mod gh;
mod repeat;
mod replies;
mod settings;

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::text::{comments, key, list, quoted};
use super::{Beside, Copy, ImportError, Imported, is_inside, slug};

/// Seconds that a scenario has when it says nothing.
const DEFAULT_SECONDS: u64 = 180;

/// What is read so far, and what of it was not carried over.
pub(super) struct Reading {
    members: Map<String, Value>,
    notes: Vec<String>,
    agent: String,
}

impl Reading {
    /// Takes a member; null is nothing.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn note(&mut self, sentence: impl Into<String>) {
        self.notes.push(sentence.into());
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            other => {
                self.note(format!("`{name}` is no text: {other}"));
                None
            }
        }
    }

    fn number(&mut self, name: &str) -> Option<u64> {
        let value = self.take(name)?;
        let number = value.as_u64().or_else(|| value.as_f64().filter(|n| *n >= 0.0).map(|n| n.ceil() as u64));
        if number.is_none() {
            self.note(format!("`{name}` is no number: {value}"));
        }
        number
    }

    fn object(&mut self, name: &str) -> Map<String, Value> {
        match self.take(name) {
            None => Map::new(),
            Some(Value::Object(members)) => members,
            Some(other) => {
                self.note(format!("`{name}` is no object: {other}"));
                Map::new()
            }
        }
    }
}

/// Carries a scenario over. `stem` is its file's name without ending, `agent` the agent that runs it.
///
/// # Errors
/// When the file holds no JSON object.
pub fn code_exec_harness(text: &str, stem: &str, agent: &str) -> Result<Imported, ImportError> {
    let wrong = |reason: String| ImportError::NotInFormat { format: "a JSON object", reason };
    let mut value: Value = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    repeat::expand(&mut value).map_err(wrong)?;
    let Value::Object(members) = value else { return Err(wrong("it holds something else".to_owned())) };
    let mut reading = Reading { members, notes: Vec::new(), agent: agent.to_owned() };

    let name = reading.text("name").unwrap_or_else(|| stem.to_owned());
    let turns = turns(&mut reading);
    let (workspace, copies) = workspace(&mut reading);
    let seconds = reading.number("timeout_seconds").unwrap_or(DEFAULT_SECONDS).max(1);
    let settings = settings::agent(&mut reading);
    let has_gh = reading.members.contains_key("gh");
    let shim = gh::shim(&mut reading);
    let steps = replies::steps(&mut reading);
    let checks = checks::checks(&mut reading, has_gh);
    let rest: Vec<String> = reading.members.keys().cloned().collect();
    for name in rest {
        reading.note(format!("`{name}` is unknown"));
    }

    let mut toml = format!("# Imported from code-exec-harness: {}.\n", comment(&name));
    toml.push_str(&comments(&reading.notes));
    let _ = writeln!(
        toml,
        "summary = {}",
        quoted(&format!("Imported from code-exec-harness: {}.", one_line(&name)))
    );
    let _ =
        writeln!(toml, "tags = [\"imported\"]\nagents = [{}]\ntimeout_seconds = {seconds}", quoted(agent));
    toml.push_str(&settings);
    toml.push_str(&workspace);
    toml.push_str(&shim);
    toml.push_str(&turns);
    toml.push_str(&steps);
    toml.push_str(&checks);
    Ok(Imported { slug: slug(&name), toml, not_carried: reading.notes, copies })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn comment(text: &str) -> String {
    one_line(text).chars().filter(|c| !c.is_control()).collect()
}

fn turns(reading: &mut Reading) -> String {
    let mut prompts = Vec::new();
    match reading.take("turns") {
        Some(Value::Array(turns)) => {
            for (number, turn) in (1..).zip(turns) {
                let prompt = turn.as_str().or_else(|| turn.get("prompt").and_then(Value::as_str));
                match prompt {
                    Some(prompt) => prompts.push(prompt.to_owned()),
                    None => reading.note(format!("turn {number} has no prompt: {turn}")),
                }
                for other in turn.as_object().into_iter().flat_map(Map::keys).filter(|name| *name != "prompt")
                {
                    reading.note(format!("`{other}` of turn {number} is unknown"));
                }
            }
        }
        Some(other) => reading.note(format!("`turns` is no list: {other}")),
        None => {}
    }
    match (prompts.is_empty(), reading.text("prompt")) {
        (true, Some(prompt)) => prompts.push(prompt),
        (true, None) => {
            reading.note("there is no prompt; the agent is asked something all the same");
            prompts.push("Go on.".to_owned());
        }
        (false, Some(_)) => reading.note("`prompt` stands beside `turns`, which count"),
        (false, None) => {}
    }
    prompts.iter().fold(String::new(), |mut toml, prompt| {
        let _ = write!(toml, "\n[[turn]]\nprompt = {}\n", quoted(prompt));
        toml
    })
}

fn workspace(reading: &mut Reading) -> (String, Vec<Copy>) {
    let mut files = Vec::new();
    for (path, content) in reading.object("files") {
        match content {
            Value::String(text) if is_inside(&path) => files.push((path, text)),
            Value::String(_) => reading.note(format!("the file `{path}` lies outside the workspace")),
            other => reading.note(format!("the file `{path}` has no text: {other}")),
        }
    }
    // The harness lays workspace skills into the agent's home too; agents find them in the workspace.
    let staged: Vec<_> = files
        .iter()
        .filter_map(|(path, text)| {
            Some((format!(".agents/skills/{}", path.strip_prefix(".code/skills/")?), text.clone()))
        })
        .filter(|(path, _)| !files.iter().any(|(known, _)| known == path))
        .collect();
    files.extend(staged);
    let mut copies = Vec::new();
    for entry in list_of(reading, "copy") {
        let part = |name: &str| entry.get(name).and_then(Value::as_str).map(str::to_owned);
        match (part("source"), part("target")) {
            (Some(source), Some(target)) if is_inside(&target) => {
                copies.push(Copy { source, target, beside: Beside::Repository });
            }
            _ => reading.note(format!("`copy` of {entry}: it needs a source, and a target in the workspace")),
        }
    }
    for root in list_of(reading, "skill_roots") {
        match root.as_str() {
            Some(source) => copies.push(Copy {
                source: source.to_owned(),
                target: ".agents/skills".to_owned(),
                beside: Beside::Skills,
            }),
            None => reading.note(format!("a skill root that is no path: {root}")),
        }
    }
    let git = reading.take("git_init").is_none_or(|value| value != Value::Bool(false));
    let mut toml = format!("\n[workspace]\ngit = {git}\n");
    if !copies.is_empty() {
        toml.push_str("from = \"workspace\"\n");
    }
    if !files.is_empty() {
        toml.push_str("[workspace.files]\n");
        for (path, text) in &files {
            let _ = writeln!(toml, "{} = {}", key(path), quoted(text));
        }
    }
    (toml, copies)
}

/// A list; something else is named and nothing.
fn list_of(reading: &mut Reading, name: &str) -> Vec<Value> {
    match reading.take(name) {
        None => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(other) => {
            reading.note(format!("`{name}` is no list: {other}"));
            Vec::new()
        }
    }
}

/// Texts: a list, or one; the harness takes a single text apart into its letters, which checked nothing.
fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// A list of texts as TOML.
fn text_list(texts: &[String]) -> String {
    list(texts)
}
