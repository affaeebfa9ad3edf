//! `tool-offered`: the model was offered these tools, or was not.

use std::num::NonZeroU32;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::selection::Selection;
use crate::several::Several;

/// See the module.
pub struct ToolOffered;

/// What it demands of every selected request; names are those on the wire.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    tools: Option<Several>,
    without: Option<Several>,
    lane: Option<String>,
    turn: Option<NonZeroU32>,
    request: Option<NonZeroU32>,
}

impl Assertion for ToolOffered {
    const NAME: &'static str = "tool-offered";
    const SUMMARY: &'static str = "offered these tools to the model";
    const READS: &'static [&'static str] = &["requests.turn", "requests.lane", "requests.tools"];
    const SCHEMA: &'static str = include_str!("../schemas/tool-offered.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let Parameters { tools, without, lane, turn, request } = parameters;
        if tools.is_none() && without.is_none() {
            return Err("parameters: `tools` or `without` is needed".to_owned());
        }
        let selection = Selection::new(lane, turn, request);
        let nodes = selection.members(evidence, "tools")?;
        if nodes.is_empty() {
            return Err(format!("{}: nothing was looked at", selection.none()));
        }
        for node in nodes {
            let offered: Vec<String> = node.read()?;
            let list =
                |several: &Option<Several>| several.as_ref().map(Several::list).unwrap_or_default().to_vec();
            let has = |name: &str| offered.iter().any(|offered| offered == name);
            for (needle, is_wanted) in list(&tools)
                .iter()
                .map(|tool| (tool, true))
                .chain(list(&without).iter().map(|tool| (tool, false)))
            {
                let name = needle.text();
                let says = if has(name) { "is offered" } else { "is not offered" };
                let expected =
                    if is_wanted { format!("`{name}` among the tools") } else { format!("no tool `{name}`") };
                report.demand(has(name) == is_wanted, &node, format!("`{name}` {says}"), expected);
            }
        }
        Ok(())
    }
}
