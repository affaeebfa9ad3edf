//! `skill-injected`: the body of a skill reached the model this often in one request: once when the skill is used, not
//! at all when it is only listed, and never twice.

use std::num::NonZeroU32;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::demand;
use crate::needle::Needle;
use crate::selection::{Selection, body_texts};
use crate::skill;
use crate::texts;

/// See the module.
pub struct SkillInjected;

/// What it demands of every selected request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    skill: Needle,
    #[serde(default = "once")]
    times: u32,
    lane: Option<String>,
    turn: Option<NonZeroU32>,
    request: Option<NonZeroU32>,
}

fn once() -> u32 {
    1
}

impl Assertion for SkillInjected {
    const NAME: &'static str = "skill-injected";
    const SUMMARY: &'static str = "sent the body of this skill to the model exactly once";
    const READS: &'static [&'static str] = &["files", "requests.turn", "requests.lane", "requests.body"];
    const SCHEMA: &'static str = include_str!("../schemas/skill-injected.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let skill = skill::read(evidence, parameters.skill.text())?;
        let selection = Selection::new(parameters.lane, parameters.turn, parameters.request);
        let nodes = selection.members(evidence, "body")?;
        if nodes.is_empty() {
            return Err(format!("{}: nothing was searched", selection.none()));
        }
        for node in &nodes {
            let (texts, place) = body_texts(evidence, node)?;
            let (times, paths) = texts::occurrences(&texts, &skill.body);
            report.demand(
                times == parameters.times,
                &texts::places(paths, &place),
                format!(
                    "the body of `{}` stands {} in this request",
                    skill.name,
                    demand::counted(times, "time")
                ),
                format!("the body exactly {}", demand::counted(parameters.times, "time")),
            );
        }
        Ok(())
    }
}
