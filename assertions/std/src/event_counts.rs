//! `event-counts`: several counts at once, and alternatives where agents or their versions differ.

use serde::Deserialize;
use serde_json::Value;
use wassert_guest::{Assertion, Evidence, Report};

use crate::amount::Amount;
use crate::demand;
use crate::needle::Needle;
use crate::pattern::{self, Event, Kind, Pattern, Phase};
use crate::shape::Shape;
use crate::texts;

/// See the module.
pub struct EventCounts;

/// Sets of counts; all counts of at least one set must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    any_of: Vec<Vec<Count>>,
}

/// One count: of events of a sort there must be this many, or one of these numbers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    kind: Option<Kind>,
    phase: Option<Phase>,
    #[serde(rename = "type")]
    type_name: Option<Needle>,
    contains: Option<Needle>,
    raw: Option<Value>,
    count: Option<Numbers>,
    min: Option<u32>,
    max: Option<u32>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "a number or a list of numbers")]
enum Numbers {
    One(u32),
    Several(Vec<u32>),
}

impl Assertion for EventCounts {
    const NAME: &'static str = "event-counts";
    const SUMMARY: &'static str = "printed one of these sets of events";
    const READS: &'static [&'static str] = &["events"];
    const SCHEMA: &'static str = include_str!("../schemas/event-counts.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        if parameters.any_of.is_empty() || parameters.any_of.iter().any(Vec::is_empty) {
            return Err("parameters: `any-of` needs at least one set, and each set a count".to_owned());
        }
        let section = evidence.section("events")?;
        let events = pattern::events(evidence)?;
        let mut wrong = Vec::new();
        for (number, set) in (1..).zip(parameters.any_of) {
            let mut fitting = Vec::new();
            let mut misfit = None;
            for count in set {
                match fits(count, &events)? {
                    Ok(paths) => fitting.extend(paths),
                    Err(why) => misfit = misfit.or(Some(why)),
                }
            }
            match misfit {
                None => {
                    report.pass(&texts::places(fitting, &section), format!("set {number} holds"));
                    return Ok(());
                }
                Some(why) => wrong.push(format!("set {number}: {why}")),
            }
        }
        report.fail(&section, wrong.join("; "), "one of the sets");
        Ok(())
    }
}

/// The events of one count, or why it does not hold.
fn fits(count: Count, events: &[Event]) -> Result<Result<Vec<String>, String>, String> {
    let amounts = match count.count {
        Some(Numbers::One(number)) => vec![Amount::new(Some(number), count.min, count.max)?],
        Some(Numbers::Several(numbers))
            if !numbers.is_empty() && count.min.is_none() && count.max.is_none() =>
        {
            numbers
                .into_iter()
                .map(|number| Amount::new(Some(number), None, None))
                .collect::<Result<_, _>>()?
        }
        Some(Numbers::Several(_)) => {
            return Err("parameters: a list of counts stands alone and is not empty".to_owned());
        }
        None => vec![Amount::new(None, count.min, count.max)?],
    };
    let pattern = Pattern::new(count.kind, count.phase, count.type_name, count.contains);
    let raw = count.raw.map(|raw| Shape::new(Some(raw), None, None)).transpose()?;
    let has_it = |event: &Event| raw.as_ref().is_none_or(|raw| raw.misfit(event.raw(), false).is_none());
    let fitting: Vec<String> = events
        .iter()
        .filter(|event| pattern.fits(event) && has_it(event))
        .map(|event| event.path.clone())
        .collect();
    let number = fitting.len() as u32;
    if amounts.iter().any(|amount| amount.allows(number)) {
        return Ok(Ok(fitting));
    }
    let wanted: Vec<String> = amounts.iter().map(|amount| amount.words()).collect();
    let counted = demand::counted(number, "event");
    let sort = match &raw {
        Some(raw) if pattern.is_empty() => raw.words(),
        Some(raw) => format!("{}, {}", pattern.words(), raw.words()),
        None => pattern.words(),
    };
    Ok(Err(format!("{counted} of {sort}, not {}", wanted.join(" or "))))
}
