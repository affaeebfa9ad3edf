//! JSON Patch (RFC 6902): how a failing example differs from a passing one.
//!
//! A patch comes from a file that a stranger may have written, so everything is bounded: operations, the depth of what
//! they make, and what they copy. Numbers are equal when their values are, and members that the RFC does not know are
//! ignored, as it demands. The only thing it allows and this does not: removing the whole document.

use serde_json::Value;

use super::pointer::Pointer;
use crate::value::{compare_numbers, excerpt};

/// The most operations of one patch.
const OPERATIONS_LIMIT: usize = 1_000;

/// The most values that the operations of one patch may put into the document, counted again for each copy.
const VALUES_LIMIT: usize = 1 << 20;

/// The deepest value a patch may make. JSON text deeper than 128 is not read in the first place.
const DEPTH_LIMIT: usize = 128;

/// A patch that is well-formed.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    operations: Vec<Operation>,
}

#[derive(Clone, Debug, PartialEq)]
struct Operation {
    change: Change,
    path: Pointer,
}

#[derive(Clone, Debug, PartialEq)]
enum Change {
    Add(Value),
    Remove,
    Replace(Value),
    Move { from: Pointer },
    Copy { from: Pointer },
    Test(Value),
}

impl Change {
    fn word(&self) -> &'static str {
        match self {
            Self::Add(_) => "add",
            Self::Remove => "remove",
            Self::Replace(_) => "replace",
            Self::Move { .. } => "move",
            Self::Copy { .. } => "copy",
            Self::Test(_) => "test",
        }
    }
}

/// Why a patch can't be used, or can't be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatchError {
    /// It is not a list.
    #[error("a patch is a list of operations")]
    NotAList,
    /// It has too many operations.
    #[error("a patch has at most {OPERATIONS_LIMIT} operations, this one has {count}")]
    TooMany {
        /// How many.
        count: usize,
    },
    /// One operation is not what the RFC describes.
    #[error("operation {position}: {reason}")]
    Malformed {
        /// Its position, from 0.
        position: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// One operation does not fit the document.
    #[error("operation {position} ({operation} `{pointer}`): {reason}")]
    Failed {
        /// Its position, from 0.
        position: usize,
        /// `add`, `remove`, `replace`, `move`, `copy` or `test`.
        operation: &'static str,
        /// Where it was to happen, escaped for a terminal.
        pointer: String,
        /// Why it can't.
        reason: String,
    },
}

impl Patch {
    /// Reads the JSON of a patch.
    ///
    /// # Errors
    /// The first operation that is not one, with its position.
    pub fn parse(json: &Value) -> Result<Self, PatchError> {
        let operations = json.as_array().ok_or(PatchError::NotAList)?;
        if operations.len() > OPERATIONS_LIMIT {
            return Err(PatchError::TooMany { count: operations.len() });
        }
        let operations = operations.iter().enumerate().map(|(position, json)| {
            operation(json).map_err(|reason| PatchError::Malformed { position, reason })
        });
        Ok(Self { operations: operations.collect::<Result<_, _>>()? })
    }

    /// The document as the patch makes it.
    ///
    /// # Errors
    /// The first operation that does not fit; then there is no document, as the RFC demands.
    pub fn apply(&self, mut document: Value) -> Result<Value, PatchError> {
        let mut values_left = VALUES_LIMIT;
        for (position, operation) in self.operations.iter().enumerate() {
            let failed = |reason| PatchError::Failed {
                position,
                operation: operation.change.word(),
                pointer: excerpt(operation.path.text(), 200),
                reason,
            };
            apply(operation, &mut document, &mut values_left).map_err(failed)?;
        }
        Ok(document)
    }
}

fn operation(json: &Value) -> Result<Operation, String> {
    let members = json.as_object().ok_or("it is not an object")?;
    let text = |name: &str| match members.get(name) {
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(format!("its `{name}` is not text")),
        None => Err(format!("it has no `{name}`")),
    };
    let value = || members.get("value").cloned().ok_or_else(|| "it has no `value`".to_owned());
    let from = || text("from").and_then(Pointer::parse);
    let change = match text("op")? {
        "add" => Change::Add(value()?),
        "remove" => Change::Remove,
        "replace" => Change::Replace(value()?),
        "move" => Change::Move { from: from()? },
        "copy" => Change::Copy { from: from()? },
        "test" => Change::Test(value()?),
        other => return Err(format!("there is no operation `{}`", excerpt(other, 60))),
    };
    Ok(Operation { change, path: text("path").and_then(Pointer::parse)? })
}

