//! A document as a grant shows it: what is hidden is not there, and nothing is copied.
//!
//! Queries cost what they visit, so what is hidden can't be told from what is charged either.

use serde_json::{Map, Value};

use super::grant::Grant;
use crate::query::{Json, Kind};
use crate::value::{canonical, canonical_start};

/// What stands for an element of which nothing is granted: positions in arrays stay.
static NOTHING: Value = Value::Null;

/// A value, and how much of it is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown<'v> {
    value: &'v Value,
    /// `None` shows everything.
    grant: Option<&'v Grant>,
}

impl<'v> Shown<'v> {
    pub fn new(value: &'v Value, grant: &'v Grant) -> Self {
        Self { value, grant: (!grant.is_whole()).then_some(grant) }
    }

    /// Canonical JSON of what is shown.
    pub fn canonical(self) -> String {
        match self.grant {
            None => canonical(self.value),
            Some(_) => canonical(&self.copied()),
        }
    }

    /// The first bytes of its canonical JSON, if it is longer than that.
    pub fn canonical_start(self, most: usize) -> String {
        match self.grant {
            None => canonical_start(self.value, most),
            Some(_) => self.canonical(),
        }
    }

    /// Hands the pieces of its canonical JSON over one by one: those of a large array are never in memory together.
    pub fn canonical_pieces(self, piece: &mut impl FnMut(&str)) {
        match (self.kind(), self.grant) {
            (Kind::Array(_), _) => {
                piece("[");
                for (index, element) in self.elements().enumerate() {
                    if index > 0 {
                        piece(",");
                    }
                    element.canonical_pieces(piece);
                }
                piece("]");
            }
            (Kind::Object(_), Some(_)) => {
                let mut members: Vec<_> = self.members().collect();
                // As RFC 8785 sorts them; the members of a grant are few.
                members.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                for (index, (name, member)) in members.into_iter().enumerate() {
                    piece(if index == 0 { "{" } else { "," });
                    piece(&canonical(&Value::String(name.to_owned())));
                    piece(":");
                    member.canonical_pieces(piece);
                }
                piece(if self.kind() == Kind::Object(0) { "{}" } else { "}" });
            }
            _ => piece(&self.canonical()),
        }
    }

    /// What is shown, as a value of its own.
    pub fn copied(self) -> Value {
        match (self.kind(), self.grant) {
            (_, None) => self.value.clone(),
            (Kind::Array(_), _) => Value::Array(self.elements().map(Self::copied).collect()),
            (Kind::Object(_), _) => {
                let members = self.members().map(|(name, member)| (name.to_owned(), member.copied()));
                Value::Object(members.collect::<Map<_, _>>())
            }
            _ => Value::Null,
        }
    }

    /// An element as it is shown.
    fn of_array(self, value: &'v Value) -> Self {
        let hidden = self.grant.is_some() && !value.is_object();
        if hidden { Self { value: &NOTHING, grant: None } } else { Self { value, ..self } }
    }

    /// The member, if the grant shows any of it: a value that has no members is no part of a deeper grant.
    fn shown(self, name: &str, below: &'v Grant) -> Option<(&'v str, Self)> {
        let (name, member) = self.value.member(name)?;
        let shown = below.is_whole() || member.is_object() || member.is_array();
        shown.then(|| (name, Self::new(member, below)))
    }
}

impl<'v> Json<'v> for Shown<'v> {
    fn kind(self) -> Kind<'v> {
        match (self.value.kind(), self.grant) {
            (Kind::Object(_), Some(_)) => Kind::Object(self.members().count()),
            (kind @ Kind::Array(_), _) | (kind, None) => kind,
            (_, Some(_)) => Kind::Null,
        }
    }

    fn is_array(self) -> bool {
        self.value.is_array()
    }

    fn is_object(self) -> bool {
        self.value.is_object()
    }

    fn member(self, name: &str) -> Option<(&'v str, Self)> {
        match self.grant {
            None => self.value.member(name).map(|(name, value)| (name, Self { value, grant: None })),
            Some(grant) => self.shown(name, grant.member(name)?),
        }
    }

    fn element(self, index: usize) -> Option<Self> {
        self.value.element(index).map(|value| self.of_array(value))
    }

    fn members(self) -> impl Iterator<Item = (&'v str, Self)> {
        match (self.value, self.grant) {
            (Value::Object(members), None) => Members::All(members.iter()),
            (Value::Object(_), Some(grant)) => Members::Granted(self, grant.members()),
            _ => Members::None,
        }
    }

    fn elements(self) -> impl Iterator<Item = Self> {
        let all = self.value.as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().map(move |value| self.of_array(value))
    }
}

