//! `no-survivors`: no process of the agent was left behind when a turn ended.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report};

use crate::demand;
use crate::needle::Needle;

/// See the module.
pub struct NoSurvivors;

/// Names of processes that may be left behind.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    except: Vec<Needle>,
}

impl Assertion for NoSurvivors {
    const NAME: &'static str = "no-survivors";
    const SUMMARY: &'static str = "left no process behind";
    const READS: &'static [&'static str] = &["processes"];
    const SCHEMA: &'static str = include_str!("../schemas/no-survivors.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        if evidence.count("$.processes")? == 0 {
            return Err("nobody looked for processes that were left behind: it is unknown".to_owned());
        }
        let left = evidence.query("$.processes[*]")?;
        let mut clean = true;
        for node in &left {
            let process: Value = node.read()?;
            let text = |name: &str| process.get(name).and_then(Value::as_str).unwrap_or_default();
            if parameters.except.iter().any(|allowed| allowed.text() == text("name")) {
                continue;
            }
            clean = false;
            let turn = process.get("turn").and_then(Value::as_u64).unwrap_or_default();
            let message = format!("`{}` was left behind by turn {turn} ({})", text("name"), text("end"));
            report.fail(node, message, "no process");
        }
        if clean {
            let left = demand::counted(left.len() as u32, "process").replace("processs", "processes");
            report.pass("$['processes']", format!("nothing but {left} that may be"));
        }
        Ok(())
    }
}
