//! The RFC 9535 compliance suite: every case passes, or its selector stands in the list of what is refused and why.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Budget, Query, Refusal, nodes};

const SUITE: &str = include_str!("../../../tests/conformance/jsonpath/cts.json");
const REFUSED: &str = include_str!("../../../tests/conformance/jsonpath/refused.json");

/// Far above what any case needs.
const UNITS: u64 = 1_000_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Suite {
    #[serde(rename = "description")]
    _description: String,
    tests: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    selector: String,
    #[serde(default, rename = "tags")]
    _tags: Vec<String>,
    document: Option<Value>,
    /// What is selected and where, when there is one right answer.
    result: Option<Vec<Value>>,
    result_paths: Option<Vec<String>>,
    /// All right answers, when there are several.
    results: Option<Vec<Vec<Value>>>,
    results_paths: Option<Vec<Vec<String>>>,
    #[serde(default)]
    invalid_selector: bool,
}

impl Case {
    /// What is wrong, if something is.
    fn mistake(&self) -> Option<String> {
        let query = match Query::parse(&self.selector) {
            Ok(_) if self.invalid_selector => return Some("was not refused".to_owned()),
            Ok(query) => query,
            Err(_) if self.invalid_selector => return None,
            Err(refusal) => return Some(refusal.to_string()),
        };
        let document = self.document.clone().unwrap_or_default();
        let found = match nodes(&query, &document, &mut Budget::new(UNITS)) {
            Ok(found) => found,
            Err(refusal) => return Some(refusal.to_string()),
        };
        let paths: Vec<_> = found.iter().map(|node| node.path.clone()).collect();
        let values: Vec<_> = found.iter().map(|node| node.value.clone()).collect();
        let right_values = self.result.iter().chain(self.results.iter().flatten()).cloned();
        let right_paths = self.result_paths.iter().chain(self.results_paths.iter().flatten()).cloned();
        let right = right_values.zip(right_paths).any(|answer| answer == (values.clone(), paths.clone()));
        (!right).then(|| format!("selected {values:?} at {paths:?}"))
    }
}

fn refused() -> BTreeMap<String, String> {
    serde_json::from_str(REFUSED).unwrap()
}

#[test]
fn every_case_passes_or_is_listed_as_refused() {
    let suite: Suite = serde_json::from_str(SUITE).unwrap();
    let refused = refused();
    assert_eq!(suite.tests.len(), 687, "the suite's size; its README names it too");
    let mistakes: Vec<_> = suite
        .tests
        .iter()
        .filter(|case| !refused.contains_key(&case.selector))
        .filter_map(|case| Some(format!("{}: {}: {}", case.name, case.selector, case.mistake()?)))
        .collect();
    assert!(mistakes.is_empty(), "{} cases: {mistakes:#?}", mistakes.len());
}

#[test]
fn what_is_listed_as_refused_is_refused_for_the_reason_given() {
    for (selector, why) in refused() {
        match Query::parse(&selector) {
            Err(Refusal::Invalid { detail, .. }) => assert!(detail.contains(&why), "{selector}: {detail}"),
            other => panic!("{selector}: {other:?}"),
        }
    }
}
