//! The host's conclusion on an assertion or a scenario, and the exit codes of the program.

use serde::{Deserialize, Serialize};

/// What the host concluded. `Error` is neither pass nor fail: nothing could be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The evidence shows what was asserted.
    Pass,
    /// The evidence contradicts what was asserted.
    Fail,
    /// The assertion does not apply here.
    Skip,
    /// No judgement was possible.
    Error,
}

impl Outcome {
    /// The outcome of a whole from its parts: fail over error over pass; skip only when nothing else is there.
    pub fn of_all(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let rank = |outcome: &Self| match outcome {
            Self::Skip => 0,
            Self::Pass => 1,
            Self::Error => 2,
            Self::Fail => 3,
        };
        parts.into_iter().max_by_key(rank)
    }

    /// The word used in every report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skip => "skip",
            Self::Error => "error",
        }
    }
}

/// The exit codes of the program; part of its stable interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitStatus {
    /// Every selected scenario passed.
    Passed = 0,
    /// At least one verdict is fail.
    Failed = 1,
    /// Wrong usage, configuration, scenario or manifest.
    Usage = 2,
    /// Could not judge: agent missing or not started, guest trapped, limit hit, contract mismatch.
    NotJudged = 3,
    /// Nothing was selected, or something was skipped that no allow-list entry covers.
    Nothing = 4,
    /// Trust refused: digest, signature, capability.
    Refused = 5,
    /// Interrupted.
    Interrupted = 130,
}

impl ExitStatus {
    /// When several apply, the one to exit with: 130, 5, 2, 1, 3, 4, 0 in that order.
    pub fn strongest(statuses: impl IntoIterator<Item = Self>) -> Self {
        let rank = |status: &Self| match status {
            Self::Passed => 0,
            Self::Nothing => 1,
            Self::NotJudged => 2,
            Self::Failed => 3,
            Self::Usage => 4,
            Self::Refused => 5,
            Self::Interrupted => 6,
        };
        statuses.into_iter().max_by_key(rank).unwrap_or(Self::Passed)
    }

    /// The number given to the operating system.
    pub fn code(self) -> u8 {
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_outweighs_an_error_and_an_error_a_pass() {
        use Outcome::{Error, Fail, Pass, Skip};
        assert_eq!(Outcome::of_all([Pass, Error, Fail, Skip]), Some(Fail));
        assert_eq!(Outcome::of_all([Pass, Error, Skip]), Some(Error));
        assert_eq!(Outcome::of_all([Skip, Pass]), Some(Pass));
        assert_eq!(Outcome::of_all([Skip, Skip]), Some(Skip));
        assert_eq!(Outcome::of_all([]), None);
    }

    #[test]
    fn exit_codes_rank_as_documented() {
        use ExitStatus::{Failed, Interrupted, NotJudged, Nothing, Passed, Refused, Usage};
        let order = [Interrupted, Refused, Usage, Failed, NotJudged, Nothing, Passed];
        for (place, stronger) in order.iter().enumerate() {
            for weaker in &order[place..] {
                assert_eq!(ExitStatus::strongest([*weaker, *stronger]), *stronger);
            }
        }
        assert_eq!(order.map(ExitStatus::code), [130, 5, 2, 1, 3, 4, 0]);
    }
}
