//! What differs between two recordings, for people and for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Style;
use crate::document::Differences;
use crate::value::{Outcome, escape_terminal};

/// The JSON form's name and major version.
const SCHEMA: &str = "wassert.difference/1";

/// Differences by section, each with its path and both values.
pub fn difference(differences: &Differences, left_out: &[&str], style: Style) -> String {
    let mut text = String::new();
    let but =
        if left_out.is_empty() { String::new() } else { format!(", but for {}", left_out.join(" and ")) };
    let mut section = "";
    for difference in &differences.found {
        if difference.section() != section {
            section = difference.section();
            let _ = writeln!(text, "{}", style.strong(&escape_terminal(section)));
        }
        let (left, right) = difference.excerpts();
        let _ = writeln!(text, "  {}", style.place(&escape_terminal(&difference.path())));
        let _ = writeln!(text, "    {}", style.outcome(Outcome::Fail, &format!("- {left}")));
        let _ = writeln!(text, "    {}", style.outcome(Outcome::Pass, &format!("+ {right}")));
    }
    match differences.found.len() + differences.more {
        0 => {
            let _ = writeln!(text, "the documents are equal{but}");
        }
        total => {
            if differences.more > 0 {
                let _ = writeln!(text, "… and {} more", differences.more);
            }
            let s = if total == 1 { "" } else { "s" };
            let _ = writeln!(text, "\n{total} difference{s}{but}");
        }
    }
    text
}

/// The same as one object; a value that is not there has no member.
pub fn difference_json(differences: &Differences, left_out: &[&str]) -> Value {
    let found: Vec<Value> = differences
        .found
        .iter()
        .map(|difference| {
            let mut one = json!({ "section": difference.section(), "path": difference.path() });
            for (side, value) in [("left", &difference.left), ("right", &difference.right)] {
                if let Some(value) = value {
                    one[side] = value.clone();
                }
            }
            one
        })
        .collect();
    json!({
        "schema": SCHEMA,
        "equal": differences.found.is_empty(),
        "left_out": left_out,
        "differences": found,
        "more": differences.more,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{VARYING, differences};

    #[test]
    fn differences_are_grouped_by_section() {
        let left = json!({"events": [1, "\u{1b}[31m"], "files": {"a": {"bytes": 1}}});
        let right = json!({"events": [2, "x"], "files": {}});
        let found = differences(&left, &right, &VARYING);
        assert_eq!(
            difference(&found, &VARYING, Style::Plain),
            "events\n  $['events'][0]\n    - 1\n    + 2\n  $['events'][1]\n    - \"\\u{1b}[31m\"\n    + \"x\"\nfiles\n  \
             $['files']['a']\n    - {\"bytes\":1}\n    + nothing\n\n3 differences, but for raw and timing\n"
        );
        let object = difference_json(&found, &VARYING);
        assert_eq!(
            object["differences"][2],
            json!({"section": "files", "path": "$['files']['a']", "left": {"bytes": 1}})
        );
        assert_eq!((&object["equal"], &object["more"]), (&json!(false), &json!(0)));
    }

    #[test]
    fn equal_documents_are_said_to_be_equal() {
        let text = difference(&Differences::default(), &[], Style::Plain);
        assert_eq!(text, "the documents are equal\n");
    }
}
