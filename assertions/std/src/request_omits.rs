//! `request-omits`: a text never reached the model.

use std::num::NonZeroU32;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::demand;
use crate::needle::Needle;
use crate::searched::{self, Searched, SearchedPart};
use crate::selection::{Part, Selection};
use crate::texts;

/// See the module.
pub struct RequestOmits;

/// What it demands.
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
}

impl Assertion for RequestOmits {
    const NAME: &'static str = "request-omits";
    const SUMMARY: &'static str = "never sent this text to the model";
    const READS: &'static [&'static str] =
        &["requests.turn", "requests.lane", "requests.transcript", "requests.body"];
    const SCHEMA: &'static str = include_str!("../schemas/request-omits.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        if parameters.member.is_some() && parameters.part != Part::Body {
            return Err("parameters: `member` is one of the body: `in = \"body\"`".to_owned());
        }
        let selection = Selection::new(parameters.lane, parameters.turn, parameters.request);
        let text = demand::quoted(parameters.text.text());
        let member = parameters.member.as_ref().map(Needle::text);
        let needle = parameters.text.text();
        let Searched { places, parts } =
            searched::searched(evidence, &selection, parameters.part, member, needle, None)?;
        if places.is_empty() {
            return Err(format!("{}: nothing was searched", selection.none()));
        }
        let mut clean = true;
        for SearchedPart { place, texts } in parts {
            let (here, mut paths) = texts::occurrences(&texts, needle);
            if here > 0 {
                clean = false;
                paths.dedup();
                report.fail(
                    &texts::located(evidence, texts::places(paths, &place), needle)?,
                    format!("{text} occurs {} in this request", demand::counted(here, "time")),
                    format!("a request without {text}"),
                );
            }
        }
        if clean {
            let number = selection.number(evidence)?;
            report.pass(
                &texts::places(places, "$['requests']"),
                format!("{text} occurs nowhere in {}; {number} searched", selection.words()),
            );
        }
        Ok(())
    }
}