/// Members that are shown.
enum Members<'v, G> {
    None,
    All(serde_json::map::Iter<'v>),
    Granted(Shown<'v>, G),
}

impl<'v, G: Iterator<Item = (&'v str, &'v Grant)>> Iterator for Members<'v, G> {
    type Item = (&'v str, Shown<'v>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::None => None,
            Self::All(members) => {
                members.next().map(|(name, value)| (name.as_str(), Shown { value, grant: None }))
            }
            Self::Granted(shown, granted) => granted.find_map(|(name, below)| shown.shown(name, below)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::query::{Budget, Query, count, nodes, singular_path};

    fn document() -> Value {
        json!({
            "turns": [{ "exit": 0 }],
            "requests": [{ "transcript": [1], "body": "secret" }, { "body": "secret" }, 7],
            "timing": { "duration_ms": 5 },
            "agent": "none",
        })
    }

    const GRANTED: [&str; 4] = ["turns", "requests.transcript", "agent.name", "timing.duration_ms.x"];

    #[test]
    fn only_what_is_granted_is_there() {
        let document = document();
        let grant = Grant::new(GRANTED);
        let shown = Shown::new(&document, &grant);
        let expected =
            json!({ "turns": [{ "exit": 0 }], "requests": [{ "transcript": [1] }, {}, null], "timing": {} });
        assert_eq!(shown.copied(), expected);
        assert_eq!(shown.canonical(), canonical(&expected));
        let mut pieces = String::new();
        shown.canonical_pieces(&mut |piece| pieces.push_str(piece));
        assert_eq!(pieces, canonical(&expected));
        assert!(singular_path("$.requests[0].body", shown).is_none());
        assert!(singular_path("$.requests[0].transcript[0]", shown).is_some());
        assert_eq!(shown.kind(), Kind::Object(3));
    }

    /// A module learns nothing of what is hidden: not from what it finds, and not from what that costs.
    #[test]
    fn what_is_hidden_changes_neither_matches_nor_costs() {
        let grant = Grant::new(GRANTED);
        let plain = document();
        let mut other = document();
        other["requests"][0]["body"] = json!({ "a": [1, 2, 3], "b": { "c": "d" } });
        other["requests"][1]["more"] = json!("x".repeat(1_000));
        other["requests"][2] = json!("something else");
        other["timing"]["turns_ms"] = json!([1, 2, 3]);
        other["stdout"] = json!([{ "text": "secret" }]);
        other["agent"] = json!("another");
        for expression in [
            "$..*",
            "$.*",
            "$.requests[?@.body]",
            "$.requests[?@.transcript == @.body]",
            "$..[?length(@) > 0]",
            "$[?search(@, 'secret')]",
            "$.stdout[0].text",
            "$.requests[?@ == $.requests[1]]",
            "$[?count(@..*) > 1]",
        ] {
            let query = Query::parse(expression).unwrap();
            let judged = |document: &Value| {
                let mut budget = Budget::new(100_000);
                let shown = Shown::new(document, &grant);
                let found = nodes(&query, shown, &mut budget).unwrap();
                let found: Vec<_> =
                    found.into_iter().map(|node| (node.path, node.value.canonical())).collect();
                assert_eq!(count(&query, shown, &mut budget), Ok(found.len()));
                (found, budget.left())
            };
            assert_eq!(judged(&plain), judged(&other), "{expression}");
        }
    }
}
