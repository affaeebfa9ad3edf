//! `text`: what texts anywhere in the evidence say. For what no other assertion knows.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report};

use crate::texts;
use crate::wanted::With;

/// See the module.
pub struct Text;

/// Which texts, and what they must be: all texts below the matches of `path`, joined by line breaks.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    path: String,
}

impl Assertion for Text {
    const NAME: &'static str = "text";
    const SUMMARY: &'static str = "left these texts in the evidence";
    const READS: &'static [&'static str] = crate::json::EVERYTHING;
    const SCHEMA: &'static str = include_str!("../schemas/text.json");
    type Parameters = With<Parameters>;

    fn check(parameters: With<Parameters>, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let With { own: parameters, text } = parameters;
        let wanted = text.checked()?;
        let mut found = Vec::new();
        for node in evidence.query(&parameters.path)? {
            found.extend(texts::within(&node.path, &node.read::<Value>()?));
        }
        if found.is_empty() {
            return Err(format!("no text is at `{}`: nothing was looked at", parameters.path));
        }
        let joined = found.iter().map(|text| text.text.as_str()).collect::<Vec<_>>().join("\n");
        let paths = found.into_iter().map(|text| text.path).collect();
        let what = format!("the text at `{}`", parameters.path);
        wanted.judge(report, &texts::places(paths, "$"), &what, &joined);
        Ok(())
    }
}
