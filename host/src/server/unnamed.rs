//! Calls that come back without an identifier: in Gemini it is optional, and some agents drop it. The decoder numbers
//! such calls by name (`bash#1`); here they get the identifiers back under which the script issued them, in the order
//! in which it issued calls of that name.

use crate::document::Item;

use super::conversation::Entry;

/// Gives calls and their results the identifiers of what was `issued`, in order.
pub(super) fn restore_identifiers<'a>(transcript: &mut [Item], issued: impl Iterator<Item = &'a Entry>) {
    let is_numbered = |id: &str, tool: &str| {
        id.strip_prefix(tool)
            .and_then(|rest| rest.strip_prefix('#'))
            .is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let mut issued: Vec<(&str, &str)> = issued
        .filter_map(|entry| match entry {
            Entry::Call { call, tool } => Some((call.as_str(), tool.as_str())),
            _ => None,
        })
        .collect();
    let mut names = std::collections::BTreeMap::new();
    for item in transcript {
        match item {
            Item::Call { call, tool, .. } if is_numbered(call, tool) => {
                if let Some(at) = issued.iter().position(|(_, name)| name == tool) {
                    let (id, _) = issued.remove(at);
                    names.insert(std::mem::replace(call, id.to_owned()), id.to_owned());
                }
            }
            Item::Result { call, .. } => {
                if let Some(id) = names.get(call) {
                    call.clone_from(id);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_come_back_in_the_order_of_each_name() {
        let call = |id: &str, tool: &str| Item::Call { call: id.into(), tool: tool.into(), input: ().into() };
        let result = |id: &str| Item::Result { call: id.into(), output: String::new() };
        let entry = |id: &str, tool: &str| Entry::Call { call: id.into(), tool: tool.into() };
        let issued = [entry("a", "bash"), entry("w", "write"), entry("b", "bash")];
        let mut transcript = [
            call("bash#1", "bash"),
            call("kept", "write"),
            call("bash#3", "bash"),
            result("bash#3"),
            result("bash#1"),
            call("bash#4", "bash"),
        ];
        restore_identifiers(&mut transcript, issued.iter());
        let ids: Vec<_> = transcript
            .iter()
            .map(|item| match item {
                Item::Call { call, .. } | Item::Result { call, .. } => call.as_str(),
                _ => "",
            })
            .collect();
        assert_eq!(ids, ["a", "kept", "b", "b", "a", "bash#4"], "what was never issued stays as it is");
    }
}
