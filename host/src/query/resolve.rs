//! Follows a path that can lead to one place at most.

use serde_json::Value;

use super::ast::{Query, Selector};
use super::evaluate::position;
use crate::value::{PathPart, push_path_part};

/// What stands at a normalized path or any other singular query; `None` when nothing does or it is no such path.
pub fn resolve<'v>(path: &str, document: &'v Value) -> Option<&'v Value> {
    singular_path(path, document).map(|(_, value)| value)
}

/// As [`resolve`], with the normalized path.
pub fn singular_path<'v>(path: &str, document: &'v Value) -> Option<(String, &'v Value)> {
    let query = Query::parse(path).ok().filter(Query::is_singular)?;
    let mut value = document;
    let mut normalized = String::from("$");
    for selector in query.segments.iter().flat_map(|segment| &segment.selectors) {
        match (selector, value) {
            (Selector::Name(name), Value::Object(members)) => {
                value = members.get(name)?;
                push_path_part(&mut normalized, PathPart::Name(name));
            }
            (Selector::Index(index), Value::Array(items)) => {
                let index = position(*index, items.len())?;
                value = &items[index];
                push_path_part(&mut normalized, PathPart::Index(index));
            }
            _ => return None,
        }
    }
    Some((normalized, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_singular_path_leads_to_its_value() {
        let document = json!({ "a": [1, { "it's": 2 }] });
        assert_eq!(resolve("$", &document), Some(&document));
        assert_eq!(resolve(r"$['a'][1]['it\'s']", &document), Some(&json!(2)));
        assert_eq!(singular_path("$.a[-2]", &document), Some(("$['a'][0]".to_owned(), &json!(1))));
        for path in ["$.b", "$.a[2]", "$.a.b", "$.a[*]", "$..a", "a", ""] {
            assert_eq!(resolve(path, &document), None, "{path}");
        }
    }
}
