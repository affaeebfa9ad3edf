//! A skill as it lies in the workspace: a file `SKILL.md` with a name and a description in front, and a body.

use serde_json::Value;
use wassert_guest::{Evidence, path};

/// One skill.
#[derive(Debug, PartialEq, Eq)]
pub struct Skill {
    /// What it is called; the name of its folder where it says nothing.
    pub name: String,
    /// When to use it.
    pub description: Option<String>,
    /// What an agent reads when it uses it, without blank lines around it.
    pub body: String,
}

/// Reads the skill in a folder of the workspace, as it was before the run.
///
/// # Errors
/// When there is none, or it has no body.
pub fn read(evidence: &Evidence, folder: &str) -> Result<Skill, String> {
    let folder = folder.trim_end_matches('/');
    let file = format!("{folder}/SKILL.md");
    let entry = path::member("$['files']", &file);
    let before = evidence
        .first(&path::member(&entry, "before"))?
        .ok_or_else(|| format!("the workspace had no `{file}` before the run"))?;
    let state: Value = before.read()?;
    let text = state.get("text").and_then(Value::as_str);
    let text = text.ok_or_else(|| format!("`{file}` is no text that can be looked for"))?;
    parse(folder, text).ok_or_else(|| format!("`{file}` has no body to look for"))
}

fn parse(folder: &str, text: &str) -> Option<Skill> {
    let unfolded = text.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---"));
    let (front, body) = unfolded.unwrap_or(("", text));
    let member = |name: &str| {
        let value = front.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.trim();
        let value = value.trim_matches(['"', '\'']);
        (!value.is_empty()).then(|| value.to_owned())
    };
    let body = body.trim().to_owned();
    let name = member("name").or_else(|| folder.rsplit('/').next().map(str::to_owned))?;
    (!body.is_empty()).then(|| Skill { name, description: member("description"), body })
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn front_matter_and_body_are_told_apart() {
        let skill = parse("s/tidy", "---\nname: tidy-up\ndescription: \"Puts in order.\"\n---\n\nFold it.\n")
            .unwrap();
        assert_eq!((skill.name.as_str(), skill.description.as_deref()), ("tidy-up", Some("Puts in order.")));
        assert_eq!(skill.body, "Fold it.");
        assert_eq!(parse("s/tidy", "Fold it.").unwrap().name, "tidy");
        assert_eq!(parse("s/tidy", "---\nname: x\n---\n"), None);
    }
}
