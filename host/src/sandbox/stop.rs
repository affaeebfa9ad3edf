//! Why a module was stopped, from wherever it was noticed to the verdict.

use wasmtime::Trap;

use super::backtrace;
use super::limits::{Limits, grouped, size};
use crate::value::{ErrorClass, Unjudged, excerpt};

/// Ends a judging; travels through wasmtime as an error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub(super) struct Stop(pub Unjudged);

impl Stop {
    pub fn new(class: ErrorClass, code: &str, message: impl Into<String>) -> Self {
        Self(Unjudged { class, code: code.to_owned(), message: message.into(), place: None })
    }

    /// The module's doing.
    pub fn guest(code: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Guest, code, message)
    }

    /// The machine's doing.
    pub fn host(code: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Host, code, message)
    }
}

/// What a module was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Being instantiated.
    Setup,
    /// In `describe`.
    Describe,
    /// In `check`.
    Check,
}

/// Names an error that came out of wasmtime.
pub(super) fn of_error(error: &wasmtime::Error, phase: Phase, limits: &Limits) -> Unjudged {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return stop.0.clone();
    }
    let stop = match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => match phase {
            Phase::Setup | Phase::Describe => Stop::guest(
                "fuel",
                format!(
                    "did not get ready: {} used all of its {} units of fuel, a count of instructions (limits.setup_fuel)",
                    if phase == Phase::Setup { "starting it" } else { "`describe`" },
                    grouped(limits.setup_fuel)
                ),
            ),
            Phase::Check => Stop::guest(
                "fuel",
                format!(
                    "did not end: it used all of its {} units of fuel, a count of instructions (limits.check_fuel)",
                    grouped(limits.check_fuel)
                ),
            ),
        },
        Some(Trap::StackOverflow) => {
            let stack = size(limits.stack_bytes as u64);
            let message = format!(
                "its calls are nested too deep for a stack of {stack} (limits.stack_bytes); no verdict"
            );
            Stop::host("stack", message)
        }
        Some(Trap::Interrupt) => {
            let message = format!(
                "took longer than {} ms of real time (limits.wall_clock_ms); no verdict, perhaps the machine is busy",
                grouped(limits.wall_clock_ms)
            );
            Stop::host("wall-clock", message)
        }
        Some(trap) => {
            let text = trap.to_string();
            let mut stop =
                Stop::guest("trap", format!("crashed: {}", text.trim_start_matches("wasm trap: ")));
            stop.0.place = backtrace::place(error);
            stop
        }
        None if error.chain().any(|cause| cause.is::<std::io::Error>()) => {
            Stop::host("host", format!("the machine could not run the module: {}", first_line(error)))
        }
        None => match phase {
            Phase::Setup => {
                Stop::host("host", format!("the module could not be set up: {}", first_line(error)))
            }
            // Broken values at the boundary: text that is not UTF-8, lists beyond memory, too many bytes or handles.
            Phase::Describe | Phase::Check if first_line(error).contains("hostcalls has been exhausted") => {
                let most = size(limits.call_bytes as u64);
                Stop::guest("output", format!("handed over more than {most} in one call (limits.call_bytes)"))
            }
            Phase::Describe | Phase::Check => Stop::guest(
                "output",
                format!("handed over something broken or too large: {}", first_line(error)),
            ),
        },
    };
    stop.0
}

/// The innermost cause on one line.
pub(super) fn first_line(error: &wasmtime::Error) -> String {
    excerpt(error.root_cause().to_string().lines().next().unwrap_or_default(), 300)
}
