//! The stored form of a run document: history that repeats stands once, and so does a long text.
//!
//! - A transcript that begins like that of an earlier request of its conversation begins with
//!   `{"$same":{"items":12,"request":3}}` in place of those items. Reading fills them in again.
//! - A string above 64 KiB is a blob named by its place, and `{"$blob":"git/diff","bytes":70000,"sha256":"sha256:…"}`
//!   stands for it. Reading leaves that as it is: it is what assertions see.
//!
//! A member of somebody else's JSON that is named like the latter, `$blob`, gets one `$` more, so that nothing an agent
//! writes can pass for a reference.

use serde_json::{Map, Value, json};

use crate::value::{Digest, canonical};

/// A string above this size is a reference in the document.
pub const REFERENCED_ABOVE_BYTES: usize = 64 * 1024;

/// The most that filled-in history may take.
const FILLED_IN_LIMIT_BYTES: usize = 1 << 30;

/// Arrays and objects deeper than this are their canonical text: parsers give up at 128.
const DEPTH_LIMIT: usize = 100;

const BLOB: &str = "$blob";
const SAME: &str = "$same";

/// Brings a document, in full, into its stored form. `keep` keeps a text under a name.
pub(super) fn shrink<E>(
    document: &mut Value,
    keep: &mut impl FnMut(String, &str) -> Result<Digest, E>,
) -> Result<(), E> {
    share_history(document);
    refer(document, &mut Vec::new(), keep)
}

/// Fills in shared history.
///
/// # Errors
/// A sentence when a transcript builds on what is not there, or when it grows beyond all measure.
pub(super) fn fill_in(document: &mut Value) -> Result<(), String> {
    fill_in_within(document, Room::default())
}

fn fill_in_within(document: &mut Value, mut room: Room) -> Result<(), String> {
    let Some(requests) = document.get_mut("requests").and_then(Value::as_array_mut) else { return Ok(()) };
    for position in 0..requests.len() {
        let (earlier, rest) = requests.split_at_mut(position);
        let Some(same) = take_same(&mut rest[0]) else { continue };
        let history = same
            .and_then(|same| earlier.get(same.request)?.get("transcript")?.as_array()?.get(..same.items))
            .ok_or_else(|| not_there(position))?;
        for item in history {
            room.take(weight_bytes(item))?;
        }
        if let Some(transcript) = rest[0].get_mut("transcript").and_then(Value::as_array_mut) {
            transcript.splice(..0, history.iter().cloned());
        }
    }
    Ok(())
}

/// Where the history of a request is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Same {
    /// Position of the request that has it.
    pub(super) request: usize,
    /// How many items.
    pub(super) items: usize,
}

/// Takes the element that stands for history off a request's transcript, where there is one; the inner none: it does
/// not say what it should.
pub(super) fn take_same(request: &mut Value) -> Option<Option<Same>> {
    let transcript = request.get_mut("transcript")?.as_array_mut()?;
    transcript.first()?.get(SAME)?;
    let first = transcript.remove(0);
    let number = |name: &str| usize::try_from(first[SAME].get(name)?.as_u64()?).ok();
    Some(number("request").zip(number("items")).map(|(request, items)| Same { request, items }))
}

/// What is wrong with a request whose history is nowhere.
pub(super) fn not_there(position: usize) -> String {
    format!("requests[{position}].transcript builds on items that are not there")
}

/// How much history may still be filled in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    left_bytes: usize,
}

impl Default for Room {
    fn default() -> Self {
        Self { left_bytes: FILLED_IN_LIMIT_BYTES }
    }
}

impl Room {
    /// Takes some of it.
    ///
    /// # Errors
    /// A sentence when there is too little: the document is a bomb.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.left_bytes.checked_sub(bytes);
        self.left_bytes = left.ok_or("its history grows beyond all measure when it is filled in")?;
        Ok(())
    }
}

