//! `skill-listed`: the model was told that a skill exists, by its name and its description.

use std::num::NonZeroU32;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::demand;
use crate::needle::Needle;
use crate::selection::{Selection, body_texts};
use crate::skill;
use crate::texts;

/// See the module.
pub struct SkillListed;

/// What it demands of one request, the first unless named: name and description are there; with `times`, the
/// description stands that often; 0 means that the skill is kept from the model.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    skill: Needle,
    times: Option<u32>,
    lane: Option<String>,
    turn: Option<NonZeroU32>,
    request: Option<NonZeroU32>,
}

impl Assertion for SkillListed {
    const NAME: &'static str = "skill-listed";
    const SUMMARY: &'static str = "told the model that this skill exists";
    const READS: &'static [&'static str] = &["files", "requests.turn", "requests.lane", "requests.body"];
    const SCHEMA: &'static str = include_str!("../schemas/skill-listed.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let skill = skill::read(evidence, parameters.skill.text())?;
        let line = skill.description.ok_or("the skill has no description to look for")?;
        let first = parameters.request.or(NonZeroU32::new(1));
        let selection = Selection::new(parameters.lane, parameters.turn, first);
        let Some(node) = selection.members(evidence, "body")?.into_iter().next() else {
            return Err(format!("{}: nothing was searched", selection.none()));
        };
        let (texts, place) = body_texts(evidence, &node)?;
        let (times, paths) = texts::occurrences(&texts, &line);
        let named = texts::occurrences(&texts, &skill.name).0 > 0;
        let holds = match parameters.times {
            Some(wanted) => times == wanted && (named || wanted == 0),
            None => times > 0 && named,
        };
        let what = format!("the description of `{}`", skill.name);
        let mut message =
            format!("{what} stands {} in {}", demand::counted(times, "time"), selection.words());
        if times > 0 && !named {
            message.push_str(", and its name nowhere");
        }
        let expected = match parameters.times {
            Some(wanted) => format!("{what} exactly {}", demand::counted(wanted, "time")),
            None => format!("{what}, and its name"),
        };
        report.demand(holds, &texts::places(paths, &place), message, expected);
        Ok(())
    }
}
