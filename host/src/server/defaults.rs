//! What lanes answer that nothing is scripted for: so a scenario normally scripts `main` alone.
//!
//! Requests that ask no model are answered here for every agent alike; what the model says in a side lane is the
//! profile's to know. Which request is of which lane is decided elsewhere.

use serde_json::json;

use crate::profile::{Profile, Protocol};

use super::answer::Manner;
use super::part::Part;
use super::protocol::models::models;
use super::protocol::{Answer, Refusal, tokens};
use super::route::Route;

/// The lane of a route that asks no model, and its answer; none where a model is asked, or nothing is known.
/// `items` counts the items of the request's transcript.
pub(super) fn of_route(
    route: Route,
    manner: Manner,
    accept_websocket: bool,
    items: usize,
) -> Option<(&'static str, Answer)> {
    Some(match route {
        Route::Upgrade if accept_websocket => ("upgrade", Answer { status: 101, ..Answer::empty() }),
        Route::Upgrade => {
            let message = String::from("this server speaks HTTP here");
            ("upgrade", manner.refusal(&Refusal::new(426, "upgrade_refused", message)))
        }
        Route::CountTokens(Protocol::Gemini) => {
            ("count-tokens", Answer::json(200, &json!({ "totalTokens": tokens(items) })))
        }
        Route::CountTokens(_) => {
            ("count-tokens", Answer::json(200, &json!({ "input_tokens": tokens(items) })))
        }
        Route::Models(list) => ("models", Answer::json(200, &models(list))),
        Route::Probe => ("probe", Answer::empty()),
        Route::Generate(_) | Route::Compact | Route::Unknown => return None,
    })
}

/// What the model says in a lane: in `prewarm` nothing, but in good order, as codex waits for the end of that reply and
/// builds on its identifier; elsewhere what the agent's profile knows.
pub(super) fn of_lane(profile: &dyn Profile, lane: &str) -> Option<Vec<Part>> {
    match lane {
        "prewarm" => Some(Vec::new()),
        _ => profile.default_reply(lane).map(|text| vec![Part::text(text)]),
    }
}
