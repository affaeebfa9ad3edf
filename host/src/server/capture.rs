//! Everything that arrived, and the order in which the document tells it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Instant;

use crate::document::{
    Item, ReplyKind, Request, Script, ToolNotOffered, UnmatchedRequest, UnusedStep, Violation,
};

use super::Traffic;
use super::kept::Transcript;
use super::lane::Mismatch;
use super::request::{for_document, violation};
use super::share::{SharedBytes, Store};
use super::upstream::{Passed, understood};

/// What a request takes in memory beside its body and its head.
const REQUEST_BYTES: usize = 512;

/// Bytes of requests that are not the run's own, in all.
const FOREIGN_LIMIT_BYTES: u64 = 4 << 20;

/// The lane of requests that are not the run's own.
pub(super) const FOREIGN: &str = "foreign";

/// Refused connections that are told one by one.
const MOST_CONNECTIONS_TOLD: usize = 100;

/// What has been captured so far. Positions count arrivals until [`Capture::finish`] sorts them.
#[derive(Debug)]
pub(super) struct Capture {
    requests: Vec<Request>,
    bodies: Vec<SharedBytes>,
    transcripts: Vec<Transcript>,
    store: Store,
    script: Script,
    left_bytes: u64,
    foreign_left_bytes: u64,
    latest_foreign: Option<usize>,
    is_full: bool,
    passed: BTreeMap<usize, Passed>,
    begun: Instant,
    arrived_ms: Vec<u64>,
}

impl Capture {
    /// Nothing yet, and room for so many bytes of requests; what their bodies and transcripts share counts once.
    pub(super) fn new(limit_bytes: u64) -> Self {
        Self {
            requests: Vec::new(),
            bodies: Vec::new(),
            transcripts: Vec::new(),
            store: Store::default(),
            script: Script::default(),
            left_bytes: limit_bytes,
            foreign_left_bytes: FOREIGN_LIMIT_BYTES,
            latest_foreign: None,
            is_full: false,
            passed: BTreeMap::new(),
            begun: Instant::now(),
            arrived_ms: Vec::new(),
        }
    }

    /// Keeps a body.
    ///
    /// # Errors
    /// When there is not enough room left for what is new in it.
    pub(super) fn keep(&mut self, body: &[u8]) -> Result<SharedBytes, Violation> {
        self.store.keep(body, &mut self.left_bytes).ok_or_else(|| {
            // What comes later is refused too, so that it does not depend on sizes which request is there.
            self.is_full = true;
            violation(
                "capture-limit",
                format!("the body's {} bytes exceed what may still be captured in this run", body.len()),
            )
        })
    }

    /// Keeps the body of a request that is not the run's own, which takes no room from those that are.
    pub(super) fn keep_foreign(&mut self, body: &[u8]) -> Option<SharedBytes> {
        self.store.keep(body, &mut self.foreign_left_bytes)
    }

    /// Whether there is room for a request; the last one found less than it needed.
    pub(super) fn has_room(&self) -> bool {
        !self.is_full
    }

    /// The same for requests that are not the run's own.
    pub(super) fn has_foreign_room(&self) -> bool {
        self.foreign_left_bytes > 0
    }

