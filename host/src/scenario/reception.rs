//! `[server]`: how much the model server takes from a client, and which lanes a real endpoint answers in its place.

use std::collections::BTreeMap;

use super::Step;
use super::endpoint::Endpoint;
use super::findings::Findings;
use super::load::{belongs_to_the_scenario, known_word};
use super::script::LANES;
use super::table::{Table, as_text, quote};

const MIB: usize = 1024 * 1024;
/// The lane that stands for all of them; no scenario can name it.
const EVERY_LANE: &str = "*";

/// What the model server takes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reception {
    /// The largest body of a request, before and after decompression, and the largest WebSocket message.
    pub request_bytes: usize,
    /// How long a client may take for the head of a request from its first byte, how long for its body, and how long
    /// for a WebSocket message.
    pub request_ms: u64,
    /// Connections at a time.
    pub connections: usize,
    /// Lane to the real endpoint that answers it.
    pub upstream: BTreeMap<String, Endpoint>,
}

impl Default for Reception {
    fn default() -> Self {
        Self { request_bytes: 128 * MIB, request_ms: 60_000, connections: 256, upstream: BTreeMap::new() }
    }
}

impl Reception {
    /// One that passes every lane to an endpoint.
    pub fn passing_all(endpoint: Endpoint) -> Self {
        Self { upstream: BTreeMap::from([(EVERY_LANE.to_owned(), endpoint)]), ..Self::default() }
    }

    /// The endpoint that answers a lane.
    pub fn upstream_of(&self, lane: &str) -> Option<&Endpoint> {
        self.upstream.get(lane).or_else(|| self.upstream.get(EVERY_LANE))
    }

    /// Whether every lane is answered elsewhere, and so is what belongs to none.
    pub fn passes_all(&self) -> bool {
        self.upstream.contains_key(EVERY_LANE)
    }
}

/// Reads `[server]`.
pub(super) fn read(root: &mut Table<'_>, findings: &Findings, steps: &[Step]) -> Reception {
    let mut reception = Reception::default();
    let Some(mut table) = root.table("server", "`[server]`") else { return reception };
    let whole = |number: i64| usize::try_from(number).unwrap_or(usize::MAX);
    if let Some(mebibytes) = table.integer("request_mebibytes", 1..=1024) {
        reception.request_bytes = whole(mebibytes) * MIB;
    }
    if let Some(milliseconds) = table.seconds_as_ms("request_seconds", 0..=3600) {
        reception.request_ms = milliseconds.max(1);
    }
    if let Some(connections) = table.integer("connections", 1..=10_000) {
        reception.connections = whole(connections);
    }
    if let Some(lanes) = table.table("upstream", "`upstream`") {
        reception.upstream = upstream(&lanes, findings, steps);
    }
    table.finish(belongs_to_the_scenario);
    reception
}

fn upstream(table: &Table<'_>, findings: &Findings, steps: &[Step]) -> BTreeMap<String, Endpoint> {
    let mut lanes = BTreeMap::new();
    for (lane, value) in table.entries() {
        let Some(known) = known_word(findings, "unknown-lane", "lane", &lane, &LANES) else { continue };
        let Some(url) = as_text(findings, known, value) else { continue };
        match url.get_ref().parse::<Endpoint>() {
            Ok(endpoint) => {
                lanes.insert(known.to_owned(), endpoint);
            }
            Err(error) => {
                let message = format!("{} is no endpoint that can be used", quote(url.get_ref()));
                findings.error("bad-endpoint", message, url.span(), error.to_string());
            }
        }
        if let Some(step) = steps.iter().find(|step| step.lane == known) {
            let message = format!("lane `{known}` is answered by a real endpoint and has steps");
            findings.error("passed-and-scripted", message, step.span.clone(), "never reached");
        }
        if known == "upgrade" || known == "prewarm" {
            let message =
                format!("lane `{known}` can't be passed on: it is about this server's own connections");
            findings.error("bad-endpoint", message, lane.span(), "stays here");
        }
    }
    lanes
}
