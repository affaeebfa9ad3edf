//! `request-contains`: a text reached the model.

use std::num::NonZeroU32;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::demand;
use crate::needle::Needle;
use crate::searched::{self, Searched, SearchedPart};
use crate::selection::{Part, Selection};
use crate::texts::{self, PLACES};

/// See the module.
pub struct RequestContains;

/// What it demands. With `count`, exactly that many occurrences in all selected requests together.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    text: Needle,
    lane: Option<String>,
    turn: Option<NonZeroU32>,
    request: Option<NonZeroU32>,
    #[serde(default, rename = "in")]
    part: Part,
    member: Option<Needle>,
    count: Option<NonZeroU32>,
}

impl Assertion for RequestContains {
    const NAME: &'static str = "request-contains";
    const SUMMARY: &'static str = "sent this text to the model";
    const READS: &'static [&'static str] =
        &["requests.turn", "requests.lane", "requests.transcript", "requests.body"];
    const SCHEMA: &'static str = include_str!("../schemas/request-contains.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let section = evidence.section("requests")?;
        if parameters.member.is_some() && parameters.part != Part::Body {
            return Err("parameters: `member` is one of the body: `in = \"body\"`".to_owned());
        }
        let selection = Selection::new(parameters.lane, parameters.turn, parameters.request);
        let mut found = Vec::new();
        let mut total = 0;
        let needle = parameters.text.text();
        // More places would only be noise, and one time more than demanded is too many.
        let demanded = parameters.count.map_or(0, NonZeroU32::get);
        let enough = demanded.saturating_add(1).max(PLACES as u32);
        let member = parameters.member.as_ref().map(Needle::text);
        let Searched { places, parts } =
            searched::searched(evidence, &selection, parameters.part, member, needle, Some(enough))?;
        for SearchedPart { texts, .. } in parts {
            let (here, paths) = texts::occurrences(&texts, needle);
            total += here;
            found.extend(paths);
        }
        let text = demand::quoted(needle);
        if places.is_empty() {
            report.fail(&section, selection.none(), text);
            return Ok(());
        }
        found.dedup();
        let at = texts::places(if found.is_empty() { places } else { found }, &section);
        let at = texts::located(evidence, at, needle)?;
        let holds = match parameters.count {
            Some(count) => total == count.get(),
            None => total > 0,
        };
        let expected = match parameters.count {
            Some(count) => format!("{text} exactly {}", demand::counted(count.get(), "time")),
            None => format!("{text} at least once"),
        };
        let least = if parameters.part == Part::Transcript && total >= enough { "at least " } else { "" };
        let times = demand::counted(total, "time");
        report.demand(holds, &at, format!("{text} occurs {least}{times} in {}", selection.words()), expected);
        Ok(())
    }
}