    /// How many requests there are.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    /// Keeps a request with its body; until the end it holds neither that nor its transcript. Returns its position for the notes below.
    pub(super) fn push(&mut self, mut request: Request, body: SharedBytes) -> usize {
        self.arrived_ms.push(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX));
        let values = request
            .headers
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| name.len() + value.len()));
        let takes = (REQUEST_BYTES + request.path.len() + values.sum::<usize>()) as u64;
        if request.lane == FOREIGN {
            self.latest_foreign = Some(self.requests.len());
            self.foreign_left_bytes = self.foreign_left_bytes.saturating_sub(takes);
        } else {
            self.is_full |= takes > self.left_bytes;
            self.left_bytes = self.left_bytes.saturating_sub(takes);
        }
        let transcript = std::mem::take(&mut request.transcript);
        self.transcripts.push(Transcript::new(transcript, &mut self.store, &mut self.left_bytes));
        self.requests.push(request);
        self.bodies.push(body);
        self.requests.len() - 1
    }

    /// The transcript of a request.
    pub(super) fn transcript(&self, request: usize) -> Cow<'_, [Item]> {
        self.transcripts.get(request).map(Transcript::items).unwrap_or_default()
    }

    /// Where what is long is kept, and how much room is left there.
    pub(super) fn store(&mut self) -> (&mut Store, &mut u64) {
        (&mut self.store, &mut self.left_bytes)
    }

    /// Notes that a request reached no step.
    pub(super) fn unmatched(&mut self, request: usize, mismatch: Mismatch) {
        let Mismatch { nearest_step, difference } = mismatch;
        self.script.unmatched.push(UnmatchedRequest { request, nearest_step, difference });
    }

    /// Notes that a request reached a step whose reply had been served.
    pub(super) fn surplus(&mut self, request: usize) {
        self.script.surplus.push(request);
    }

    /// Notes that an expectation of the step that a request reached did not hold.
    pub(super) fn unexpected(&mut self, request: usize, step: u32, difference: String) {
        self.script.unexpected.push(UnmatchedRequest { request, nearest_step: step, difference });
    }

    /// Notes that a reply called a tool that its request had not offered.
    pub(super) fn not_offered(&mut self, request: usize, tool: &str) {
        self.script.not_offered.push(ToolNotOffered { request, tool: tool.to_owned() });
    }

    /// Notes a connection that a limit ended; of very many, that there were more.
    pub(super) fn refused_connection(&mut self, code: &str, message: String) {
        let refused = &mut self.script.refused_connections;
        match refused.len() {
            0..MOST_CONNECTIONS_TOLD => refused.push(violation(code, message)),
            MOST_CONNECTIONS_TOLD => {
                refused.push(violation("more", String::from("and more that are not told")));
            }
            _ => {}
        }
    }

    /// Notes that more requests came that are not the run's own than are kept.
    pub(super) fn more_foreign(&mut self) {
        if let Some(latest) = self.latest_foreign.and_then(|latest| self.requests.get_mut(latest)) {
            latest.reply.detail = String::from("without the run's key; more of them came than are kept");
        }
    }

    /// Notes what a real endpoint answered; that it broke off fits no script.
    pub(super) fn passed(&mut self, request: usize, passed: Passed) {
        let Some(noted) = self.requests.get_mut(request) else { return };
        noted.reply.status = if passed.status == 0 { 400 } else { passed.status };
        noted.reply.items = understood(&noted.protocol, &passed);
        if let Some(broken) = &passed.broken {
            noted.reply.detail.clone_from(broken);
            self.unmatched(request, Mismatch { nearest_step: 0, difference: broken.clone() });
        }
        self.passed.insert(request, passed);
    }

    /// Notes that nothing whole came from the real endpoint, where a request was passed on and no answer was noted.
    fn unanswered(&mut self) {
        let waits = |(at, request): &(usize, &Request)| {
            request.reply.kind == ReplyKind::Upstream && !self.passed.contains_key(at)
        };
        let waiting: Vec<usize> = self.requests.iter().enumerate().filter(waits).map(|(at, _)| at).collect();
        for request in waiting {
            let broken = "the client or the run ended before the endpoint's answer";
            self.passed(request, Passed { broken: Some(broken.to_owned()), ..Passed::default() });
        }
    }

    /// Sorts by turn, lane (main first, then by name), conversation, step, attempt and arrival.
    pub(super) fn finish(mut self, unused: Vec<UnusedStep>) -> Traffic {
        self.unanswered();
        let Self { mut requests, bodies, transcripts, mut script, passed, arrived_ms, .. } = self;
        for ((request, transcript), body) in requests.iter_mut().zip(transcripts).zip(&bodies) {
            request.transcript = transcript.items().into_owned();
            request.body = for_document(&body.whole());
        }
        let mut sorted: Vec<_> = requests.into_iter().zip(bodies).enumerate().collect();
        sorted.sort_by(|(arrived_a, (a, _)), (arrived_b, (b, _))| {
            order(a, *arrived_a).cmp(&order(b, *arrived_b))
        });
        let mut arrival = vec![0; sorted.len()];
        for (position, (arrived, _)) in sorted.iter().enumerate() {
            arrival[*arrived] = position;
        }
        let (requests, bodies) = sorted.into_iter().map(|(_, kept)| kept).unzip();

        script.unused = unused;
        for noted in script.unmatched.iter_mut().chain(&mut script.unexpected) {
            noted.request = arrival[noted.request];
        }
        for noted in &mut script.not_offered {
            noted.request = arrival[noted.request];
        }
        for noted in &mut script.surplus {
            *noted = arrival[*noted];
        }
        let passed = passed.into_iter().map(|(request, passed)| (arrival[request], passed)).collect();
        script.refused_connections.sort_by(|a, b| a.code.cmp(&b.code));
        script.unmatched.sort_by_key(|noted| noted.request);
        script.unexpected.sort_by_key(|noted| noted.request);
        script.not_offered.sort_by_key(|noted| noted.request);
        script.surplus.sort_unstable();
        Traffic { requests, bodies, script, arrival, passed, arrived_ms }
    }
}

fn order(request: &Request, arrived: usize) -> (u32, bool, &str, u32, u32, u32, usize) {
    let Request { turn, lane, conversation, step, attempt, .. } = request;
    (*turn, lane != "main", lane, *conversation, *step, *attempt, arrived)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_follow_the_sorted_order() {
        let mut capture = Capture::new(10);
        let request =
            |turn, lane: &str, step| Request { turn, lane: lane.into(), step, ..Request::default() };
        let [one, two, models] = ["one", "two", "mod"].map(|body| capture.keep(body.as_bytes()).unwrap());
        capture.push(request(1, "models", 0), models);
        let second = capture.push(request(2, "main", 2), two);
        capture.push(request(1, "main", 1), one);
        capture.surplus(second);
        capture.unmatched(0, Mismatch { nearest_step: 0, difference: String::new() });
        assert_eq!(capture.keep(b"two").unwrap().len(), 3, "what is kept takes no more room");
        assert!(capture.keep(b"large").is_err());
        assert!(capture.keep(b"x").is_err());
        let traffic = capture.finish(Vec::new());
        let bodies: Vec<_> = traffic.bodies.iter().map(SharedBytes::to_vec).collect();
        assert_eq!(bodies, [b"one".to_vec(), b"mod".to_vec(), b"two".to_vec()]);
        assert_eq!(traffic.arrival, [1, 2, 0]);
        assert_eq!(traffic.script.surplus, [2]);
        assert_eq!(traffic.script.unmatched[0].request, 1);
    }
}
