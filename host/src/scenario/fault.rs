//! `fault` and `fail`: how an attempt or a whole step goes wrong.

use super::findings::Findings;
use super::schedule;
use super::table::Table;
use super::{Fault, Wire};

/// What a fault may be, for the messages.
const SHAPES: &str = "`{ status = 503 }`, `{ failed = \"server_error\" }`, `{ cut = true }` or `{ wire = [{ frame = 2, end = \"reset\" }] }`";

/// Reads a fault of an attempt: what is answered, and how that is disturbed on its way.
pub(super) fn read(table: Table<'_>, findings: &Findings) -> Option<Fault> {
    read_for(Of::Attempt, table, findings)
}

/// What a fault is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Of {
    /// An attempt that goes wrong, so that the agent asks again.
    Attempt,
    /// The reply that is served in the end, which may well arrive whole.
    Reply,
}

/// Reads a fault of an attempt or of the reply itself.
pub(super) fn read_for(of: Of, mut table: Table<'_>, findings: &Findings) -> Option<Fault> {
    let kinds = ["status", "failed", "cut"].map(|key| table.has(key));
    let is_disturbed = table.has("wire") || table.has("headers");
    let fault = match kinds {
        [true, false, false] => Some(status(&mut table)?),
        [false, true, false] => Some(failed(&mut table)?),
        [false, false, true] => Some(cut(&mut table, findings)?),
        [false, false, false] if is_disturbed => None,
        _ => {
            let label = if kinds.contains(&true) { "more than one kind" } else { "no kind" };
            findings.error_with_help(
                "bad-fault",
                "a fault is of one kind",
                table.range(),
                label,
                format!("write {SHAPES}"),
            );
            // Which members it may have depends on the kind.
            return None;
        }
    };
    let then_completed = match &fault {
        Some(Fault::Failed { .. }) => {
            table.boolean("then-completed").is_some_and(|completed| *completed.get_ref())
        }
        _ => false,
    };
    let wire = Wire { then_completed, ..schedule::read(&mut table, findings) };
    if let (Some(Fault::Cut), false) = (&fault, wire.is_empty()) {
        let help = "say where the reply ends instead: `wire = [{ frame = 4, byte = 20, end = \"reset\" }]`";
        findings.error_with_help(
            "bad-fault",
            "`cut` has a place of its own",
            table.range(),
            "cut twice",
            help,
        );
    }
    if of == Of::Attempt && fault.is_none() && !wire.harms() {
        let help = "write `wire` on the step itself, or end the reply with `end`";
        findings.error_with_help(
            "bad-fault",
            "the reply arrives whole, and no agent asks again",
            table.range(),
            "no fault",
            help,
        );
    }
    table.finish(|_| None);
    Some(match fault {
        Some(fault) if wire.is_empty() => fault,
        fault => Fault::Disturbed { fault: fault.map(Box::new), wire },
    })
}

fn status(table: &mut Table<'_>) -> Option<Fault> {
    let status = table.integer("status", 400..=599).and_then(|status| u16::try_from(status).ok());
    let code = table.text("code").map(|text| (*text.get_ref()).to_owned());
    let message = table.text("message").map(|text| (*text.get_ref()).to_owned());
    let retry_after = table.integer("retry-after-seconds", 0..=3600);
    let status = status?;
    Some(Fault::Status {
        status,
        code: code.unwrap_or_else(|| default_code(status).to_owned()),
        message: message.unwrap_or_else(|| format!("scripted status {status}")),
        retry_after_seconds: retry_after.and_then(|seconds| u32::try_from(seconds).ok()),
    })
}

fn failed(table: &mut Table<'_>) -> Option<Fault> {
    let code = table.required_text("failed").map(|text| (*text.get_ref()).to_owned());
    let message = table.text("message").map(|text| (*text.get_ref()).to_owned());
    let code = code?;
    Some(Fault::Failed { message: message.unwrap_or_else(|| format!("scripted failure {code}")), code })
}

fn cut(table: &mut Table<'_>, findings: &Findings) -> Option<Fault> {
    let cut = table.boolean("cut")?;
    if !*cut.get_ref() {
        findings.error("bad-fault", "`cut = false` is no fault", cut.span(), "remove the attempt instead");
        return None;
    }
    Some(Fault::Cut)
}

/// The error code that goes with a status where the scenario names none: the words of the Responses API.
fn default_code(status: u16) -> &'static str {
    match status {
        401 => "invalid_api_key",
        429 => "rate_limit_exceeded",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    }
}