fn apply(operation: &Operation, document: &mut Value, values_left: &mut usize) -> Result<(), String> {
    let path = &operation.path;
    match &operation.change {
        Change::Add(value) => {
            charge(value, path, values_left)?;
            path.insert(document, value.clone())
        }
        Change::Remove => path.remove(document).map(drop),
        Change::Replace(value) => {
            charge(value, path, values_left)?;
            *path.find_mut(document)? = value.clone();
            Ok(())
        }
        Change::Move { from } => {
            if from == path {
                return from.find(document).map(drop);
            }
            if from.is_above(path) {
                return Err(format!("`{}` can't be moved into itself", excerpt(from.text(), 200)));
            }
            let value = from.remove(document)?;
            charge(&value, path, values_left)?;
            path.insert(document, value)
        }
        Change::Copy { from } => {
            let value = from.find(document)?;
            charge(value, path, values_left)?;
            let value = value.clone();
            path.insert(document, value)
        }
        Change::Test(expected) => {
            let found = path.find(document)?;
            if equal(found, expected) {
                return Ok(());
            }
            Err(format!(
                "expected {}, found {}",
                excerpt(&expected.to_string(), 100),
                excerpt(&found.to_string(), 100)
            ))
        }
    }
}

/// Whether the document may take a value there. Walks without recursion: the value may be as deep as it likes.
fn charge(value: &Value, path: &Pointer, values_left: &mut usize) -> Result<(), String> {
    let mut waiting = vec![(value, path.depth())];
    while let Some((value, depth)) = waiting.pop() {
        if depth > DEPTH_LIMIT {
            return Err(format!("what it makes is deeper than {DEPTH_LIMIT}"));
        }
        *values_left = values_left
            .checked_sub(1)
            .ok_or_else(|| format!("the patch makes more than {VALUES_LIMIT} values"))?;
        match value {
            Value::Array(items) => waiting.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(members) => waiting.extend(members.values().map(|member| (member, depth + 1))),
            _ => {}
        }
    }
    Ok(())
}

