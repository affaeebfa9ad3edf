//! `session-captured`: whoever resumes a session knows it from the turn before. A resume flag without a session that was
//! printed upstream does nothing, and looks as if it did.

use serde_json::Value;
use wassert_guest::{Assertion, Evidence, NoParameters, Report, path};

/// See the module.
pub struct SessionCaptured;

impl Assertion for SessionCaptured {
    const NAME: &'static str = "session-captured";
    const SUMMARY: &'static str = "printed the session that a later turn resumes";
    const READS: &'static [&'static str] = &["turns.turn", "turns.resumes", "turns.session"];
    const SCHEMA: &'static str = include_str!("../schemas/session-captured.json");
    type Parameters = NoParameters;

    fn check(_: NoParameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let turns = evidence.query("$.turns[*]")?;
        let mut session: Option<(String, String)> = None;
        let mut resumed = false;
        for node in &turns {
            let turn: Value = node.read()?;
            let number = turn.get("turn").and_then(Value::as_u64).unwrap_or_default();
            if turn.get("resumes").and_then(Value::as_bool) == Some(true) {
                resumed = true;
                match &session {
                    Some((at, _)) => {
                        report.pass(at, format!("turn {number} resumes a session that was printed before"))
                    }
                    None => report.fail(
                        node,
                        format!("turn {number} resumes a session, and no turn before it printed one"),
                        "a session printed by an earlier turn",
                    ),
                }
            }
            if let Some(said) = turn.get("session").and_then(Value::as_str).filter(|said| !said.is_empty()) {
                session = Some((path::member(&node.path, "session"), said.to_owned()));
            }
        }
        if !resumed {
            return Err("no turn resumes a session: there is nothing to capture".to_owned());
        }
        Ok(())
    }
}
