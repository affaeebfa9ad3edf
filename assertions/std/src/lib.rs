//! The standard pack: what nearly every scenario wants to know of a run. One assertion, one file.

// What several assertions share.
mod amount;
mod demand;
mod needle;
mod pattern;
mod selection;
mod texts;

// The assertions.
mod event_count;
mod event_order;
mod exit;
mod file;
mod final_message;
mod request_contains;
mod request_count;
mod request_omits;
mod session_resumed;
mod tool_output;
mod transcript_paired;
mod workspace_changes;

wassert_guest::pack![
    event_count::EventCount,
    event_order::EventOrder,
    exit::Exit,
    file::File,
    final_message::FinalMessage,
    request_contains::RequestContains,
    request_count::RequestCount,
    request_omits::RequestOmits,
    session_resumed::SessionResumed,
    tool_output::ToolOutput,
    transcript_paired::TranscriptPaired,
    workspace_changes::WorkspaceChanges,
];
