//! What must be true of a request that reaches a step, and the values that are taken from it.
//!
//! Pure. A test never selects a step: it is checked once the request has reached it.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::Value;

use super::conversation::quote;
use crate::document::{Item, Request, Role};
use crate::scenario::{Capture, CaptureForm, Expectation, Source, TextTest};

/// What is known of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'a> {
    /// The whole conversation.
    pub(super) transcript: &'a [Item],
    /// Names of the tools offered.
    pub(super) tools: &'a [String],
    /// Header names in lower case.
    pub(super) headers: &'a BTreeMap<String, Vec<String>>,
    /// The body.
    pub(super) body: &'a Value,
}

impl<'a> Facts<'a> {
    /// What is known of one that was decoded; the document may not hold its body.
    pub(super) fn of(request: &'a Request, body: &'a Value) -> Self {
        let Request { transcript, tools, headers, .. } = request;
        Self { transcript, tools, headers, body }
    }

    /// The last result of a call, and where it stands.
    fn result(&self, call: &str) -> Option<(usize, &str)> {
        self.transcript.iter().enumerate().rev().find_map(|(position, item)| match item {
            Item::Result { call: of, output } if of == call => Some((position, output.as_str())),
            _ => None,
        })
    }
}

/// Why an expectation is not met, for people; none when it is.
pub(super) fn unmet(expectation: &Expectation, facts: &Facts<'_>) -> Option<String> {
    match expectation {
        Expectation::ToolResult { call, test } => match facts.result(call) {
            None => Some(format!("expected the result of call {}, and there is none", quote(call))),
            Some((_, output)) if passes(test, output) => None,
            Some((position, output)) => Some(format!(
                "transcript item {position}: expected the result of call {} to {}, got {}",
                quote(call),
                wording(test),
                quote(output)
            )),
        },
        Expectation::Offers(tool) => (!facts.tools.iter().any(|offered| offered == tool)).then(|| {
            format!("expected tool {} to be offered, got {}", quote(tool), quote(&facts.tools.join(", ")))
        }),
        Expectation::Header { name, test } => {
            let values = facts.headers.get(name).map(Vec::as_slice).unwrap_or_default();
            let Some(first) = values.first() else {
                return Some(format!("expected header {}, and there is none", quote(name)));
            };
            let met = match test {
                TextTest::Lacks(_) => values.iter().all(|value| passes(test, value)),
                _ => values.iter().any(|value| passes(test, value)),
            };
            (!met).then(|| {
                format!("expected header {} to {}, got {}", quote(name), wording(test), quote(first))
            })
        }
        Expectation::Transcript { role, test } => {
            let texts = || {
                facts.transcript.iter().enumerate().filter_map(|(at, item)| Some((at, text(item, *role)?)))
            };
            let met = match test {
                TextTest::Lacks(_) => {
                    let (at, _) = texts().find(|(_, text)| !passes(test, text))?;
                    return Some(format!("transcript item {at}: expected it to {}", wording(test)));
                }
                _ => texts().any(|(_, text)| passes(test, &text)),
            };
            (!met).then(|| {
                format!(
                    "expected an item of the transcript to {}, and none of {} does",
                    wording(test),
                    texts().count()
                )
            })
        }
    }
}

fn text(item: &Item, only: Option<Role>) -> Option<String> {
    match (item, only) {
        (Item::Message { role, text }, Some(only)) => (*role == only).then(|| text.clone()),
        (_, Some(_)) => None,
        (Item::Message { text, .. } | Item::Reasoning { text }, None) => Some(text.clone()),
        (Item::Result { output, .. }, None) => Some(output.clone()),
        (Item::Call { tool, input, .. }, None) => Some(format!("{tool} {input}")),
        (Item::Other { raw, .. }, None) => Some(raw.to_string()),
    }
}

fn passes(test: &TextTest, text: &str) -> bool {
    match test {
        TextTest::Anything => true,
        TextTest::Equals(wanted) => text == wanted,
        TextTest::Contains(wanted) => text.contains(wanted.as_str()),
        TextTest::Lacks(unwanted) => !text.contains(unwanted.as_str()),
        TextTest::Matches(expression) => {
            // Checked when the scenario was loaded.
            Regex::new(expression).is_ok_and(|expression| expression.is_match(text))
        }
    }
}

fn wording(test: &TextTest) -> String {
    match test {
        TextTest::Anything => String::from("be there"),
        TextTest::Equals(text) => format!("equal {}", quote(text)),
        TextTest::Contains(text) => format!("contain {}", quote(text)),
        TextTest::Lacks(text) => format!("lack {}", quote(text)),
        TextTest::Matches(expression) => format!("match {}", quote(expression)),
    }
}

