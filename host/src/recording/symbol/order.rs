//! Requests that the document's order leaves equal (no step reached them, say) come in order of arrival, which may
//! differ from run to run. Here they are told apart by what they say instead: first the shorter transcript, then their
//! text with every volatile value masked. Arrival decides between those that say the same.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::Value;

use super::settle::parsed;
use super::{Symbols, Texts, every_text};
use crate::document::PlaceSection;
use crate::value::{SharedBytes, canonical};

/// Lists of `script` whose entries name positions in `requests`, or are some.
const NAMING: [&str; 4] = ["unmatched", "unexpected", "not_offered", "surplus"];

impl Symbols {
    /// Sorts such requests, and lets everything that names their positions follow.
    pub(super) fn order_ties(&self, document: &mut Value, texts: &mut Texts) {
        let ties = ties(document);
        if ties.is_empty() {
            return;
        }
        let mut order: Vec<usize> = (0..document["requests"].as_array().map_or(0, Vec::len)).collect();
        let mut masking = Self { table: self.table.masking(), ..self.clone() };
        let mut masked = document.clone();
        masking.find(&mut masked, texts);
        masking.tokens = masking.table.tokens();
        for tie in ties {
            order[tie].sort_by_cached_key(|index| {
                masking.shape(&mut masked["requests"][*index], texts.get(&body_name(*index)))
            });
        }
        if !order.is_sorted() {
            reorder(document, texts, &order);
        }
    }

    /// What a request says, whatever its volatile values are.
    fn shape(&mut self, request: &mut Value, bytes: Option<&SharedBytes>) -> (usize, String) {
        if let (true, Some(bytes)) = (request["body"].is_null(), bytes) {
            request["body"] = match parsed(Some(bytes)) {
                Some(mut body) => {
                    self.places.in_value(PlaceSection::Requests, &mut body, &mut self.table);
                    body
                }
                None => String::from_utf8_lossy(&bytes.whole()).into(),
            };
        }
        every_text(request, &mut |text| Some(self.tokens.replace(text).into_owned()));
        (request["transcript"].as_array().map_or(0, Vec::len), canonical(request))
    }
}

/// Ranges of requests that only arrival keeps in order.
fn ties(document: &Value) -> Vec<Range<usize>> {
    let key = |request: &Value| {
        ["turn", "lane", "conversation", "step", "attempt"].map(|member| request[member].to_string())
    };
    let keys: Vec<_> = document["requests"].as_array().into_iter().flatten().map(key).collect();
    let mut start = 0;
    let mut ties = Vec::new();
    for group in keys.chunk_by(|a, b| a == b) {
        if group.len() > 1 {
            ties.push(start..start + group.len());
        }
        start += group.len();
    }
    ties
}

/// `order` has, for each new position, the old one.
fn reorder(document: &mut Value, texts: &mut Texts, order: &[usize]) {
    let mut new = vec![0; order.len()];
    for (position, old) in order.iter().enumerate() {
        new[*old] = position;
    }
    if let Some(requests) = document.get_mut("requests").and_then(Value::as_array_mut) {
        let mut old = std::mem::take(requests);
        requests.extend(order.iter().map(|index| old[*index].take()));
    }
    let bodies: BTreeMap<usize, SharedBytes> =
        (0..order.len()).filter_map(|old| Some((new[old], texts.remove(&body_name(old))?))).collect();
    texts.extend(bodies.into_iter().map(|(index, body)| (body_name(index), body)));

    let follow = |position: &mut Value| {
        let old = position.as_u64().and_then(|old| usize::try_from(old).ok());
        if let Some(new) = old.and_then(|old| new.get(old)) {
            *position = (*new).into();
        }
    };
    if let Some(script) = document.get_mut("script") {
        for list in NAMING {
            let Some(entries) = script.get_mut(list).and_then(Value::as_array_mut) else { continue };
            entries.iter_mut().map(position).for_each(follow);
            entries.sort_by_cached_key(|entry| position(&mut entry.clone()).as_u64());
        }
    }
    let arrival = document.get_mut("timing").and_then(|timing| timing.get_mut("arrival"));
    arrival.and_then(Value::as_array_mut).into_iter().flatten().for_each(follow);
}

/// The position that an entry of a list in `script` names, or is.
fn position(entry: &mut Value) -> &mut Value {
    if entry.is_object() { &mut entry["request"] } else { entry }
}

fn body_name(index: usize) -> String {
    format!("requests/{index}/body")
}

#[cfg(test)]
mod tests {
    use super::super::generate::Generator;
    use super::*;
    use crate::document::Place;
    use serde_json::json;

    /// Four requests that no step reached, in an order and with identifiers of their own; the second body is too large
    /// for the document.
    fn run(seed: u64) -> (Value, Texts) {
        let mut generator = Generator::new(seed);
        let (thread, mut said) = (generator.uuid(), ["a", "b", "c", "d"]);
        generator.shuffle(&mut said);
        let mut texts = Texts::new();
        let mut requests = Vec::new();
        for (index, said) in said.iter().enumerate() {
            let body = json!({ "id": generator.uuid(), "said": said, "of": thread });
            texts.insert(body_name(index), body.to_string().into_bytes().into());
            let items = if *said == "a" { json!([1, 2]) } else { json!([1]) };
            requests.push(json!({
                "turn": 1, "lane": "main", "headers": { "thread": [thread], "window": [format!("{thread}:0")] },
                "body": if *said == "b" { Value::Null } else { body }, "transcript": items,
            }));
        }
        let at = |wanted: &str| said.iter().position(|said| *said == wanted).unwrap();
        let mut surplus = vec![at("c"), at("d")];
        surplus.sort_unstable();
        let document = json!({
            "requests": requests,
            "script": { "surplus": surplus, "unmatched": [{ "request": at("a"), "nearest_step": 0 }] },
            "timing": { "arrival": [0, 1, 2, 3] },
        });
        (document, texts)
    }

    #[test]
    fn what_arrived_in_another_order_says_the_same() {
        static PLACES: [Place; 2] = [
            Place::new(PlaceSection::Headers, "$.thread[*]", "thread"),
            Place::new(PlaceSection::Requests, "$.id", "item"),
        ];
        let settled = |seed| {
            let (mut document, mut texts) = run(seed);
            Symbols::new(&PLACES, &[]).unwrap().settle(&mut document, &mut texts);
            let arrival = document["timing"].take();
            (document, texts, arrival)
        };
        let (document, texts, _) = settled(1);
        assert_eq!(document["requests"][3]["body"]["said"], "a");
        assert_eq!(document["script"]["surplus"], json!([1, 2]));
        assert_eq!(document["script"]["unmatched"][0]["request"], 3);
        assert_eq!(
            *texts["requests/0/body"].whole(),
            *r#"{"id":"⟦item#1⟧","of":"⟦thread#1⟧","said":"b"}"#.as_bytes()
        );
        let mut arrivals = std::collections::BTreeSet::new();
        for seed in 2..40 {
            let (again, again_texts, arrival) = settled(seed);
            assert_eq!((&again, &again_texts), (&document, &texts), "seed {seed}");
            arrivals.insert(arrival.to_string());
        }
        assert!(arrivals.len() > 5, "the order of arrival is still told: {arrivals:?}");
    }
}
