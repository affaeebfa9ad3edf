//! Follows the paths of places through a JSON value, all of them in one pass, and puts symbols where they end.

use std::collections::BTreeMap;
use std::ops::BitOr;

use regex::Regex;
use serde_json::Value;

use super::table::Table;
use crate::document::{Place, PlaceError, PlaceSection, Step};
use crate::value::canonical;

/// Texts that are read as JSON for a path that goes on inside them are at most so long.
const INNER_LIMIT_BYTES: usize = 1024 * 1024;

/// A place, ready to be followed.
#[derive(Clone, Debug)]
pub(super) struct Compiled {
    steps: Vec<Step>,
    regex: Option<Regex>,
    kind: String,
    is_quantity: bool,
    is_race: bool,
}

impl Compiled {
    pub(super) fn new(place: &Place) -> Result<Self, PlaceError> {
        Ok(Self {
            steps: place.steps()?,
            regex: place.regex()?,
            kind: place.kind.to_string(),
            is_quantity: place.is_quantity(),
            is_race: place.is_race(),
        })
    }

    fn ends_at(&self, step: usize) -> bool {
        step == self.steps.len()
    }
}

/// What a walk replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Replaced {
    /// Anything.
    pub(super) anything: bool,
    /// Something that would have stayed if only whole tokens were replaced.
    pub(super) beyond_tokens: bool,
}

impl BitOr for Replaced {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self {
            anything: self.anything || other.anything,
            beyond_tokens: self.beyond_tokens || other.beyond_tokens,
        }
    }
}

/// Places by section.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(BTreeMap<PlaceSection, Vec<Compiled>>);

/// A place, and how many of its steps were taken.
type State<'a> = (&'a Compiled, usize);

impl Places {
    pub(super) fn new<'a>(places: impl IntoIterator<Item = &'a Place>) -> Result<Self, PlaceError> {
        let mut by_section: BTreeMap<PlaceSection, Vec<Compiled>> = BTreeMap::new();
        for place in places {
            by_section.entry(place.section).or_default().push(Compiled::new(place)?);
        }
        Ok(Self(by_section))
    }

    /// Replaces what stands at the places of a section in one value of it.
    pub(super) fn in_value(&self, section: PlaceSection, value: &mut Value, table: &mut Table) -> Replaced {
        let states: Vec<State<'_>> =
            self.0.get(&section).into_iter().flatten().map(|place| (place, 0)).collect();
        visit(value, &states, table)
    }

    /// The same in a text.
    pub(super) fn in_text(&self, section: PlaceSection, text: &mut String, table: &mut Table) -> Replaced {
        let places = self.0.get(&section).into_iter().flatten();
        places.fold(Replaced::default(), |replaced, place| replaced | captures(place, text, table))
    }
}

fn visit(value: &mut Value, arrived: &[State<'_>], table: &mut Table) -> Replaced {
    let mut states = arrived.to_vec();
    let mut next = 0;
    while let Some(&(place, step)) = states.get(next) {
        // "At any depth" begins with the value itself.
        if place.steps.get(step) == Some(&Step::Anywhere) {
            states.push((place, step + 1));
        }
        next += 1;
    }
    let mut replaced = Replaced::default();
    for (place, _) in states.iter().filter(|(place, step)| place.ends_at(*step)) {
        replaced = replaced | at_place(place, value, table);
    }
    states.retain(|(place, step)| !place.ends_at(*step));
    if states.is_empty() {
        return replaced;
    }
    match value {
        Value::Object(members) => {
            for (place, step) in
                states.iter().filter(|(place, step)| place.is_race && place.ends_at(step + 1))
            {
                if let Step::Name(name) = &place.steps[*step]
                    && members.remove(name).is_some()
                {
                    replaced = Replaced { anything: true, beyond_tokens: true };
                }
            }
            // In the order of names, whatever the order of arrival.
            let mut members: Vec<_> = members.iter_mut().collect();
            members.sort_by_key(|(name, _)| *name);
            for (name, member) in members {
                let inside = descend(&states, |step| matches!(step, Step::Name(wanted) if wanted == name));
                replaced = replaced | enter(member, &inside, table);
            }
        }
        Value::Array(elements) => {
            for (index, element) in elements.iter_mut().enumerate() {
                let inside = descend(&states, |step| *step == Step::Index(index));
                replaced = replaced | enter(element, &inside, table);
            }
        }
        Value::String(text) if text.len() <= INNER_LIMIT_BYTES && text.starts_with(['{', '[']) => {
            if let Ok(mut inner) = serde_json::from_str::<Value>(text) {
                let inside = visit(&mut inner, &states, table);
                if inside.anything {
                    *text = canonical(&inner);
                    // Its members may stand in another order in another run.
                    replaced = Replaced { anything: true, beyond_tokens: true };
                }
            }
        }
        _ => {}
    }
    replaced
}

fn enter(value: &mut Value, states: &[State<'_>], table: &mut Table) -> Replaced {
    if states.is_empty() { Replaced::default() } else { visit(value, states, table) }
}

fn descend<'a>(states: &[State<'a>], fits: impl Fn(&Step) -> bool) -> Vec<State<'a>> {
    let step_into = |&(place, step): &State<'a>| match &place.steps[step] {
        Step::Anywhere => Some((place, step)),
        Step::Every => Some((place, step + 1)),
        other => fits(other).then_some((place, step + 1)),
    };
    states.iter().filter_map(step_into).collect()
}

