//! `image-path-carried`: a later turn tells the model where an image lies, instead of sending it again.

use std::num::NonZeroU32;

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report};

use crate::demand;
use crate::images::images;
use crate::needle::Needle;
use crate::selection::{Selection, body_texts};
use crate::texts;

/// See the module.
pub struct ImagePathCarried;

/// What it demands of the first request of `turn` (2): the image's path, or the end of it, and no image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    path: Needle,
    turn: Option<NonZeroU32>,
    lane: Option<String>,
}

impl Assertion for ImagePathCarried {
    const NAME: &'static str = "image-path-carried";
    const SUMMARY: &'static str = "told a later turn where an image was saved, and did not send it again";
    const READS: &'static [&'static str] = &[
        "requests.turn",
        "requests.lane",
        "requests.body",
        "events.turn",
        "events.text",
        "events.paths",
        "events.output",
        "events.raw",
        "files",
    ];
    const SCHEMA: &'static str = include_str!("../schemas/image-path-carried.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let turn = parameters.turn.map_or(2, NonZeroU32::get);
        if turn < 2 {
            return Err("parameters: `turn` is at least 2: nothing was saved before turn 1".to_owned());
        }
        let (path, quoted) = (&parameters.path, demand::quoted(parameters.path.text()));
        saved(path, turn, evidence, report)?;
        let selection = Selection::new(parameters.lane, NonZeroU32::new(turn), NonZeroU32::new(1));
        let Some(node) = selection.members(evidence, "body")?.into_iter().next() else {
            report.fail(&evidence.section("requests")?, selection.none(), "a request");
            return Ok(());
        };
        let (texts, place) = body_texts(evidence, &node)?;
        let (times, paths) = texts::occurrences(&texts, path.text());
        report.demand(
            times > 0,
            &texts::places(paths, &place),
            format!("{quoted} stands {} in {}", demand::counted(times, "time"), selection.words()),
            format!("{quoted} at least once"),
        );
        let sent: Vec<String> =
            texts.into_iter().filter(|text| images(&text.text).is_some()).map(|text| text.path).collect();
        let number = sent.len() as u32;
        report.demand(
            number == 0,
            &texts::places(sent, &place),
            format!("{} in {}", demand::counted(number, "image"), selection.words()),
            "no image",
        );
        Ok(())
    }
}

/// The image was saved: an earlier turn's events name its path, or it lies in the workspace. Without that, a path in a
/// later request would be a word of the prompt and nothing more.
fn saved(path: &Needle, turn: u32, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
    let quoted = demand::quoted(path.text());
    for event in evidence.query(&format!("$.events[?@.turn < {turn}]"))? {
        if texts::any(&event.read::<Value>()?, &|text| path.is_in(text)) {
            report.pass(&event, format!("an event before turn {turn} names {quoted}"));
            return Ok(());
        }
    }
    for file in evidence.query("$.files[?@.after].change")? {
        let name = match wassert_guest::path::parts(&file.path).as_deref() {
            Some([_, wassert_guest::path::Part::Name(name), ..]) => name.clone().into_owned(),
            _ => continue,
        };
        if name.ends_with(path.text()) || path.text().ends_with(&format!("/{name}")) {
            report.pass(&file, format!("`{name}` is in the workspace"));
            return Ok(());
        }
    }
    report.fail(
        &evidence.section("events")?,
        format!("nothing before turn {turn} says that {quoted} was saved"),
        "an image that was saved",
    );
    Ok(())
}
