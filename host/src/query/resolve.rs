//! Follows a path that can lead to one place at most.

use super::ast::{Query, Selector};
use super::tree::Json;
use crate::value::{PathPart, push_path_part};

/// What stands at a normalized path or any other singular query; `None` when nothing does or it is no such path.
pub fn resolve<'v, V: Json<'v>>(path: &str, document: V) -> Option<V> {
    singular_path(path, document).map(|(_, value)| value)
}

/// As [`resolve`], with the normalized path.
pub fn singular_path<'v, V: Json<'v>>(path: &str, document: V) -> Option<(String, V)> {
    let query = Query::parse(path).ok().filter(Query::is_singular)?;
    let mut value = document;
    let mut normalized = String::from("$");
    for selector in query.segments.iter().flat_map(|segment| &segment.selectors) {
        let (part, next) = match selector {
            Selector::Name(name) => {
                value.member(name).map(|(name, member)| (PathPart::Name(name), member))?
            }
            Selector::Index(index) => {
                value.at(*index).map(|(index, element)| (PathPart::Index(index), element))?
            }
            _ => return None,
        };
        push_path_part(&mut normalized, part);
        value = next;
    }
    Some((normalized, value))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn a_singular_path_leads_to_its_value() {
        let document = json!({ "a": [1, { "it's": 2 }] });
        assert_eq!(resolve("$", &document), Some(&document));
        assert_eq!(resolve(r"$['a'][1]['it\'s']", &document), Some(&json!(2)));
        assert_eq!(singular_path("$.a[-2]", &document), Some(("$['a'][0]".to_owned(), &json!(1))));
        for path in ["$.b", "$.a[2]", "$.a.b", "$.a[*]", "$..a", "a", ""] {
            assert_eq!(resolve::<&Value>(path, &document), None, "{path}");
        }
    }
}
