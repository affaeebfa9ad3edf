//! Which of the server's answers a request gets: read off its route, and then off its lane.
//!
//! Finds no step and renders none; that is `step`.

use serde_json::Value;

use crate::document::Request;
use crate::profile::{Protocol, Transport};

use super::arrival::Arrival;
use super::step::Expected;
use super::{Exchange, State, TERMINAL_STATUS};
use crate::server::answer::Manner;
use crate::server::conversation::quote;
use crate::server::defaults;
use crate::server::expect::Facts;
use crate::server::invariant::transcript_violations;
use crate::server::protocol::responses::Compact;
use crate::server::protocol::{Answer, Asked, Decoded, Refusal, format_of};
use crate::server::request::{Body, Incoming};
use crate::server::route::{Route, protocol_of, route};
use crate::server::share::SharedBytes;
use crate::server::takeover::Outgoing;
use crate::server::unnamed::restore_identifiers;

impl Exchange {
    /// Answers a request, and notes it.
    pub(super) fn answer_in(&self, state: &mut State, incoming: Incoming, body: Body) -> Outgoing {
        let protocol = protocol_of(&incoming.target, &incoming.headers);
        let manner = Manner { format: format_of(protocol), transport: incoming.transport, streams: false };
        let mut arrival = Arrival {
            request: Request {
                turn: state.turn,
                protocol: protocol.word().to_owned(),
                transport: incoming.transport.word().to_owned(),
                method: incoming.method,
                path: incoming.target,
                violations: body.violation.clone().into_iter().collect(),
                ..Request::default()
            },
            bytes: SharedBytes::default(),
            manner,
        };
        let route = match incoming.transport {
            Transport::Http => route(&arrival.request.method, &arrival.request.path, &incoming.headers),
            Transport::Websocket => frame_route(body.json.as_ref()),
        };
        arrival.request.headers = incoming.headers;
        if !incoming.is_own && route != Route::Probe {
            return state.foreign(arrival, &body.bytes);
        }
        if !state.capture.has_room() {
            return state.beyond_room(&arrival);
        }
        let Body { bytes, json, violation } = body;
        if let (true, Some(violation), false) =
            (bytes.is_empty(), violation, self.reception.upstream.is_empty())
        {
            // Nothing of it was taken, so there is nothing to pass on.
            return state.refuse(arrival, "unknown", violation.message);
        }
        match state.capture.keep(&bytes) {
            Ok(kept) => arrival.bytes = kept,
            Err(violation) => {
                let difference = violation.message.clone();
                arrival.request.violations.push(violation);
                return state.refuse(arrival, "unknown", difference);
            }
        }
        drop(bytes);
        match route {
            Route::Generate(_) => {
                let lane = self.profile.lane(&arrival.request.headers, json.as_ref().unwrap_or(&Value::Null));
                self.respond(state, arrival, lane, json)
            }
            Route::Compact => {
                arrival.manner.format = &Compact;
                self.respond(state, arrival, "compaction", json)
            }
            Route::Upgrade | Route::CountTokens(_) | Route::Models(_) | Route::Probe => self.answer_alike(
                state,
                arrival,
                route,
                incoming.is_own,
                json.as_ref().unwrap_or(&Value::Null),
            ),
            Route::Unknown if self.reception.passes_all() && incoming.transport == Transport::Http => {
                self.pass(state, arrival, "unknown").unwrap_or_else(|arrival| {
                    state.refuse(*arrival, "unknown", String::from("nothing is passed on here"))
                })
            }
            Route::Unknown => {
                let difference = match incoming.transport {
                    Transport::Http => {
                        format!("no route for {} {}", arrival.request.method, quote(&arrival.request.path))
                    }
                    Transport::Websocket => String::from("the frame is not a `response.create`"),
                };
                state.refuse(arrival, "unknown", difference)
            }
        }
    }

    /// Answers a request that asks no model: as for every agent, unless its lane is scripted.
    fn answer_alike(
        &self,
        state: &mut State,
        mut arrival: Arrival,
        route: Route,
        is_own: bool,
        json: &Value,
    ) -> Outgoing {
        if let Route::CountTokens(_) = route {
            let decoded = arrival.manner.format.decode(&Asked {
                transport: arrival.manner.transport,
                target: &arrival.request.path,
                body: json,
                earlier: &|_| None,
            });
            arrival.request.transcript = decoded.transcript;
            arrival.request.model = decoded.model;
            arrival.request.tools = decoded.tools;
        }
        let items = arrival.request.transcript.len();
        match defaults::of_route(route, arrival.manner, self.accept_websocket, items) {
            // Agents ask whether anybody is there before they show their key.
            Some((lane, answer)) if !is_own => state.default_answer(arrival, lane, answer),
            Some((lane, answer)) => self.in_order(state, arrival, lane, answer, json),
            None => state.refuse(arrival, "unknown", String::from("nothing is answered here")),
        }
    }

