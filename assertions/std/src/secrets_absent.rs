//! `secrets-absent`: no declared secret and nothing shaped like a key stood anywhere in what was captured. Judged on
//! `redactions`: the captures themselves hold symbols only.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report};

use crate::demand;
use crate::needle::Needle;

/// See the module.
pub struct SecretsAbsent;

/// Beginnings of places where a secret may stand, such as `$['requests']` for a key that is sent to the server; and
/// whether only declared secrets count.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Parameters {
    except: Vec<Needle>,
    declared_only: bool,
}

impl Assertion for SecretsAbsent {
    const NAME: &'static str = "secrets-absent";
    const SUMMARY: &'static str = "let no secret out";
    const READS: &'static [&'static str] = &["redactions", "scenario.secrets"];
    const SCHEMA: &'static str = include_str!("../schemas/secrets-absent.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let declared = evidence.count("$.scenario.secrets[*]")?;
        if declared == 0 {
            return Err("the scenario declares no secret: there is nothing that could have leaked".to_owned());
        }
        let section = evidence.section("redactions")?;
        let mut clean = true;
        for node in evidence.query("$.redactions[*]")? {
            let redaction: Value = node.read()?;
            let text = |name: &str| redaction.get(name).and_then(Value::as_str).unwrap_or_default();
            let place = text("place");
            let is_allowed = parameters.except.iter().any(|allowed| place.starts_with(allowed.text()));
            // The scenario itself says its secrets: that is where they are declared.
            let is_declaration = place == "scenario.toml" || place.starts_with("$['scenario']");
            if is_allowed || is_declaration || parameters.declared_only && text("source") != "declared" {
                continue;
            }
            clean = false;
            let number = redaction.get("secret").and_then(Value::as_u64).unwrap_or_default();
            let message = format!("secret {number} ({}, {}) stood at {place}", text("source"), text("form"));
            report.fail(&node, message, "no secret there");
        }
        if clean {
            let secrets = demand::counted(declared, "declared secret");
            report.pass(&section, format!("{secrets}, and none of them stood where it must not"));
        }
        Ok(())
    }
}
