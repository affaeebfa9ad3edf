//! `no-egress`: the agent tried to reach nothing but the model server.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report};

use crate::demand;
use crate::needle::Needle;

/// See the module.
pub struct NoEgress;

/// Destinations that may be tried; whether direct connections must have been seen (they must).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    #[serde(default)]
    except: Vec<Needle>,
    #[serde(default = "yes")]
    direct: bool,
}

fn yes() -> bool {
    true
}

impl Assertion for NoEgress {
    const NAME: &'static str = "no-egress";
    const SUMMARY: &'static str = "tried to reach nothing but the model server";
    const READS: &'static [&'static str] = &["egress", "isolation"];
    const SCHEMA: &'static str = include_str!("../schemas/no-egress.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        if evidence.count("$.egress")? == 0 {
            return Err("nobody looked at what the agent tried to reach: it is unknown".to_owned());
        }
        let seen =
            evidence.first("$.isolation.direct_connections_seen")?.map(|node| node.read()).transpose()?;
        if parameters.direct && seen != Some(true) {
            return Err("at this isolation level direct connections are not seen: whether there were any is unknown; \
                        `direct = false` judges what the proxy saw"
                .to_owned());
        }
        let attempts = evidence.query("$.egress[*]")?;
        let mut clean = true;
        for node in &attempts {
            let attempt: Value = node.read()?;
            let destination = attempt.get("destination").and_then(Value::as_str).unwrap_or_default();
            if parameters.except.iter().any(|allowed| allowed.text() == destination) {
                continue;
            }
            clean = false;
            let count = attempt.get("count").and_then(Value::as_u64).unwrap_or(1) as u32;
            let protocol = attempt.get("protocol").and_then(Value::as_str).unwrap_or_default();
            let times = demand::counted(count, "time");
            report.fail(
                node,
                format!("`{destination}` was tried {times} ({protocol})"),
                "no destination but the server",
            );
        }
        if clean {
            let tried = demand::counted(attempts.len() as u32, "destination");
            report.pass("$['egress']", format!("nothing but {tried} that may be tried"));
        }
        Ok(())
    }
}