/// The value that a request brings.
///
/// # Errors
/// Why there is none, for people.
pub(super) fn captured(capture: &Capture, facts: &Facts<'_>) -> Result<Value, String> {
    let found = match &capture.source {
        Source::ToolResult(call) => facts.result(call).map(|(_, output)| Value::from(output)),
        Source::Header(name) => {
            facts.headers.get(name).and_then(|values| values.first()).map(|value| Value::from(value.as_str()))
        }
        Source::Pointer(pointer) => facts.body.pointer(pointer).cloned(),
    };
    let matched = match (&capture.regex, found) {
        (_, None) => None,
        (None, found) => found,
        (Some(expression), Some(found)) => {
            let text = match &found {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            Regex::new(expression).ok().and_then(|expression| {
                let groups = expression.captures(&text)?;
                groups.get(1).or_else(|| groups.get(0)).map(|group| Value::from(group.as_str()))
            })
        }
    };
    match (matched, capture.optional) {
        (None, true) => Ok(Value::from("")),
        (None, false) => Err(format!(
            "the request does not bring the value {}, which the step captures",
            quote(&capture.name)
        )),
        (Some(value), _) => Ok(formed(value, capture.form)),
    }
}

/// A text that is no number or no JSON stays a text.
fn formed(value: Value, form: CaptureForm) -> Value {
    let Value::String(text) = &value else { return value };
    match form {
        CaptureForm::Text => value,
        CaptureForm::Json => serde_json::from_str(text).unwrap_or(value),
        CaptureForm::Number => match serde_json::from_str::<Value>(text.trim()) {
            Ok(number @ Value::Number(_)) => number,
            _ => value,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with_facts<T>(body: &dyn Fn(&Facts<'_>) -> T) -> T {
        let transcript = [
            Item::Message { role: Role::User, text: "please go".into() },
            Item::Call { call: "a".into(), tool: "shell".into(), input: json!({"command": "ls"}) },
            Item::Result { call: "a".into(), output: "session ID 42 runs".into() },
        ];
        let headers = BTreeMap::from([("x-id".to_owned(), vec!["one".to_owned(), "two".to_owned()])]);
        let json = json!({"model": "m", "n": {"deep": [7]}});
        body(&Facts { transcript: &transcript, tools: &["shell".to_owned()], headers: &headers, body: &json })
    }
    fn contains(text: &str) -> TextTest {
        TextTest::Contains(text.into())
    }

    #[test]
    fn what_is_met_and_what_is_not() {
        let result = |test| Expectation::ToolResult { call: "a".into(), test };
        let header = |test| Expectation::Header { name: "x-id".into(), test };
        let any = |role, test| Expectation::Transcript { role, test };
        for (expectation, expected) in [
            (result(TextTest::Matches("ID [0-9]+".into())), None),
            (result(TextTest::Lacks("runs".into())), Some("to lack `runs`, got `session ID 42 runs`")),
            (Expectation::ToolResult { call: "b".into(), test: TextTest::Anything }, Some("there is none")),
            (Expectation::Offers("shell".into()), None),
            (Expectation::Offers("patch".into()), Some("expected tool `patch` to be offered, got `shell`")),
            (header(TextTest::Equals("two".into())), None),
            (header(TextTest::Lacks("two".into())), Some("expected header `x-id` to lack `two`")),
            (Expectation::Header { name: "y".into(), test: TextTest::Anything }, Some("and there is none")),
            (any(Some(Role::User), contains("go")), None),
            (any(Some(Role::Assistant), contains("go")), Some("none of 0 does")),
            (any(None, contains("ls")), None),
            (any(None, TextTest::Lacks("42".into())), Some("transcript item 2: expected it to lack `42`")),
        ] {
            let unmet = with_facts(&|facts| unmet(&expectation, facts));
            match expected {
                None => assert_eq!(unmet, None),
                Some(part) => assert!(unmet.as_ref().is_some_and(|text| text.contains(part)), "{unmet:?}"),
            }
        }
    }

    #[test]
    fn values_are_taken_from_where_they_stand() {
        let take = |source: Source, regex: Option<&str>, form, optional| {
            let name = String::from("v");
            let capture = Capture { name, source, regex: regex.map(str::to_owned), form, optional };
            with_facts(&|facts| captured(&capture, facts))
        };
        let result = || Source::ToolResult("a".into());
        use CaptureForm::{Json, Number, Text};
        assert_eq!(take(result(), Some(r"ID (\d+)"), Text, false), Ok(json!("42")));
        assert_eq!(take(result(), Some(r"ID (\d+)"), Number, false), Ok(json!(42)));
        assert_eq!(take(result(), Some(r"ru.s"), Number, false), Ok(json!("runs")));
        assert_eq!(take(Source::Header("x-id".into()), None, Text, false), Ok(json!("one")));
        assert_eq!(take(Source::Pointer("/n/deep/0".into()), None, Text, false), Ok(json!(7)));
        assert_eq!(take(Source::Pointer("/n".into()), Some("deep.*"), Json, false), Ok(json!("deep\":[7]}")));
        assert_eq!(take(Source::Header("none".into()), None, Text, true), Ok(json!("")));
        assert!(take(result(), Some("absent"), Text, false).unwrap_err().contains("`v`"));
    }
}