    fn respond(
        &self,
        state: &mut State,
        mut arrival: Arrival,
        lane: &'static str,
        json: Option<Value>,
    ) -> Outgoing {
        let request = &mut arrival.request;
        let Some(json) = json.filter(Value::is_object) else {
            let difference = match request.violations.first() {
                Some(violation) => violation.message.clone(),
                None => String::from("the body is not a JSON object"),
            };
            return state.refuse(arrival, lane, difference);
        };
        request.session = self.profile.request_session(&request.headers, &json);
        let mut decoded = arrival.manner.format.decode(&Asked {
            transport: arrival.manner.transport,
            target: &request.path,
            body: &json,
            earlier: &|id| state.responses.get(id),
        });
        arrival.manner.streams = decoded.streams;
        request.model = decoded.model.take();
        request.inherited = decoded.inherited;
        request.tools = std::mem::take(&mut decoded.tools);
        request.transcript = std::mem::take(&mut decoded.transcript);
        let steps = state.lanes.get(lane).into_iter().flat_map(|lane| &lane.steps);
        let issued = steps.filter(|step| step.taken).flat_map(|step| &step.emitted);
        restore_identifiers(&mut request.transcript, issued);
        request.violations.append(&mut decoded.violations);
        request.violations.extend(transcript_violations(&request.transcript));
        arrival = match self.pass(state, arrival, lane) {
            Ok(outgoing) => return outgoing,
            Err(arrival) => *arrival,
        };

        match decoded.unknown_response.take() {
            Some(id) => {
                let message = format!("previous response {} is not known", quote(&id));
                let refusal = Refusal::new(TERMINAL_STATUS, "previous_response_not_found", message);
                let answer = arrival.manner.refusal(&refusal);
                state.default_answer(arrival, lane, answer)
            }
            None if lane == "prewarm" => {
                let answer = state.reply_by_default(&arrival, lane, decoded, &[]);
                self.in_order(state, arrival, lane, answer, &json)
            }
            None => self.step(state, arrival, lane, decoded, &json),
        }
    }

    /// Passes a request to the real endpoint that answers its lane; gives it back where there is none.
    fn pass(&self, state: &mut State, arrival: Arrival, lane: &str) -> Result<Outgoing, Box<Arrival>> {
        let stays = ["prewarm", "upgrade"].contains(&lane);
        let Some(endpoint) = self.reception.upstream_of(lane).filter(|_| !stays) else {
            return Err(Box::new(arrival));
        };
        if arrival.request.transport != Transport::Http.word() {
            let difference = format!("lane {lane} is passed on to {endpoint}, which only HTTP can be");
            return Ok(state.refuse(arrival, lane, difference));
        }
        Ok(state.forwarded(arrival, lane, endpoint.clone()))
    }

    /// Answers a request of a lane without conversations: with `default` unless it is scripted.
    fn in_order(
        &self,
        state: &mut State,
        arrival: Arrival,
        lane: &str,
        default: Answer,
        json: &Value,
    ) -> Outgoing {
        let arrival = match self.pass(state, arrival, lane) {
            Ok(outgoing) => return outgoing,
            Err(arrival) => *arrival,
        };
        let Some(steps) = state.lanes.get_mut(lane) else {
            return state.default_answer(arrival, lane, default);
        };
        let facts = Facts::of(&arrival.request, json);
        let mut served = match steps.serve_in_order(|step| step.prepare(&facts, &state.values)) {
            Ok(served) => served,
            Err(mismatch) => return state.unmatched(arrival, lane, mismatch),
        };
        let expected = Expected::of(&steps.steps[served.step], &facts, &mut served);
        let outgoing = self.serve(state, arrival, lane, Decoded::default(), served, Some(default));
        expected.note(state, outgoing.number);
        outgoing
    }
}

fn frame_route(frame: Option<&Value>) -> Route {
    match frame {
        Some(frame) if frame["type"] != "response.create" => Route::Unknown,
        // What is not JSON is told from a request that is not understood further on.
        _ => Route::Generate(Protocol::Responses),
    }
}
