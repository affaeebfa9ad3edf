//! What became of an agent in one turn, apart from any verdict: a scenario may well expect a failure.

use serde::{Deserialize, Serialize};

/// How one turn of the agent came out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgentOutcome {
    /// Which of the nine.
    pub kind: OutcomeKind,
    /// Why, for `failed` and `incomplete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<FailureCategory>,
    /// What kind of thing failed, where there is a category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<FailureClass>,
    /// What the category was concluded from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<OutcomeEvidence>,
    /// For `stalled`: whether connections to the server were open while nothing came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
}

/// How a turn came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutcomeKind {
    /// Its last terminal event says that it completed.
    Completed,
    /// Its last terminal event says that it failed, or it could not be started.
    Failed,
    /// It ended by itself and never said how.
    #[default]
    Incomplete,
    /// Its time was up.
    TimedOut,
    /// Nothing came from it for longer than it may be silent.
    Stalled,
    /// A signal ended it that the host did not send.
    Crashed,
    /// It used more than it was given: it passed a budget, or wrote too much.
    BudgetExhausted,
    /// The user or the scenario interrupted it.
    Interrupted,
}

/// Why an agent failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureCategory {
    /// The account has nothing left; waiting a moment does not help.
    UsageLimit,
    /// Too many requests; waiting a moment helps.
    ShortRateLimit,
    /// The provider has no room.
    ProviderOverloaded,
    /// A server error, or a connection that broke, was refused or went silent.
    TransientInfra,
    /// There is no such model, or it may not be used.
    InvalidModel,
    /// Credentials were refused, or something between agent and provider was in the way.
    AuthOrProxy,
    /// The agent could not be started, or ended before it did anything.
    HarnessLaunch,
    /// It worked, and ended without saying how.
    IncompleteFinalization,
    /// The agent's own: it sent what no server takes, or says so itself.
    AgentError,
    /// It failed, and nothing says why.
    UnidentifiedIssue,
}

impl FailureCategory {
    /// What kind of thing failed.
    pub fn class(self) -> FailureClass {
        match self {
            Self::ShortRateLimit | Self::ProviderOverloaded | Self::TransientInfra | Self::HarnessLaunch => {
                FailureClass::Infrastructure
            }
            Self::IncompleteFinalization => FailureClass::Incomplete,
            Self::UsageLimit
            | Self::InvalidModel
            | Self::AuthOrProxy
            | Self::AgentError
            | Self::UnidentifiedIssue => FailureClass::Agent,
        }
    }
}

/// What kind of thing failed: for whoever decides whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// What is around the agent: the same again, later, may well do.
    Infrastructure,
    /// The agent, its account or its settings: the same again fails the same, as far as is known.
    Agent,
    /// The agent worked, and only its ending is missing.
    Incomplete,
}

/// What a category was concluded from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeEvidence {
    /// What kind of evidence.
    pub source: EvidenceSource,
    /// Its path in the document.
    pub place: String,
    /// The HTTP status it names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
}

/// Kinds of evidence, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceSource {
    /// What the server answered to the last request.
    Reply,
    /// A limit that the host holds: a budget that was passed, or output that was too much.
    Limit,
    /// A status or code in a field of the agent's own event.
    EventField,
    /// Words in the agent's own error text; never in messages, commands or tool output.
    EventText,
    /// Exit code, or that there was no output.
    Process,
}
