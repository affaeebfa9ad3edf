//! `request-well-formed`: the server found nothing wrong with any request itself.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report, path};

use crate::demand;
use crate::texts;

/// See the module.
pub struct RequestWellFormed;

/// Codes of violations that are let through.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    allow: BTreeSet<String>,
}

impl Assertion for RequestWellFormed {
    const NAME: &'static str = "request-well-formed";
    const SUMMARY: &'static str = "sent only requests with nothing wrong in them";
    const READS: &'static [&'static str] = &["requests.violations"];
    const SCHEMA: &'static str = include_str!("../schemas/request-well-formed.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let lists = evidence.query("$.requests[*].violations")?;
        if lists.is_empty() {
            return Err("there are no requests: nothing was looked at".to_owned());
        }
        let mut sound = Vec::new();
        let mut clean = true;
        for list in lists {
            for (index, violation) in list.read::<Vec<Value>>()?.iter().enumerate() {
                let text = |name: &str| violation.get(name).and_then(Value::as_str).unwrap_or_default();
                if !parameters.allow.contains(text("code")) {
                    clean = false;
                    let message = format!("`{}`: {}", text("code"), text("message"));
                    report.fail(&path::element(&list.path, index), message, "a well-formed request");
                }
            }
            sound.push(list.path);
        }
        if clean {
            let number = demand::counted(sound.len() as u32, "request");
            report.pass(&texts::places(sound, "$['requests']"), format!("{number}, nothing wrong with them"));
        }
        Ok(())
    }
}