/// Says in words what a reference stands for, where a text is expected: for people and the typed document.
pub(super) fn describe_references(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(describe_references),
        Value::Object(members) => {
            if let Some(Value::String(name)) = members.get(BLOB) {
                let told = |member: &str| match members.get(member) {
                    Some(Value::String(text)) => text.clone(),
                    Some(other) => other.to_string(),
                    None => "?".to_owned(),
                };
                *value = format!("({} bytes, blob {name}, {})", told("bytes"), told("sha256")).into();
                return;
            }
            rename(members, |name| {
                name.strip_prefix('$').filter(|rest| is_reserved(rest)).map(str::to_owned)
            });
            members.values_mut().for_each(describe_references);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn share_history(document: &mut Value) {
    let Some(requests) = document.get_mut("requests").and_then(Value::as_array_mut) else { return };
    let earlier: Vec<_> = {
        let mut last = std::collections::BTreeMap::new();
        let of = |request: &Value| {
            let lane = request.get("lane")?.as_str()?.to_owned();
            Some((lane, request.get("conversation")?.as_u64().filter(|number| *number > 0)?))
        };
        let each = requests.iter().enumerate();
        each.map(|(position, request)| last.insert(of(request)?, position)).collect()
    };
    // From the last, so that each is compared with one that is still whole.
    for (position, request) in earlier.into_iter().enumerate().rev() {
        let Some(request) = request else { continue };
        let (before, rest) = requests.split_at_mut(position);
        let history = before[request].get("transcript").and_then(Value::as_array);
        let own = rest[0].get_mut("transcript").and_then(Value::as_array_mut);
        let (Some(history), Some(own)) = (history, own) else { continue };
        let items = history.iter().zip(&*own).take_while(|(a, b)| a == b).count();
        if items > 0 {
            own.splice(..items, [json!({ SAME: { "request": request, "items": items } })]);
        }
    }
}

fn refer<E>(
    value: &mut Value,
    place: &mut Vec<String>,
    keep: &mut impl FnMut(String, &str) -> Result<Digest, E>,
) -> Result<(), E> {
    if place.len() >= DEPTH_LIMIT && (value.is_array() || value.is_object()) {
        *value = canonical(value).into();
    }
    match value {
        Value::String(text) if text.len() > REFERENCED_ABOVE_BYTES => {
            let name = place.join("/");
            let sha256 = keep(name.clone(), text)?;
            *value = json!({ BLOB: name, "bytes": text.len(), "sha256": sha256 });
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                place.push(index.to_string());
                refer(item, place, keep)?;
                place.pop();
            }
        }
        Value::Object(members) => {
            rename(members, |name| is_reserved(name).then(|| format!("${name}")));
            for (name, member) in members.iter_mut() {
                // As in a JSON Pointer (RFC 6901), so that one name is one place.
                place.push(name.replace('~', "~0").replace('/', "~1"));
                refer(member, place, keep)?;
                place.pop();
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    Ok(())
}

/// `$blob`, `$$blob`, …
fn is_reserved(name: &str) -> bool {
    name.starts_with('$') && name.trim_start_matches('$') == "blob"
}

fn rename(members: &mut Map<String, Value>, to: impl Fn(&str) -> Option<String>) {
    let renamed: Vec<_> = members.keys().filter_map(|name| Some((name.clone(), to(name)?))).collect();
    let taken: Vec<_> = renamed.into_iter().map(|(name, to)| (to, members.remove(&name))).collect();
    members.extend(taken.into_iter().filter_map(|(to, member)| Some((to, member?))));
}

/// About what a value takes in memory.
pub(super) fn weight_bytes(value: &Value) -> usize {
    let own = size_of::<Value>();
    own + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(weight_bytes).sum(),
        Value::Object(members) => {
            members.iter().map(|(name, member)| name.len() + weight_bytes(member)).sum()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use super::*;

    fn message(text: &str) -> Value {
        json!({ "kind": "message", "role": "user", "text": text })
    }

    fn request(lane: &str, conversation: u32, texts: &[&str]) -> Value {
        let transcript: Vec<_> = texts.iter().map(|text| message(text)).collect();
        json!({ "lane": lane, "conversation": conversation, "transcript": transcript })
    }

    fn shrunk(mut document: Value) -> (Value, BTreeMap<String, String>) {
        let mut kept = BTreeMap::new();
        shrink(&mut document, &mut |name, text| {
            kept.insert(name, text.to_owned());
            Ok::<_, Infallible>(Digest::of(text))
        })
        .unwrap();
        (document, kept)
    }

    #[test]
    fn history_stands_once_and_is_filled_in_again() {
        let whole = json!({ "requests": [
            request("main", 1, &["a", "b"]),
            request("main", 1, &["a", "b", "c"]),
            request("main", 1, &["a", "x"]),
            request("main", 1, &["a", "x"]),
            request("main", 2, &["a"]),
            request("title", 1, &["a", "b", "c"]),
            request("probe", 0, &["a"]),
            request("probe", 0, &["a"]),
        ] });
        let (mut stored, _) = shrunk(whole.clone());
        let same = |request: u32, items: u32| json!({ SAME: { "request": request, "items": items } });
        assert_eq!(stored["requests"][1]["transcript"], json!([same(0, 2), message("c")]));
        assert_eq!(stored["requests"][2]["transcript"], json!([same(1, 1), message("x")]));
        assert_eq!(stored["requests"][3]["transcript"], json!([same(2, 2)]));
        for alone in [0, 4, 5, 6, 7] {
            assert_eq!(stored["requests"][alone], whole["requests"][alone]);
        }
        fill_in(&mut stored).unwrap();
        assert_eq!(stored, whole);
    }

    #[test]
    fn history_that_is_not_there_is_refused() {
        for same in [
            json!({ "request": 0, "items": 2 }),
            json!({ "request": 1, "items": 0 }),
            json!({ "request": -1, "items": 0 }),
            json!({ "items": 1 }),
            json!(7),
        ] {
            let mut document = json!({ "requests": [
                request("main", 1, &["a"]),
                { "transcript": [{ SAME: same }] },
            ] });
            let error = fill_in(&mut document).unwrap_err();
            assert!(error.contains("requests[1].transcript"), "{error}");
        }
    }

    #[test]
    fn history_that_grows_beyond_all_measure_is_refused() {
        let large = "x".repeat(10_000);
        let mut requests = vec![request("main", 1, &[large.as_str(); 10])];
        for position in 0..30 {
            requests.push(json!({ "transcript": [{ SAME: { "request": position, "items": 10 } }] }));
        }
        let error =
            fill_in_within(&mut json!({ "requests": requests }), Room { left_bytes: 1 << 20 }).unwrap_err();
        assert!(error.contains("beyond all measure"), "{error}");
    }

    #[test]
    fn a_long_text_is_a_blob_named_by_its_place() {
        let (short, long) = ("x".repeat(REFERENCED_ABOVE_BYTES), "y".repeat(REFERENCED_ABOVE_BYTES + 1));
        let (mut stored, kept) = shrunk(json!({ "git": { "a/b~c": [short, long] } }));
        assert_eq!(stored["git"]["a/b~c"][0], short);
        let reference = json!({ BLOB: "git/a~1b~0c/1", "bytes": 65_537, "sha256": Digest::of(&long) });
        assert_eq!(stored["git"]["a/b~c"][1], reference);
        assert_eq!(kept["git/a~1b~0c/1"], long);
        describe_references(&mut stored);
        let told = stored["git"]["a/b~c"][1].as_str().unwrap();
        assert!(told.starts_with("(65537 bytes, blob git/a~1b~0c/1, sha256:"), "{told}");
    }

    #[test]
    fn what_is_nested_too_deep_to_be_read_is_text() {
        let deep = (0..126).fold(json!(1), |inner, _| json!([inner]));
        let (stored, _) = shrunk(json!({ "requests": [{ "body": deep }] }));
        let text = stored.to_string();
        assert!(text.contains("[\"[[["), "{text}");
        serde_json::from_str::<Value>(&text).unwrap();
    }

    #[test]
    fn a_reference_can_not_be_forged() {
        let forged =
            json!({ "events": [{ "raw": { BLOB: "stdout/0", "$$blob": 1, "$blobs": 2, "blob": 3 } }] });
        let (mut stored, _) = shrunk(forged.clone());
        let raw = json!({ "$$blob": "stdout/0", "$$$blob": 1, "$blobs": 2, "blob": 3 });
        assert_eq!(stored["events"][0]["raw"], raw);
        describe_references(&mut stored);
        assert_eq!(stored, forged);
    }
}
