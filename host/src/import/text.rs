//! TOML as a person would write it, and the comments that say what is missing.

use std::fmt::Write as _;

use serde_json::Value;

/// A basic string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A key, quoted where it must be.
pub(super) fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(is_bare) { name.to_owned() } else { quoted(name) }
}

/// A list of texts.
pub(super) fn list<'a>(texts: impl IntoIterator<Item = &'a String>) -> String {
    format!("[{}]", texts.into_iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", "))
}

/// A JSON value as TOML; nothing when it holds null or a number that TOML has not.
pub(super) fn inline(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Bool(value) => Some(value.to_string()),
        Value::Number(number) => {
            let text = number.to_string();
            (number.is_i64() || number.is_f64() && !text.contains(['e', 'E'])).then_some(text)
        }
        Value::String(text) => Some(quoted(text)),
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(inline).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Value::Object(members) if members.is_empty() => Some("{}".to_owned()),
        Value::Object(members) => {
            let members: Option<Vec<_>> = members
                .iter()
                .map(|(name, value)| Some(format!("{} = {}", key(name), inline(value)?)))
                .collect();
            Some(format!("{{ {} }}", members?.join(", ")))
        }
    }
}

/// One line of a comment for each sentence; what is in it can't end the comment.
pub(super) fn comments(sentences: &[String]) -> String {
    sentences.iter().fold(String::new(), |mut text, sentence| {
        let line: String = sentence.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = writeln!(text, "# Not carried over: {line}");
        text
    })
}

/// `[[assert]]` with parameters that are already TOML.
pub(super) fn assertion(uses: &str, with: &[(&str, String)]) -> String {
    let with: Vec<_> = with.iter().map(|(name, value)| format!("{} = {value}", key(name))).collect();
    let with = if with.is_empty() { String::new() } else { format!("with = {{ {} }}\n", with.join(", ")) };
    format!("\n[[assert]]\nuse = {}\n{with}", quoted(uses))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let value = json!({"a b": ["x\n\"y\"\u{1}", 1, 1.5, true, {}], "c": {"d": -1}});
        let text = format!("v = {}", inline(&value).unwrap());
        let read: toml::Value = toml::from_str(&text).unwrap();
        assert_eq!(serde_json::to_value(&read["v"]).unwrap(), value);
        assert_eq!(inline(&json!([null])), None);
    }

    #[test]
    fn a_sentence_can_not_leave_its_comment() {
        assert_eq!(comments(&["a\nuse = 1".to_owned()]), "# Not carried over: a use = 1\n");
    }
}
