//! Every text inside a JSON value, with its path.

use serde_json::Value;
use wassert_guest::{Evidence, Place, Refusal, path};

/// The members of a transcript's item that say something; the others (`kind`, `role`, `call`, `type`) only name it.
pub const SPOKEN: [&str; 5] = ["text", "tool", "input", "output", "raw"];

/// Places in one finding; more would only be noise.
pub const PLACES: usize = 16;

/// A text and where it stands: a normalized path, or the name of a blob.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    /// Where.
    pub path: String,
    /// What.
    pub text: String,
}

/// Every text in a value, at any depth; names of members are not texts.
pub fn within(at: &str, value: &Value) -> Vec<Text> {
    let mut texts = Vec::new();
    collect(at, value, &mut texts);
    texts
}

/// Whether any text in a value satisfies `holds`.
pub fn any(value: &Value, holds: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => holds(text),
        Value::Array(items) => items.iter().any(|item| any(item, holds)),
        Value::Object(members) => members.values().any(|member| any(member, holds)),
        _ => false,
    }
}

/// How often `needle` occurs, not counting overlaps, and the paths of the texts it occurs in.
pub fn occurrences(texts: &[Text], needle: &str) -> (u32, Vec<String>) {
    let mut total = 0;
    let mut paths = Vec::new();
    for text in texts {
        let here = text.text.matches(needle).count() as u32;
        if here > 0 {
            total += here;
            paths.push(text.path.clone());
        }
    }
    (total, paths)
}

/// The first few paths, or `otherwise` when there are none.
pub fn places(mut paths: Vec<String>, otherwise: &str) -> Vec<String> {
    if paths.is_empty() {
        return vec![otherwise.to_owned()];
    }
    paths.truncate(PLACES);
    paths
}

/// The places of these paths; in a blob, the bytes where `needle` stands first, if it stands there as it is.
///
/// # Errors
/// When a blob can't be opened.
pub fn located(evidence: &Evidence, paths: Vec<String>, needle: &str) -> Result<Vec<Place>, Refusal> {
    let locate = |path: String| {
        let is_blob = !path.starts_with('$');
        let start = if is_blob { evidence.blob(&path)?.find(needle.as_bytes(), 0) } else { None };
        Ok(Place { path, start, end: start.map(|start| start + needle.len() as u64) })
    };
    paths.into_iter().map(locate).collect()
}

fn collect(at: &str, value: &Value, texts: &mut Vec<Text>) {
    match value {
        Value::String(text) => texts.push(Text { path: at.to_owned(), text: text.clone() }),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(&path::element(at, index), item, texts);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                collect(&path::member(at, name), member, texts);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_are_searched_at_any_depth() {
        let input = json!({"argv": ["ls", "-l"]});
        assert_eq!(occurrences(&within("$", &input), "-l"), (1, vec!["$['argv'][1]".to_owned()]));
    }
}
