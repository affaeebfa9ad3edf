//! Texts above 64 KiB stand in the document as references to blobs: `{"$blob": name, "bytes": …, "sha256": …}`. Here
//! the texts are put in their place, so that an author never meets a reference.

use serde_json::{Map, Value};

/// The member that makes an object a reference. In somebody else's JSON the same name has one `$` more.
const BLOB: &str = "$blob";

/// Whether a JSON text can hold a reference.
pub(crate) fn may_be_in(json: &str) -> bool {
    json.contains(BLOB)
}

/// Puts texts in the place of references; `read` gives the bytes of a blob.
pub(crate) fn fill_in<E>(
    value: &mut Value,
    read: &mut impl FnMut(&str) -> Result<Vec<u8>, E>,
) -> Result<(), E> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill_in(item, read)),
        Value::Object(members) => {
            if let Some(Value::String(name)) = members.get(BLOB) {
                *value = String::from_utf8_lossy(&read(name)?).into_owned().into();
                return Ok(());
            }
            restore_names(members);
            members.values_mut().try_for_each(|member| fill_in(member, read))
        }
        _ => Ok(()),
    }
}

fn restore_names(members: &mut Map<String, Value>) {
    let is_changed = |name: &&String| name.starts_with("$$") && name.trim_start_matches('$') == "blob";
    // In order, so that `$$blob` has left its name before `$$$blob` takes it.
    let changed: Vec<_> = members.keys().filter(is_changed).cloned().collect();
    let taken: Vec<_> = changed.iter().filter_map(|name| Some((&name[1..], members.remove(name)?))).collect();
    members.extend(taken.into_iter().map(|(name, member)| (name.to_owned(), member)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn texts_take_the_place_of_references() {
        let mut value = json!({ "items": [{ "text": { "$blob": "events/0/text", "bytes": 4 } }, { "$$blob": "x", "$$$blob": 1 }] });
        assert!(may_be_in(&value.to_string()));
        fill_in(&mut value, &mut |name| Ok::<_, String>(format!("<{name}>").into_bytes())).unwrap();
        let expected = json!({ "items": [{ "text": "<events/0/text>" }, { "$blob": "x", "$$blob": 1 }] });
        assert_eq!(value, expected);
    }

    #[test]
    fn a_text_that_is_not_there_is_an_error() {
        let mut value = json!([{ "$blob": "gone" }]);
        assert_eq!(
            fill_in(&mut value, &mut |name| Err::<Vec<u8>, _>(name.to_owned())),
            Err("gone".to_owned())
        );
    }
}
