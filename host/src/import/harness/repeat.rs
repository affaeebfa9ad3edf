//! `{"$repeat": text, "count": n}`: a text that is written out here.

use serde_json::Value;

/// Bytes of all repeated texts together; a scenario file may have 1 MiB.
const MOST_BYTES: usize = 512 * 1024;

/// Writes every repeated text out, wherever it stands.
///
/// # Errors
/// When one is not as it should be, or they are too large together.
pub(super) fn expand(value: &mut Value) -> Result<(), String> {
    within(value, &mut 0)
}

fn within(value: &mut Value, bytes: &mut usize) -> Result<(), String> {
    if let Some(unit) = value.get("$repeat") {
        let unit = unit.as_str().ok_or("`$repeat` is no text")?;
        let count = value.get("count").and_then(Value::as_u64).ok_or("`$repeat` has no `count`")?;
        let count = usize::try_from(count).map_err(|_| "`count` of `$repeat` is too large")?;
        *bytes =
            unit.len().checked_mul(count).and_then(|size| size.checked_add(*bytes)).unwrap_or(usize::MAX);
        if *bytes > MOST_BYTES {
            return Err(format!("its `$repeat` texts are larger than {MOST_BYTES} bytes together"));
        }
        *value = Value::String(unit.repeat(count));
        return Ok(());
    }
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| within(item, bytes)),
        Value::Object(members) => members.values_mut().try_for_each(|member| within(member, bytes)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::expand;

    #[test]
    fn repeated_texts_are_written_out() {
        let mut value = json!({"a": [{"$repeat": "ab", "count": 3}], "b": {"$repeat": "x", "count": 0}});
        expand(&mut value).unwrap();
        assert_eq!(value, json!({"a": ["ababab"], "b": ""}));
        for bad in [
            json!({"$repeat": 1, "count": 1}),
            json!({"$repeat": "a"}),
            json!({"$repeat": "ab", "count": 1u64 << 40}),
        ] {
            assert!(expand(&mut bad.clone()).is_err(), "{bad}");
        }
    }
}
