//! `command`: the agent ran a command like this, and it came out like this.

use std::num::NonZeroU32;

use serde::Deserialize;
use wassert_guest::{Assertion, Evidence, Report};

use crate::amount::Amount;
use crate::commands::{Command, commands};
use crate::demand;
use crate::texts;
use crate::wanted::Wanted;

/// See the module.
pub struct RanCommand;

/// What it demands: at least one command fits, unless `count`, `min` or `max` says otherwise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    command: Option<Wanted>,
    output: Option<Wanted>,
    exit: Option<i64>,
    status: Option<Status>,
    turn: Option<NonZeroU32>,
    count: Option<u32>,
    min: Option<u32>,
    max: Option<u32>,
}

/// How a command ended, in the agent's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    /// The agent says that it ended, whatever its exit code.
    Ended,
    /// It ended well: the agent does not call it failed, and no exit code but 0 is told.
    Completed,
    /// The agent calls it failed, or tells another exit code than 0.
    Failed,
    /// It was begun, and no end of it was told.
    Unfinished,
}

impl Status {
    fn fits(self, command: &Command) -> bool {
        let failed = command.failed || command.exit.is_some_and(|exit| exit != 0);
        match self {
            Self::Ended => command.ended,
            Self::Completed => command.ended && !failed,
            Self::Failed => command.ended && failed,
            Self::Unfinished => !command.ended,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Ended => "ended",
            Self::Completed => "ended well",
            Self::Failed => "ended badly",
            Self::Unfinished => "never ended",
        }
    }
}

impl Parameters {
    /// The first demand that a command does not meet.
    fn misfit(&self, command: &Command) -> Option<String> {
        if self.command.as_ref().is_some_and(|wanted| !wanted.holds(&command.line)) {
            return Some(format!("it ran {}", demand::quoted(&command.line)));
        }
        if self.status.is_some_and(|status| !status.fits(command)) {
            return Some(format!("{} has another end", demand::quoted(&command.line)));
        }
        match (self.exit, command.exit) {
            (Some(wanted), Some(exit)) if wanted != exit => {
                return Some(format!("{} ended with exit code {exit}", demand::quoted(&command.line)));
            }
            (Some(_), None) => {
                return Some(format!("no exit code is told of {}", demand::quoted(&command.line)));
            }
            _ => {}
        }
        let output = self.output.as_ref()?;
        match &command.output {
            None => Some(format!("no output is told of {}", demand::quoted(&command.line))),
            Some(text) if !output.holds(text) => {
                Some(format!("{} gave {}", demand::quoted(&command.line), demand::quoted(text)))
            }
            Some(_) => None,
        }
    }

    fn words(&self) -> String {
        let mut words = vec!["a command".to_owned()];
        words.extend(self.command.as_ref().map(Wanted::words));
        words.extend(self.status.map(|status| format!("that {}", status.word())));
        words.extend(self.exit.map(|exit| format!("with exit code {exit}")));
        words.extend(self.output.as_ref().map(|output| format!("with output {}", output.words())));
        words.join(" ")
    }
}

impl Assertion for RanCommand {
    const NAME: &'static str = "command";
    const SUMMARY: &'static str = "ran a command like this";
    const READS: &'static [&'static str] = crate::commands::READS;
    const SCHEMA: &'static str = include_str!("../schemas/command.json");
    type Parameters = Parameters;

    fn check(parameters: Parameters, evidence: &Evidence, report: &mut Report) -> Result<(), String> {
        for wanted in parameters.command.iter().chain(&parameters.output) {
            wanted.clone().checked()?;
        }
        let amount = match (parameters.count, parameters.min, parameters.max) {
            (None, None, None) => Amount::new(None, Some(1), None)?,
            (count, min, max) => Amount::new(count, min, max)?,
        };
        let commands = commands(evidence, parameters.turn)?;
        let (fitting, others): (Vec<_>, Vec<_>) =
            commands.iter().partition(|command| parameters.misfit(command).is_none());
        let number = fitting.len() as u32;
        let paths = |list: &[&Command]| list.iter().map(|command| command.path.clone()).collect();
        let places = if fitting.is_empty() { paths(&others) } else { paths(&fitting) };
        let told = demand::counted(number, "command");
        let message = match others.as_slice() {
            [other] if number == 0 => parameters.misfit(other).unwrap_or_default(),
            _ => format!("{told} of {} fit", commands.len()),
        };
        let expected = format!("{}: {}", amount.words(), parameters.words());
        report.demand(
            amount.allows(number),
            &texts::places(places, &evidence.section("events")?),
            message,
            expected,
        );
        Ok(())
    }
}
