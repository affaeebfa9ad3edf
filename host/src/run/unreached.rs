//! A real endpoint that can't be used: who is not there makes a skip, who is not to be trusted an error.

use crate::report::Problem;
use crate::server::Unreached;

/// The identifier of a problem that is nobody's fault here: a real endpoint is not there. Its scenario is skipped.
pub(super) const UNREACHABLE: &str = "upstream-unreachable";
/// Somebody is there who speaks no TLS, or has not the certificate that the URL asks for: never a skip, as it is a
/// mistake or an attack.
const UNTRUSTED: &str = "upstream-untrusted";

/// `who` begins the sentence and is ended by what keeps it from being used.
pub(super) fn unreached(who: &str, error: &Unreached) -> Problem {
    let (id, what) = match error {
        Unreached::Absent(_) => (UNREACHABLE, "can't be reached"),
        Unreached::Tls(_) => (UNTRUSTED, "can't be used"),
    };
    Problem { id, message: format!("{who} {what}: {error}"), help: Some(error.help().to_owned()) }
}
