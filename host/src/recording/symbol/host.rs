//! What differs from run to run whatever the agent: HTTP's and git's own values.

use crate::document::{Place, PlaceSection};

/// Places in every run.
pub(super) static PLACES: [Place; 3] = [
    // The size of a body in which something differs.
    Place::new(PlaceSection::Headers, "$['content-length'][*]", "length"),
    // Random for each connection (RFC 6455, section 4.1).
    Place::new(PlaceSection::Headers, "$['sec-websocket-key'][*]", "websocket"),
    // git's hashes are of files as they were, before anything in them was replaced.
    Place::within(PlaceSection::Diff, "$", r"(?m)^index ([0-9a-f]{7,64}\.\.[0-9a-f]{7,64})", "hash"),
];
