//! `fault` and `fail`: how an attempt or a whole step goes wrong.

use super::Fault;
use super::findings::Findings;
use super::table::Table;

/// What a fault may be, for the messages.
const SHAPES: &str = "`{ status = 503 }`, `{ failed = \"server_error\" }` or `{ cut = true }`";
const FINAL_SHAPES: &str = "`{ status = 400 }` or `{ failed = \"invalid_prompt\" }`";

/// Reads a fault. Only before the reply may the connection be cut: the last attempt must be answered.
pub(super) fn read(mut table: Table<'_>, findings: &Findings, may_cut: bool) -> Option<Fault> {
    let kinds = ["status", "failed", "cut"].map(|key| table.has(key));
    let shapes = if may_cut { SHAPES } else { FINAL_SHAPES };
    let fault = match kinds {
        [true, false, false] => status(&mut table),
        [false, true, false] => failed(&mut table),
        [false, false, true] if may_cut => cut(&mut table, findings),
        [false, false, true] => {
            findings.error_with_help(
                "bad-fault",
                "a step can't end with a cut connection",
                table.range(),
                "never answered",
                "cut it in a `[[step.attempt]]` before the reply",
            );
            // The other members are known, only not here.
            return None;
        }
        _ => {
            let label = if kinds.contains(&true) { "more than one kind" } else { "no kind" };
            findings.error_with_help(
                "bad-fault",
                "a fault is of one kind",
                table.range(),
                label,
                format!("write {shapes}"),
            );
            // Which members it may have depends on the kind.
            return None;
        }
    };
    table.finish(|_| None);
    fault
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
