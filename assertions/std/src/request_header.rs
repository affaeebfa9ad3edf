//! `request-header`: what the agent sent in a header.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::needle::Needle;
use crate::selection::Selection;
use crate::wanted::With;

/// See the module.
pub struct RequestHeader;

/// What it demands of every selected request; with only a name, that the header is there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    name: Needle,
    present: Option<bool>,
    lane: Option<String>,
    turn: Option<NonZeroU32>,
    request: Option<NonZeroU32>,
}

impl Assertion for RequestHeader {
    const NAME: &'static str = "request-header";
    const SUMMARY: &'static str = "sent this header to the model";
    const READS: &'static [&'static str] = &["requests.turn", "requests.lane", "requests.headers"];
    const SCHEMA: &'static str = include_str!("../schemas/request-header.json");
    type Parameters = With<Parameters>;

    fn check(parameters: With<Parameters>, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let With { own: parameters, text: wanted } = parameters;
        let is_wanted = parameters.present.unwrap_or(true);
        if !is_wanted && !wanted.is_empty() {
            return Err("parameters: a header that must be absent has no value to look at".to_owned());
        }
        let name = parameters.name.text().to_ascii_lowercase();
        let selection = Selection::new(parameters.lane, parameters.turn, parameters.request);
        let nodes = selection.members(evidence, "headers")?;
        if nodes.is_empty() {
            return Err(format!("{}: nothing was looked at", selection.none()));
        }
        for node in nodes {
            let headers: Value = node.read()?;
            let at = path::member(&node.path, &name);
            let values = headers.get(&name).and_then(Value::as_array);
            match (values, is_wanted) {
                (None, true) => {
                    report.fail(
                        &node,
                        format!("the request has no header `{name}`"),
                        format!("the header `{name}`"),
                    );
                }
                (None, false) => report.pass(&node, format!("the request has no header `{name}`")),
                (Some(_), false) => {
                    report.fail(
                        &at,
                        format!("the request has the header `{name}`"),
                        format!("no header `{name}`"),
                    );
                }
                (Some(_), true) if wanted.is_empty() => {
                    report.pass(&at, format!("the request has the header `{name}`"));
                }
                (Some(values), true) => {
                    let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
                    wanted.judge(report, &at, &format!("the header `{name}`"), &values.join(", "));
                }
            }
        }
        Ok(())
    }
}
