//! `json`: what JSON anywhere in the evidence is like. For what no other assertion knows.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report};

use crate::amount::Amount;
use crate::demand;
use crate::shape::Shape;
use crate::texts;

/// Every section, but for what the scenario itself says, which proves nothing, and what differs between two runs.
pub const EVERYTHING: &[&str] = &[
    "agent",
    "isolation",
    "turns",
    "events",
    "requests",
    "stdout",
    "stderr",
    "files",
    "git",
    "processes",
    "egress",
    "home",
    "script",
    "redactions",
];

/// See the module.
pub struct Json;

/// Which values, and what they must be: at least one fits, unless `every`, `count`, `min` or `max` says otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    path: String,
    includes: Option<Value>,
    equals: Option<Value>,
    schema: Option<Value>,
    #[serde(default)]
    parse: bool,
    #[serde(default)]
    every: bool,
    count: Option<u32>,
    min: Option<u32>,
    max: Option<u32>,
}

impl Assertion for Json {
    const NAME: &'static str = "json";
    const SUMMARY: &'static str = "left JSON like this in the evidence";
    const READS: &'static [&'static str] = EVERYTHING;
    const SCHEMA: &'static str = include_str!("../schemas/json.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let Parameters { path, includes, equals, schema, parse, every, count, min, max } = parameters;
        let shape = Shape::new(includes, equals, schema)?;
        let amount = match (every, count, min, max) {
            (_, None, None, None) => Amount::new(None, Some(1), None)?,
            (false, ..) => Amount::new(count, min, max)?,
            (true, ..) => return Err("parameters: `every` and an amount contradict each other".to_owned()),
        };
        let nodes = evidence.query(&path)?;
        if nodes.is_empty() {
            return Err(format!("nothing is at `{path}`: nothing was looked at"));
        }
        let (mut fitting, mut others) = (Vec::new(), Vec::new());
        for node in &nodes {
            match shape.misfit(&node.read()?, parse) {
                None => fitting.push(node.path.clone()),
                Some(why) => others.push((node.path.clone(), why)),
            }
        }
        if every {
            for (path, why) in &others {
                report.fail(path, why, shape.words());
            }
            if others.is_empty() {
                let values = demand::counted(fitting.len() as u32, "value");
                report.pass(
                    &texts::places(fitting, "$"),
                    format!("{values} at `{path}`, each {}", shape.words()),
                );
            }
            return Ok(());
        }
        let number = fitting.len() as u32;
        // Where a single value does not fit, its difference says more than a number.
        let message = match (others.as_slice(), number) {
            ([(_, why)], 0) => why.clone(),
            _ => format!("{} of {} at `{path}`: {}", number, nodes.len(), shape.words()),
        };
        let other = others.into_iter().map(|(path, _)| path).collect();
        let places = texts::places(if fitting.is_empty() { other } else { fitting }, "$");
        report.demand(
            amount.allows(number),
            &places,
            message,
            format!("{} {}", amount.words(), shape.words()),
        );
        Ok(())
    }
}