/// RFC 6902 section 4.6; numbers by value, whatever they look like.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            compare_numbers(&left.to_string(), &right.to_string()).is_eq()
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(name, left)| right.get(name).is_some_and(|right| equal(left, right)))
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn patched(document: Value, patch: &Value) -> Result<Value, String> {
        Patch::parse(patch).and_then(|patch| patch.apply(document)).map_err(|error| error.to_string())
    }

    /// Appendix A of RFC 6902: document, patch, and what comes of them.
    #[test]
    fn the_examples_of_the_rfc() {
        let examples = [
            // A.1 to A.6
            (
                json!({"foo": "bar"}),
                json!([{"op": "add", "path": "/baz", "value": "qux"}]),
                json!({"baz": "qux", "foo": "bar"}),
            ),
            (
                json!({"foo": ["bar", "baz"]}),
                json!([{"op": "add", "path": "/foo/1", "value": "qux"}]),
                json!({"foo": ["bar", "qux", "baz"]}),
            ),
            (
                json!({"baz": "qux", "foo": "bar"}),
                json!([{"op": "remove", "path": "/baz"}]),
                json!({"foo": "bar"}),
            ),
            (
                json!({"foo": ["bar", "qux", "baz"]}),
                json!([{"op": "remove", "path": "/foo/1"}]),
                json!({"foo": ["bar", "baz"]}),
            ),
            (
                json!({"baz": "qux", "foo": "bar"}),
                json!([{"op": "replace", "path": "/baz", "value": "boo"}]),
                json!({"baz": "boo", "foo": "bar"}),
            ),
            (
                json!({"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}}),
                json!([{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}]),
                json!({"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}}),
            ),
            // A.7
            (
                json!({"foo": ["all", "grass", "cows", "eat"]}),
                json!([{"op": "move", "from": "/foo/1", "path": "/foo/3"}]),
                json!({"foo": ["all", "cows", "eat", "grass"]}),
            ),
            // A.8
            (
                json!({"baz": "qux", "foo": ["a", 2, "c"]}),
                json!([{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}]),
                json!({"baz": "qux", "foo": ["a", 2, "c"]}),
            ),
            // A.10, A.11
            (
                json!({"foo": "bar"}),
                json!([{"op": "add", "path": "/child", "value": {"grandchild": {}}}]),
                json!({"foo": "bar", "child": {"grandchild": {}}}),
            ),
            (
                json!({"foo": "bar"}),
                json!([{"op": "add", "path": "/baz", "value": "qux", "xyz": 123}]),
                json!({"foo": "bar", "baz": "qux"}),
            ),
            // A.14, A.16
            (
                json!({"/": 9, "~1": 10}),
                json!([{"op": "test", "path": "/~01", "value": 10}]),
                json!({"/": 9, "~1": 10}),
            ),
            (
                json!({"foo": ["bar"]}),
                json!([{"op": "add", "path": "/foo/-", "value": ["abc", "def"]}]),
                json!({"foo": ["bar", ["abc", "def"]]}),
            ),
        ];
        for (document, patch, expected) in examples {
            assert_eq!(patched(document, &patch), Ok(expected), "{patch}");
        }
    }

    #[test]
    fn the_examples_of_the_rfc_that_fail() {
        let twice: Value =
            serde_json::from_str(r#"[{"op":"add","path":"/baz","value":"qux","op":"remove"}]"#).unwrap();
        for (document, patch, reason) in [
            // A.9, A.12, A.13, A.15
            (
                json!({"baz": "qux"}),
                json!([{"op": "test", "path": "/baz", "value": "bar"}]),
                r#"operation 0 (test `/baz`): expected "bar", found "qux""#,
            ),
            (
                json!({"foo": "bar"}),
                json!([{"op": "add", "path": "/baz/bat", "value": "qux"}]),
                "operation 0 (add `/baz/bat`): the document has no member `baz`",
            ),
            (json!({"foo": "bar"}), twice, "operation 0 (remove `/baz`): the document has no member `baz`"),
            (
                json!({"/": 9, "~1": 10}),
                json!([{"op": "test", "path": "/~01", "value": "10"}]),
                r#"operation 0 (test `/~01`): expected "10", found 10"#,
            ),
        ] {
            assert_eq!(patched(document, &patch).unwrap_err(), reason);
        }
    }

    #[test]
    fn values_are_equal_whatever_their_text() {
        for (left, right, same) in [
            ("[1, {\"a\": 100}]", "[1.0, {\"a\": 1e2}]", true),
            ("9007199254740993", "9007199254740992", false),
            ("{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}", true),
            ("{\"a\": null}", "{}", false),
            ("[1]", "[1, 2]", false),
        ] {
            let [left, right]: [Value; 2] = [left, right].map(|text| serde_json::from_str(text).unwrap());
            assert_eq!(equal(&left, &right), same, "{left} {right}");
        }
    }

    #[test]
    fn a_copy_is_a_copy_and_the_whole_document_can_be_replaced() {
        let copied = patched(
            json!({"a": [1]}),
            &json!([
                {"op": "copy", "from": "/a", "path": "/b"},
                {"op": "add", "path": "/b/0", "value": 0},
                {"op": "copy", "from": "", "path": "/whole"},
            ]),
        );
        assert_eq!(copied, Ok(json!({"a": [1], "b": [0, 1], "whole": {"a": [1], "b": [0, 1]}})));
        assert_eq!(patched(json!([1]), &json!([{"op": "replace", "path": "", "value": 7}])), Ok(json!(7)));
    }

    #[test]
    fn what_is_no_patch_is_refused_with_its_position() {
        let fine = json!({"op": "remove", "path": "/a"});
        for (operation, reason) in [
            (json!(7), "operation 1: it is not an object"),
            (json!({"path": "/a"}), "operation 1: it has no `op`"),
            (json!({"op": "dance", "path": "/a"}), "operation 1: there is no operation `dance`"),
            (json!({"op": "add", "path": "/a"}), "operation 1: it has no `value`"),
            (json!({"op": "move", "path": "/a"}), "operation 1: it has no `from`"),
            (json!({"op": "remove"}), "operation 1: it has no `path`"),
            (json!({"op": "remove", "path": 3}), "operation 1: its `path` is not text"),
            (json!({"op": "remove", "path": "a"}), "operation 1: the pointer `a` does not start with `/`"),
        ] {
            assert_eq!(patched(json!({"a": 1}), &json!([fine, operation])).unwrap_err(), reason);
        }
        assert_eq!(patched(json!({}), &json!({})).unwrap_err(), "a patch is a list of operations");
        assert!(patched(json!({}), &json!(vec![fine; 1_001])).unwrap_err().contains("at most 1000"));
    }

    #[test]
    fn nothing_is_moved_into_itself_and_something_is_always_left() {
        let into = json!([{"op": "move", "from": "/a", "path": "/a/b"}]);
        assert!(patched(json!({"a": {}}), &into).unwrap_err().contains("can't be moved into itself"));
        let nowhere = json!([{"op": "move", "from": "/b", "path": "/b"}]);
        assert!(patched(json!({"a": {}}), &nowhere).unwrap_err().contains("no member `b`"));
        let all = json!([{"op": "remove", "path": ""}]);
        assert!(patched(json!({"a": {}}), &all).unwrap_err().contains("the whole document"));
    }

    #[test]
    fn a_few_operations_can_not_fill_the_memory_or_the_stack() {
        let doubling = json!(vec![json!({"op": "copy", "from": "", "path": "/0"}); 64]);
        assert!(patched(json!([1]), &doubling).unwrap_err().contains("more than 1048576 values"));
        let deep = "/0".repeat(100);
        let sinking: Vec<Value> = (0..10)
            .flat_map(|_| {
                [
                    json!({"op": "add", "path": "", "value": serde_json::from_str::<Value>(&format!("{}0{}", "[".repeat(101), "]".repeat(101))).unwrap()}),
                    json!({"op": "copy", "from": "", "path": deep}),
                ]
            })
            .collect();
        assert!(patched(json!([]), &json!(sinking)).unwrap_err().contains("deeper than 128"));
    }
}
