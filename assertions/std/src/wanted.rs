//! What a text must be, in the same words in every assertion that looks at one.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use wassert_guest::{Place, Places, Report};

use crate::demand;
use crate::needle::Needle;
use crate::several::Several;

/// Demands on one text; all that are given must hold.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Wanted {
    /// The whole text.
    pub equals: Option<String>,
    /// A text in it.
    pub contains: Option<Needle>,
    /// Texts that are all in it.
    pub contains_all: Option<Several>,
    /// Texts of which at least one is in it.
    pub contains_any: Option<Several>,
    /// A text, or several, that are not in it.
    pub not_contains: Option<Several>,
    /// Text to how often exactly it stands there, overlaps not counted.
    pub occurrences: Option<BTreeMap<Needle, u32>>,
}

impl Wanted {
    /// Whether it demands nothing.
    pub fn is_empty(&self) -> bool {
        self.equals.is_none()
            && self.contains.is_none()
            && self.contains_all.is_none()
            && self.contains_any.is_none()
            && self.not_contains.is_none()
            && self.occurrences.as_ref().is_none_or(BTreeMap::is_empty)
    }

    /// Nothing was demanded, which would hold for everything.
    ///
    /// # Errors
    /// When it is so.
    pub fn checked(self) -> Result<Self, String> {
        if self.is_empty() {
            return Err("parameters: one of `equals`, `contains`, `contains-all`, `contains-any`, \
                        `not-contains` and `occurrences` is needed"
                .to_owned());
        }
        Ok(self)
    }

    /// Whether a negative demand is among them, which only a whole text can satisfy.
    pub fn needs_all_of_it(&self) -> bool {
        self.equals.is_some() || self.not_contains.is_some() || self.occurrences.is_some()
    }

    /// Whether all hold, without a finding; for picking out what is meant.
    pub fn holds(&self, text: &str) -> bool {
        let list =
            |several: &Option<Several>| several.as_ref().map(Several::list).unwrap_or_default().to_vec();
        self.equals.as_ref().is_none_or(|equals| equals == text)
            && self.contains.iter().chain(&list(&self.contains_all)).all(|needle| needle.is_in(text))
            && self.contains_any.as_ref().is_none_or(|any| any.list().iter().any(|needle| needle.is_in(text)))
            && !list(&self.not_contains).iter().any(|needle| needle.is_in(text))
            && self.occurrences.iter().flatten().all(|(needle, times)| needle.times_in(text) == *times)
    }

    /// A finding for each demand. `what` is the text's name in messages.
    pub fn judge(&self, report: &mut Report, at: impl Places, what: &str, text: &str) {
        let at: Vec<Place> = at.places();
        if let Some(equals) = &self.equals {
            demand::equals(report, &at, what, text == equals, equals);
        }
        let all = self.contains_all.iter().flat_map(Several::list);
        for needle in self.contains.iter().chain(all) {
            demand::contains(report, &at, what, needle.is_in(text), needle);
        }
        if let Some(any) = &self.contains_any {
            let found = any.list().iter().find(|needle| needle.is_in(text));
            let all: Vec<String> = any.list().iter().map(|needle| demand::quoted(needle.text())).collect();
            let message = match found {
                Some(needle) => format!("{what} contains {}", demand::quoted(needle.text())),
                None => format!("{what} contains none of {}", all.join(", ")),
            };
            report.demand(found.is_some(), &at, message, format!("a text with one of {}", all.join(", ")));
        }
        for needle in self.not_contains.iter().flat_map(Several::list) {
            demand::omits(report, &at, what, !needle.is_in(text), needle);
        }
        for (needle, times) in self.occurrences.iter().flatten() {
            let found = needle.times_in(text);
            let quoted = demand::quoted(needle.text());
            report.demand(
                found == *times,
                &at,
                format!("{what} has {quoted} {}", demand::counted(found, "time")),
                format!("{quoted} exactly {}", demand::counted(*times, "time")),
            );
        }
    }

    /// What is demanded, for messages: `containing "a"`.
    pub fn words(&self) -> String {
        let quoted = |several: &Option<Several>| {
            let list = several.as_ref().map(Several::list).unwrap_or_default();
            list.iter().map(|needle| demand::quoted(needle.text())).collect::<Vec<_>>()
        };
        let mut words = Vec::new();
        words.extend(self.equals.as_ref().map(|text| format!("equal to {}", demand::quoted(text))));
        let contains = self.contains.iter().map(|needle| demand::quoted(needle.text()));
        words.extend(contains.chain(quoted(&self.contains_all)).map(|text| format!("containing {text}")));
        let any = quoted(&self.contains_any);
        if !any.is_empty() {
            words.push(format!("containing one of {}", any.join(", ")));
        }
        words.extend(quoted(&self.not_contains).into_iter().map(|text| format!("without {text}")));
        words.extend(self.occurrences.iter().flatten().map(|(needle, times)| {
            format!("with {} exactly {}", demand::quoted(needle.text()), demand::counted(*times, "time"))
        }));
        words.join(", ")
    }
}

/// The members of [`Wanted`].
const MEMBERS: [&str; 6] =
    ["equals", "contains", "contains-all", "contains-any", "not-contains", "occurrences"];

/// An assertion's own parameters, with demands on a text beside them.
#[derive(Debug)]
pub struct With<P> {
    /// Its own.
    pub own: P,
    /// The demands.
    pub text: Wanted,
}

impl<'de, P: DeserializeOwned> Deserialize<'de> for With<P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Map::<String, Value>::deserialize(deserializer)?;
        let (text, own) = members.into_iter().partition(|(name, _)| MEMBERS.contains(&name.as_str()));
        Ok(Self {
            own: serde_json::from_value(Value::Object(own)).map_err(D::Error::custom)?,
            text: serde_json::from_value(Value::Object(text)).map_err(D::Error::custom)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    fn wanted(json: &str) -> Wanted {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_demand_must_hold() {
        for (json, fits) in [
            (r#"{"equals": "a b a"}"#, true),
            (r#"{"contains-all": ["a", "b"], "not-contains": "c"}"#, true),
            (r#"{"contains-all": ["a", "c"]}"#, false),
            (r#"{"contains-any": ["c", "b"]}"#, true),
            (r#"{"not-contains": ["c", "b"]}"#, false),
            (r#"{"occurrences": {"a": 2, "c": 0}}"#, true),
            (r#"{"occurrences": {"a": 1}}"#, false),
        ] {
            assert_eq!(wanted(json).holds("a b a"), fits, "{json}");
        }
    }

    #[test]
    fn what_demands_nothing_is_refused() {
        assert!(wanted("{}").checked().is_err());
        assert!(wanted(r#"{"occurrences": {}}"#).checked().is_err());
        assert!(serde_json::from_str::<Wanted>(r#"{"contains-all": []}"#).is_err());
        assert!(serde_json::from_str::<Wanted>(r#"{"contains": ""}"#).is_err());
    }
}
