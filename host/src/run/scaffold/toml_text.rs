//! Values as TOML.

use serde_json::Value;

/// A text.
pub(super) fn text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A list of texts, or the one text of a list of one.
pub(super) fn texts(texts: &[String]) -> String {
    match texts {
        [one] => text(one),
        several => format!("[{}]", several.iter().map(|one| text(one)).collect::<Vec<_>>().join(", ")),
    }
}

/// JSON; none where TOML has no such value: null, or a number that would be another one.
pub(super) fn json(value: &Value) -> Option<String> {
    converted(value).map(|value| value.to_string())
}

fn converted(value: &Value) -> Option<toml::Value> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(truth) => toml::Value::Boolean(*truth),
        Value::String(text) => toml::Value::String(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) if whole.to_string() == number.to_string() => toml::Value::Integer(whole),
            _ => {
                let float = toml::Value::Float(number.as_f64()?);
                if float.to_string() != number.to_string() {
                    return None;
                }
                float
            }
        },
        Value::Array(items) => toml::Value::Array(items.iter().map(converted).collect::<Option<_>>()?),
        Value::Object(members) => {
            let members = members.iter().map(|(name, member)| Some((name.clone(), converted(member)?)));
            toml::Value::Table(members.collect::<Option<_>>()?)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let value = serde_json::json!({"a": [1, -2.5, true, "x\n\"'''\u{7f}"], "b c": {"": "é"}, "n": 9007199254740993_i64});
        let read: toml::Table = format!("v = {}", json(&value).unwrap()).parse().unwrap();
        assert_eq!(serde_json::to_value(&read["v"]).unwrap(), value);
        assert_eq!(json(&Value::Null), None);
        assert_eq!(json(&serde_json::from_str("1e400").unwrap()), None);
        assert_eq!(json(&serde_json::from_str("18446744073709551615").unwrap()), None);
        for said in ["plain", "two\nlines", "'''", "\u{1b}[0m\r\n"] {
            let read: toml::Table = format!("v = {}", text(said)).parse().unwrap();
            assert_eq!(read["v"].as_str(), Some(said));
        }
    }
}
