//! What of the run document a module may see: a tree of member names made from path prefixes.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Member names below which everything is granted; elements of arrays stand for all of them.
#[derive(Debug, Default)]
pub(super) struct Grant {
    whole: bool,
    members: BTreeMap<String, Grant>,
}

impl Grant {
    /// `turns`, `requests.transcript`, …
    pub fn new<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Self {
        let mut grant = Self::default();
        for prefix in prefixes {
            let mut here = &mut grant;
            for name in prefix.split('.') {
                here = here.members.entry(name.to_owned()).or_default();
            }
            here.whole = true;
        }
        grant
    }

    /// The granted part of a document. Positions in arrays stay.
    pub fn prune(&self, value: &Value) -> Value {
        if self.whole {
            return value.clone();
        }
        match value {
            Value::Object(members) => {
                let granted = self.members.iter().filter_map(|(name, below)| {
                    let member = members.get(name)?;
                    // A value that has no members is no part of a deeper grant.
                    let shown = below.whole || member.is_object() || member.is_array();
                    shown.then(|| (name.clone(), below.prune(member)))
                });
                Value::Object(granted.collect::<Map<_, _>>())
            }
            Value::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| if item.is_object() { self.prune(item) } else { Value::Null })
                    .collect(),
            ),
            _ => Value::Null,
        }
    }

    /// Whether a blob's name is within: what it names in the document is granted.
    pub fn allows_blob(&self, name: &str) -> bool {
        let mut parts = name.split('/');
        let Some(mut here) = parts.next().and_then(|section| self.members.get(section)) else { return false };
        for part in parts {
            if here.whole {
                return true;
            }
            match here.members.get(part) {
                Some(below) => here = below,
                // An element is granted as all of its array are.
                None if part.parse::<usize>().is_ok() => {}
                None => return false,
            }
        }
        here.whole
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_granted_is_left() {
        let document = json!({
            "turns": [{ "exit": 0 }],
            "requests": [{ "transcript": [1], "body": "secret" }, { "body": "secret" }, 7],
            "timing": { "duration_ms": 5 },
        });
        let grant = Grant::new(["turns", "requests.transcript", "agent", "timing.duration_ms.x"]);
        assert_eq!(
            grant.prune(&document),
            json!({ "turns": [{ "exit": 0 }], "requests": [{ "transcript": [1] }, {}, null], "timing": {} })
        );
    }

    #[test]
    fn a_blob_needs_its_section_or_its_member() {
        let grant = Grant::new(["requests.body", "files"]);
        for (name, allowed) in [
            ("files/a/b.txt/after", true),
            ("requests/0/body", true),
            ("requests/0/raw", false),
            ("stdout/0", false),
            ("requests", false),
            ("", false),
        ] {
            assert_eq!(grant.allows_blob(name), allowed, "{name}");
        }
        let grant = Grant::new(["requests.transcript", "git.diff", "turns.final_message"]);
        for (name, allowed) in [
            ("requests/0/body", false),
            ("requests/0/transcript/2/text", true),
            ("git/diff", true),
            ("turns/1/final_message", true),
            ("turns/1/prompt", false),
            ("1/requests/0/transcript", false),
        ] {
            assert_eq!(grant.allows_blob(name), allowed, "{name}");
        }
    }
}
