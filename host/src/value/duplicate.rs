//! Finds a member that stands twice in a JSON object: parsers disagree on which one counts.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// The name of the first member that stands twice in one object; none when there is none, or no JSON.
pub fn first_duplicate(json: &[u8]) -> Option<String> {
    let mut found = None;
    let _ = Search(&mut found).deserialize(&mut serde_json::Deserializer::from_slice(json));
    found
}

struct Search<'a>(&'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Search<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Search<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Search(self.0))?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = members.next_key::<String>()? {
            members.next_value_seed(Search(self.0))?;
            if !names.insert(name.clone()) && self.0.is_none() {
                *self.0 = Some(name);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_stands_twice_is_found_at_any_depth() {
        let find = |json: &str| first_duplicate(json.as_bytes());
        assert_eq!(find(r#"{"a":[{"b":1,"c":null,"b":"x"}]}"#).as_deref(), Some("b"));
        assert_eq!(find(r#"{"a":1,"\u0061":2}"#).as_deref(), Some("a"));
        assert_eq!(find(r#"{"a":{"b":1.5e400},"b":[true,-3,{"a":2}]}"#), None);
        assert_eq!(find("{"), None);
    }
}
