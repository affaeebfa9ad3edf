//! The standard pack: what nearly every scenario wants to know of a run. One assertion, one file.

// What several assertions share.
mod amount;
mod commands;
mod demand;
mod glob;
mod images;
mod json_schema;
mod known;
mod ledger;
mod needle;
mod output;
mod pattern;
mod selection;
mod several;
mod shape;
mod skill;
mod terminal_text;
mod texts;
mod wanted;

// The assertions.
mod budget;
mod command;
mod command_allowed;
mod command_order;
mod event_count;
mod event_counts;
mod event_order;
mod exit;
mod file;
mod final_message;
mod git_diff;
mod git_status;
mod headless;
mod image_path_carried;
mod json;
mod json_file;
mod known_events;
mod no_ansi;
mod no_egress;
mod no_outside_writes;
mod no_survivors;
mod outcome;
mod printed;
mod program_called;
mod repository_untouched;
mod request_contains;
mod request_count;
mod request_header;
mod request_images;
mod request_omits;
mod request_well_formed;
mod retries;
mod searched;
mod secrets_absent;
mod session_captured;
mod session_resumed;
mod skill_injected;
mod skill_listed;
mod terminal_event;
mod text;
mod time_budget;
mod tool_offered;
mod tool_output;
mod transcript_paired;
mod workspace_changes;
mod workspace_unchanged;

wassert_guest::pack![
    budget::Budget,
    command::RanCommand,
    command_allowed::CommandAllowed,
    command_order::CommandOrder,
    event_count::EventCount,
    event_counts::EventCounts,
    event_order::EventOrder,
    exit::Exit,
    file::File,
    final_message::FinalMessage,
    git_diff::GitDiff,
    git_status::GitStatus,
    headless::Headless,
    image_path_carried::ImagePathCarried,
    json::Json,
    json_file::JsonFile,
    known_events::KnownEvents,
    no_ansi::NoAnsi,
    no_egress::NoEgress,
    no_outside_writes::NoOutsideWrites,
    no_survivors::NoSurvivors,
    outcome::Outcome,
    printed::Printed,
    program_called::ProgramCalled,
    repository_untouched::RepositoryUntouched,
    request_contains::RequestContains,
    request_count::RequestCount,
    request_header::RequestHeader,
    request_images::RequestImages,
    request_omits::RequestOmits,
    request_well_formed::RequestWellFormed,
    retries::Retries,
    secrets_absent::SecretsAbsent,
    session_captured::SessionCaptured,
    session_resumed::SessionResumed,
    skill_injected::SkillInjected,
    skill_listed::SkillListed,
    terminal_event::TerminalEvent,
    text::Text,
    time_budget::TimeBudget,
    tool_offered::ToolOffered,
    tool_output::ToolOutput,
    transcript_paired::TranscriptPaired,
    workspace_changes::WorkspaceChanges,
    workspace_unchanged::WorkspaceUnchanged,
];
