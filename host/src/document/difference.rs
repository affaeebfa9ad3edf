//! What differs between two run documents, by section and path. Knows nothing of why.

use serde_json::Value;

use crate::value::{PathPart, excerpt, push_path_part};

/// Sections that differ between two runs by design.
pub const VARYING: [&str; 2] = ["raw", "timing"];

/// Differences kept; the rest is counted.
const KEPT: usize = 1000;

/// Characters of each value in [`Difference::excerpts`], and how many of them stand before the first difference.
const EXCERPT_CHARACTERS: usize = 120;
const BEFORE_CHARACTERS: usize = 40;

/// One value that is not the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where it is, from the section on.
    pub at: Vec<Part>,
    /// In the first document; none when it is not there.
    pub left: Option<Value>,
    /// In the second; none when it is not there.
    pub right: Option<Value>,
}

/// One part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A member.
    Name(String),
    /// An element; its position in the first document, or in the second where the first has none.
    Index(usize),
}

/// Everything that is not the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Differences {
    /// In the order of the documents' members.
    pub found: Vec<Difference>,
    /// How many more there are.
    pub more: usize,
}

impl Difference {
    /// The section.
    pub fn section(&self) -> &str {
        match self.at.first() {
            Some(Part::Name(name)) => name,
            _ => "",
        }
    }

    /// Its normalized path.
    pub fn path(&self) -> String {
        let mut path = "$".to_owned();
        for part in &self.at {
            push_path_part(
                &mut path,
                match part {
                    Part::Name(name) => PathPart::Name(name),
                    Part::Index(index) => PathPart::Index(*index),
                },
            );
        }
        path
    }

    /// Both values on one line each, long texts from shortly before their first difference on.
    pub fn excerpts(&self) -> (String, String) {
        let from = match (&self.left, &self.right) {
            (Some(Value::String(left)), Some(Value::String(right))) => {
                let same = left.chars().zip(right.chars()).take_while(|(a, b)| a == b).count();
                let longest = left.chars().count().max(right.chars().count());
                if longest <= EXCERPT_CHARACTERS { 0 } else { same.saturating_sub(BEFORE_CHARACTERS) }
            }
            _ => 0,
        };
        (shown(self.left.as_ref(), from), shown(self.right.as_ref(), from))
    }
}

fn shown(value: Option<&Value>, from: usize) -> String {
    match value {
        None => "nothing".to_owned(),
        Some(Value::String(text)) => {
            let before = if from > 0 { "…" } else { "" };
            let part: String = text.chars().skip(from).take(EXCERPT_CHARACTERS + 1).collect();
            format!("\"{before}{}\"", excerpt(&part, EXCERPT_CHARACTERS))
        }
        Some(value) => excerpt(&value.to_string(), EXCERPT_CHARACTERS),
    }
}

/// Compares two documents, but for the sections `left_out`. Lists of unequal length are compared from both ends, and
/// what is between counts as added or removed.
pub fn differences(left: &Value, right: &Value, left_out: &[&str]) -> Differences {
    let mut differences = Differences::default();
    let mut at = Vec::new();
    members(left, right, left_out, &mut at, &mut differences);
    differences
}

fn compare(left: Option<&Value>, right: Option<&Value>, at: &mut Vec<Part>, found: &mut Differences) {
    match (left, right) {
        (Some(a), Some(b)) if a == b => {}
        (Some(a @ Value::Object(_)), Some(b @ Value::Object(_))) => members(a, b, &[], at, found),
        (Some(Value::Array(a)), Some(Value::Array(b))) => elements(a, b, at, found),
        _ if found.found.len() == KEPT => found.more += 1,
        _ => found.found.push(Difference { at: at.clone(), left: left.cloned(), right: right.cloned() }),
    }
}

fn members(left: &Value, right: &Value, left_out: &[&str], at: &mut Vec<Part>, found: &mut Differences) {
    let names = |value: &Value| -> Vec<String> {
        value.as_object().into_iter().flat_map(|members| members.keys().cloned()).collect()
    };
    let mut all = names(left);
    all.extend(names(right));
    all.sort();
    all.dedup();
    for name in all.into_iter().filter(|name| !left_out.contains(&name.as_str())) {
        let (a, b) = (left.get(&name), right.get(&name));
        at.push(Part::Name(name));
        compare(a, b, at, found);
        at.pop();
    }
}

fn elements(left: &[Value], right: &[Value], at: &mut Vec<Part>, found: &mut Differences) {
    let shorter = left.len().min(right.len());
    let (start, end) = if left.len() == right.len() {
        (0, 0)
    } else {
        let start = left.iter().zip(right).take_while(|(a, b)| a == b).count();
        let backwards = left.iter().rev().zip(right.iter().rev());
        (start, backwards.take(shorter - start).take_while(|(a, b)| a == b).count())
    };
    let (left_end, right_end) = (left.len() - end, right.len() - end);
    for index in start..left_end.max(right_end) {
        let inside = |list: &'_ [Value], end: usize| (index < end).then(|| list[index].clone());
        let (a, b) = (inside(left, left_end), inside(right, right_end));
        at.push(Part::Index(index));
        compare(a.as_ref(), b.as_ref(), at, found);
        at.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(left: &Value, right: &Value) -> Vec<String> {
        let found = differences(left, right, &VARYING).found;
        let line = |difference: &Difference| {
            let (left, right) = difference.excerpts();
            format!("{} {left} {right}", difference.path())
        };
        found.iter().map(line).collect()
    }

    #[test]
    fn differences_have_paths_and_both_values() {
        let left = json!({"timing": 1, "events": [{"raw": {"a": 1, "b": "x"}}], "git": null});
        let right = json!({"timing": 2, "events": [{"raw": {"a": 2, "c": "x"}}], "git": null});
        assert_eq!(
            told(&left, &right),
            [
                "$['events'][0]['raw']['a'] 1 2",
                "$['events'][0]['raw']['b'] \"x\" nothing",
                "$['events'][0]['raw']['c'] nothing \"x\""
            ]
        );
        assert_eq!(told(&left, &left), [""; 0]);
        assert_eq!(differences(&left, &right, &[]).found.len(), 4);
    }

    #[test]
    fn what_was_put_in_between_is_one_difference() {
        let left = json!({"events": [1, 2, 3]});
        assert_eq!(told(&left, &json!({"events": [1, 9, 2, 3]})), ["$['events'][1] nothing 9"]);
        assert_eq!(told(&left, &json!({"events": [2, 3]})), ["$['events'][0] 1 nothing"]);
        assert_eq!(told(&left, &json!({"events": []})).len(), 3);
        assert_eq!(told(&json!({"events": [1, 1]}), &json!({"events": [1]})), ["$['events'][1] 1 nothing"]);
    }

    #[test]
    fn long_texts_are_shown_where_they_differ() {
        let text = |end: &str| json!({"stdout": format!("{}{end}", "x".repeat(500))});
        let told = told(&text("one"), &text("two"));
        assert!(told[0].ends_with(&format!("\"…{0}one\" \"…{0}two\"", "x".repeat(40))), "{told:?}");
    }

    #[test]
    fn very_many_are_counted() {
        let list = |value: u32| json!({"events": vec![value; KEPT + 5]});
        let found = differences(&list(1), &list(2), &[]);
        assert_eq!((found.found.len(), found.more), (KEPT, 5));
    }
}
