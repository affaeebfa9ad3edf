//! `request-images`: how many images, and how many bytes of them, the agent sent to the model.

use std::num::NonZeroU32;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::amount::Amount;
use crate::demand;
use crate::images::images;
use crate::selection::{Selection, body_texts};
use crate::texts;

/// See the module.
pub struct RequestImages;

/// What it demands of the selected requests together: a number of images, of bytes, or both.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    count: Option<u32>,
    min: Option<u32>,
    max: Option<u32>,
    bytes: Option<u32>,
    min_bytes: Option<u32>,
    max_bytes: Option<u32>,
    lane: Option<String>,
    turn: Option<NonZeroU32>,
    request: Option<NonZeroU32>,
}

impl Assertion for RequestImages {
    const NAME: &'static str = "request-images";
    const SUMMARY: &'static str = "sent this many images to the model";
    const READS: &'static [&'static str] = &["requests.turn", "requests.lane", "requests.body"];
    const SCHEMA: &'static str = include_str!("../schemas/request-images.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        let Parameters { count, min, max, bytes, min_bytes, max_bytes, lane, turn, request } = parameters;
        let given = |one: Option<u32>, two: Option<u32>, three: Option<u32>| {
            one.or(two).or(three).map(|_| Amount::new(one, two, three)).transpose()
        };
        let (images_wanted, bytes_wanted) = (given(count, min, max)?, given(bytes, min_bytes, max_bytes)?);
        if images_wanted.is_none() && bytes_wanted.is_none() {
            return Err("parameters: a number of images or of bytes is needed".to_owned());
        }
        let selection = Selection::new(lane, turn, request);
        let nodes = selection.members(evidence, "body")?;
        if nodes.is_empty() {
            return Err(format!("{}: nothing was searched", selection.none()));
        }
        let (mut found, mut places, mut searched) = (Vec::new(), Vec::new(), Vec::new());
        for node in &nodes {
            let (texts, place) = body_texts(evidence, node)?;
            if texts.is_empty() {
                return Err(format!("{place} holds no text: it is not the body of a request"));
            }
            searched.push(place);
            for text in texts {
                if let Some(bytes) = images(&text.text) {
                    found.push(bytes);
                    places.push(text.path);
                }
            }
        }
        places.dedup();
        let at = texts::places(if places.is_empty() { searched } else { places }, "$['requests']");
        let (number, total) = (found.len() as u32, found.iter().sum::<u32>());
        if let Some(amount) = images_wanted {
            let message = format!("{} in {}", demand::counted(number, "image"), selection.words());
            report.demand(amount.allows(number), &at, message, format!("{} of them", amount.words()));
        }
        if let Some(amount) = bytes_wanted {
            let message = format!("{} of images in {}", demand::counted(total, "byte"), selection.words());
            report.demand(amount.allows(total), &at, message, format!("{} bytes", amount.words()));
        }
        Ok(())
    }
}