fn at_place(place: &Compiled, value: &mut Value, table: &mut Table) -> Replaced {
    let whole = match value {
        Value::String(text) if place.regex.is_some() => return captures(place, text, table),
        Value::String(text) => text.clone(),
        Value::Number(number) if place.regex.is_none() => number.to_string(),
        _ => return Replaced::default(),
    };
    let Some(symbol) = table.symbol(&place.kind, &whole, place.is_quantity) else {
        return Replaced::default();
    };
    let beyond_tokens = value.is_number() || !Table::echoes(&whole, place.is_quantity);
    *value = Value::String(symbol);
    Replaced { anything: true, beyond_tokens }
}

/// Replaces what a pattern finds in a text.
fn captures(place: &Compiled, text: &mut String, table: &mut Table) -> Replaced {
    let Some(regex) = &place.regex else { return Replaced::default() };
    let mut out = String::new();
    let mut done = 0;
    for found in regex.captures_iter(text) {
        let Some(value) = found.get(1).or_else(|| found.get(0)) else { continue };
        let Some(symbol) = table.symbol(&place.kind, value.as_str(), place.is_quantity) else { continue };
        out.push_str(&text[done..value.start()]);
        out.push_str(&symbol);
        done = value.end();
    }
    if done == 0 {
        return Replaced::default();
    }
    out.push_str(&text[done..]);
    *text = out;
    Replaced { anything: true, beyond_tokens: true }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn walk(places: &[Place], mut value: Value) -> (Value, Replaced) {
        let places = Places::new(places).unwrap();
        let replaced = places.in_value(PlaceSection::Requests, &mut value, &mut Table::default());
        (value, replaced)
    }

    const fn at(path: &'static str, kind: &'static str) -> Place {
        Place::new(PlaceSection::Requests, path, kind)
    }

    #[test]
    fn only_what_stands_at_a_place_is_replaced() {
        let (value, replaced) = walk(
            &[at("$.input[*].id", "item"), at("$.at_ms", "time"), at("$.none", "item")],
            json!({"at_ms": 17, "id": "x", "input": [{"id": "aaaa", "n": {"id": "b"}}, {"id": null}, {"id": "cccc"}]}),
        );
        assert_eq!(
            value,
            json!({"at_ms": "⟦time⟧", "id": "x",
                "input": [{"id": "⟦item#1⟧", "n": {"id": "b"}}, {"id": null}, {"id": "⟦item#2⟧"}]})
        );
        assert!(replaced.beyond_tokens);
    }

    #[test]
    fn a_path_goes_on_inside_a_text_that_holds_json() {
        let (value, _) = walk(
            &[at("$.meta.turn_id", "turn"), at("$.meta.at", "time")],
            json!({"meta": r#"{"turn_id":"t-12","at":1.50,"kept":9007199254740993}"#}),
        );
        assert_eq!(value, json!({"meta": r#"{"at":"⟦time⟧","kept":9007199254740993,"turn_id":"⟦turn#1⟧"}"#}));
        let untouched = json!({"meta": "{ \"other\" : 1 }"});
        assert_eq!(
            walk(&[at("$.meta.turn_id", "turn")], untouched.clone()),
            (untouched, Replaced::default())
        );
    }

    #[test]
    fn a_member_that_is_there_by_a_race_is_left_out() {
        let (with, replaced) = walk(
            &[at("$.meta.workspaces", "race"), at("$..seen", "race")],
            json!({"workspaces": 1, "meta": r#"{"a":1,"workspaces":{"x":2}}"#, "deep": [{"seen": true, "b": 2}]}),
        );
        assert_eq!(with, json!({"workspaces": 1, "meta": r#"{"a":1}"#, "deep": [{"b": 2}]}));
        assert_eq!(replaced, Replaced { anything: true, beyond_tokens: true });
        let without = json!({"workspaces": 1, "meta": r#"{"a":1}"#, "deep": [{"b": 2}]});
        assert_eq!(walk(&[at("$.meta.workspaces", "race")], without.clone()), (without, Replaced::default()));
    }

    #[test]
    fn any_depth_begins_with_the_value_itself() {
        let (value, _) = walk(&[at("$..id", "item")], json!({"id": "one1", "a": [{"b": {"id": "two2"}}]}));
        assert_eq!(value, json!({"a": [{"b": {"id": "⟦item#1⟧"}}], "id": "⟦item#2⟧"}));
    }

    #[test]
    fn a_pattern_says_what_within_a_text_is_the_value() {
        let pattern =
            Place::within(PlaceSection::Requests, "$.o", r"(?m)^Wall time: ([\d.]+) seconds$", "duration");
        let text = "Wall time: 0.01 seconds\n Wall time: 1 seconds\nWall time: 22 seconds";
        let (value, replaced) = walk(&[pattern], json!({ "o": text }));
        assert_eq!(
            value,
            json!({"o": "Wall time: ⟦duration⟧ seconds\n Wall time: 1 seconds\nWall time: ⟦duration⟧ seconds"})
        );
        assert!(replaced.beyond_tokens);
    }

    #[test]
    fn the_same_value_is_the_same_symbol_of_the_first_kind() {
        let (value, replaced) =
            walk(&[at("$.a", "thread"), at("$.b", "cache")], json!({"a": "same-id", "b": "same-id"}));
        assert_eq!(value, json!({"a": "⟦thread#1⟧", "b": "⟦thread#1⟧"}));
        assert_eq!(replaced, Replaced { anything: true, beyond_tokens: false });
    }
}
