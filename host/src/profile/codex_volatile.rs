//! Where codex (0.169.0) says what differs from run to run: measured by running the same scenarios again and again.
//!
//! Identifiers are UUIDs of version 7 and 4; those of the items that the server itself emitted are not among them and
//! stay as they are. `x-codex-window-id` is the thread's and needs no place.

use crate::document::{Place, PlaceSection};

use PlaceSection::{Events, Headers, Requests, Transcript};

/// `msg_…`, `fco_…`, `ctco_…`, `at_…` of items that codex made itself.
const ITEM: &str = "^([a-z]+_[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$";

const DATE: &str = "<current_date>([0-9]{4}-[0-9]{2}-[0-9]{2})</current_date>";

// What a tool's output begins with, before the line `Output:`.
const CHUNK: &str = r"\AChunk ID: ([0-9a-z]+)\n";
const WALL_TIME: &str =
    r"\A(?:Chunk ID: .+\n|Exit code: [0-9]+\n|Script completed\n)?Wall time:? ([0-9.]+) seconds\n";
const PROCESS: &str = r"(?m)^Process running with session ID ([0-9]+)$";

/// What each line of its log on standard error begins with.
const LOGGED_AT: &str = "(?m)^([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z) +[A-Z]+ ";

pub(super) static PLACES: [Place; 48] = [
    Place::new(Headers, "$['thread-id'][*]", "thread"),
    Place::new(Headers, "$['session-id'][*]", "thread"),
    Place::new(Headers, "$['x-client-request-id'][*]", "thread"),
    Place::new(Headers, "$['x-codex-parent-thread-id'][*]", "thread"),
    Place::new(Headers, "$['x-codex-turn-metadata'][*].installation_id", "installation"),
    Place::new(Headers, "$['x-codex-turn-metadata'][*].session_id", "thread"),
    Place::new(Headers, "$['x-codex-turn-metadata'][*].thread_id", "thread"),
    Place::new(Headers, "$['x-codex-turn-metadata'][*].turn_id", "turn"),
    Place::new(Headers, "$['x-codex-turn-metadata'][*].root_turn_id", "turn"),
    // Whether a resumed session opens its WebSocket before or after it has read its old window is a race inside codex;
    // the body has the window that counts.
    Place::new(Headers, "$['x-codex-turn-metadata'][*].context_window_id", "random"),
    Place::new(Headers, "$['x-codex-turn-metadata'][*].turn_started_at_unix_ms", "time"),
    // It asks git about the workspace beside its work; a request that leaves before the answer goes without.
    Place::new(Headers, "$['x-codex-turn-metadata'][*].workspaces", "race"),
    Place::new(Requests, "$.client_metadata['x-codex-turn-metadata'].workspaces", "race"),
    Place::new(Requests, "$.client_metadata.session_id", "thread"),
    Place::new(Requests, "$.client_metadata.thread_id", "thread"),
    Place::new(Requests, "$.client_metadata.turn_id", "turn"),
    Place::new(Requests, "$.client_metadata.root_turn_id", "turn"),
    Place::new(Requests, "$.client_metadata['x-codex-installation-id']", "installation"),
    Place::new(Requests, "$.client_metadata['x-codex-ws-stream-request-start-ms']", "time"),
    Place::new(Requests, "$.client_metadata['x-codex-turn-metadata'].installation_id", "installation"),
    Place::new(Requests, "$.client_metadata['x-codex-turn-metadata'].session_id", "thread"),
    Place::new(Requests, "$.client_metadata['x-codex-turn-metadata'].thread_id", "thread"),
    Place::new(Requests, "$.client_metadata['x-codex-turn-metadata'].turn_id", "turn"),
    Place::new(Requests, "$.client_metadata['x-codex-turn-metadata'].root_turn_id", "turn"),
    Place::new(Requests, "$.client_metadata['x-codex-turn-metadata'].context_window_id", "window"),
    Place::new(Requests, "$.client_metadata['x-codex-turn-metadata'].turn_started_at_unix_ms", "time"),
    Place::new(Requests, "$.prompt_cache_key", "thread"),
    Place::within(Requests, "$.input[*].id", ITEM, "item"),
    Place::new(Requests, "$.input[*].internal_chat_message_metadata_passthrough.turn_id", "turn"),
    Place::new(Requests, "$.input[*].internal_chat_message_metadata_passthrough.create_time", "time"),
    Place::within(Requests, "$.input[*].content[*].text", DATE, "date"),
    Place::within(Requests, "$.input[*].output", CHUNK, "chunk"),
    Place::within(Requests, "$.input[*].output", WALL_TIME, "duration"),
    Place::within(Requests, "$.input[*].output", PROCESS, "process"),
    Place::within(Requests, "$.input[*].output[*].text", CHUNK, "chunk"),
    Place::within(Requests, "$.input[*].output[*].text", WALL_TIME, "duration"),
    Place::within(Requests, "$.input[*].output[*].text", PROCESS, "process"),
    Place::new(Requests, "$.input[*].arguments.session_id", "process"),
    Place::within(Transcript, "$.text", DATE, "date"),
    Place::within(Transcript, "$.output", CHUNK, "chunk"),
    Place::within(Transcript, "$.output", WALL_TIME, "duration"),
    Place::within(Transcript, "$.output", PROCESS, "process"),
    Place::new(Transcript, "$.input.session_id", "process"),
    Place::new(PlaceSection::Reply, "$.input.session_id", "process"),
    Place::new(Events, "$.thread_id", "thread"),
    // Counted in the order in which parallel commands begin, which is a race.
    Place::within(Events, "$.item.id", "^(item_[0-9]+)$", "event"),
    Place::within(PlaceSection::Stderr, "$", LOGGED_AT, "time"),
    Place::new(Events, "$.item.receiver_thread_ids[*]", "thread"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_can_be_used() {
        for place in &PLACES {
            assert_eq!(place.check(), Ok(()), "{place:?}");
        }
    }

    #[test]
    fn only_items_of_its_own_are_volatile() {
        let item = regex::Regex::new(ITEM).unwrap();
        assert!(item.is_match("fco_01a1f8cf-51e0-74e0-af86-9fec9f5a4930"));
        assert!(!item.is_match("fc_main_1_0"));
    }

    #[test]
    fn the_head_of_an_output_is_told_from_the_output() {
        let wall_time = regex::Regex::new(WALL_TIME).unwrap();
        let time = |text: &str| wall_time.captures(text).map(|found| found[1].to_owned());
        assert_eq!(
            time("Chunk ID: 07afaa\nWall time: 0.0000 seconds\nProcess exited with code 0\n").as_deref(),
            Some("0.0000")
        );
        assert_eq!(time("Exit code: 0\nWall time: 0.2 seconds\nOutput:\n").as_deref(), Some("0.2"));
        assert_eq!(time("Script completed\nWall time 0.2 seconds\nOutput:\n").as_deref(), Some("0.2"));
        assert_eq!(time("Output:\nWall time: 0.2 seconds\n"), None);
    }
}
