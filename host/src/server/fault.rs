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
