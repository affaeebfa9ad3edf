//! What faults mean to every protocol. How each looks on the wire is for `protocol` and `wire` to say.

use crate::scenario::Fault;

/// Whether an attempt that goes wrong this way may leave items of the reply with the agent.
pub(super) fn emits_items(fault: &Fault) -> bool {
    match fault {
        Fault::Status { .. } | Fault::Failed { .. } => false,
        Fault::Cut | Fault::Disturbed { fault: None, .. } => true,
        Fault::Disturbed { fault: Some(fault), .. } => emits_items(fault),
    }
}

/// The fault in a few words.
pub(super) fn describe(fault: &Fault) -> String {
    match fault {
        Fault::Status { status, code, .. } => format!("status {status} {code}"),
        Fault::Failed { code, .. } => format!("failed {code}"),
        Fault::Cut => String::from("cut"),
        Fault::Disturbed { fault, wire } => {
            let mut words: Vec<String> = fault.iter().map(|fault| describe(fault)).collect();
            words.extend(wire.headers.iter().map(|(name, _)| format!("header {name}")));
            words.extend(wire.changes.iter().filter_map(|change| change.what.word()).map(str::to_owned));
            if wire.then_completed {
                words.push(String::from("then completed"));
            }
            words.join(", ")
        }
    }
}

/// How long the fault asks the agent to wait, in `retry-after` (seconds) or `retry-after-ms`; a date is not read.
pub(super) fn retry_after_ms(fault: &Fault) -> Option<u64> {
    match fault {
        Fault::Status { retry_after_seconds, .. } => {
            retry_after_seconds.map(|seconds| u64::from(seconds) * 1000)
        }
        Fault::Disturbed { fault, wire } => {
            let header = |wanted: &str| {
                let value = wire.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                value.and_then(|(_, value)| value.trim().parse::<u64>().ok())
            };
            header("retry-after-ms")
                .or_else(|| header("retry-after").map(|seconds| seconds.saturating_mul(1000)))
                .or_else(|| retry_after_ms(fault.as_deref()?))
        }
        Fault::Failed { .. } | Fault::Cut => None,
    }
}

/// The `error.type` that goes with a status, in the words of the OpenAI error reference.
pub(super) fn error_type(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        403 => "permission_error",
        429 => "rate_limit_error",
        500.. => "server_error",
        _ => "invalid_request_error",
    }
}
