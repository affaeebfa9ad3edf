//! Agents that try again in another way: over HTTP where they spoke over a WebSocket, in one piece where they asked for a
//! stream. Each try is an attempt of the same step, none may be missing and none too many.

use serde_json::json;

use super::http::post;
use super::protocols::{ask, opening};
use super::websocket::{Client, create};
use super::*;
use crate::profile::Protocol;

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_fails_is_left_for_http_in_the_middle_of_a_conversation() {
    let steps =
        vec![step(1, vec![], None, &["a"]), step(2, vec![Fault::Cut, overloaded()], Some("done"), &[])];
    let server = start(steps).await;
    let mut client = Client::connect(&server).await;
    let first = client.ask(&create(None, &[user("go")])).await;
    let id = first[0]["response"]["id"].as_str().unwrap().to_owned();
    let cut = client.ask(&create(Some(&id), &[result("a", "x")])).await;
    assert!(!types(&cut).contains(&"response.completed"), "{cut:?}");
    let history = [vec![user("go")], output(&first), vec![result("a", "x")]].concat();
    let mut again = Client::connect(&server).await;
    assert_eq!(again.ask(&create(None, &history)).await[0]["status"], 503);
    let done = post(&server, &request(&history)).await;
    assert_eq!(output(&done.events())[0]["content"][0]["text"], "done");
    let traffic = server.finish().await;
    assert_eq!(
        places(&traffic),
        [("main", 1, 1, 1), ("main", 1, 2, 1), ("main", 1, 2, 2), ("main", 1, 2, 3)]
    );
    let transports: Vec<&str> = traffic.requests.iter().map(|request| request.transport.as_str()).collect();
    assert_eq!(transports, ["websocket", "websocket", "websocket", "http"]);
    assert_eq!((traffic.script.unused.len(), traffic.script.surplus.len()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_is_asked_for_in_one_piece() {
    for protocol in Protocol::ALL {
        let server = start(vec![step(1, vec![Fault::Cut], Some("done"), &[])]).await;
        let cut = ask(&server, protocol, true, &opening(protocol, true)).await;
        assert!(!cut.whole, "{protocol:?}");
        let mut body = opening(protocol, true);
        if let Some(body) = body.as_object_mut() {
            body.remove("stream");
            body.remove("stream_options");
        }
        let whole = ask(&server, protocol, false, &body).await;
        assert!(whole.json().to_string().contains("done"), "{protocol:?}");
        let traffic = server.finish().await;
        assert_eq!(places(&traffic), [("main", 1, 1, 1), ("main", 1, 1, 2)], "{protocol:?}");
        assert_eq!((traffic.script.unused.len(), traffic.script.surplus.len()), (0, 0), "{protocol:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_too_few_or_too_many_is_told() {
    let server = start(vec![step(1, vec![overloaded(), overloaded()], Some("done"), &[])]).await;
    post(&server, &request(&[user("go")])).await;
    let unused = server.finish().await.script.unused;
    assert_eq!(json!(unused), json!([{"lane": "main", "step": 1, "attempts": 1}]));

    let server = start(vec![step(1, vec![], Some("done"), &[])]).await;
    for streams in [true, false] {
        ask(&server, Protocol::Messages, streams, &opening(Protocol::Messages, streams)).await;
    }
    let script = server.finish().await.script;
    assert_eq!((script.unused.len(), script.surplus), (0, vec![1]));
}

/// What agents' models say aside, so that a scenario scripts the main lane alone.
#[tokio::test(flavor = "multi_thread")]
async fn side_lanes_have_an_answer_of_their_agents() {
    use crate::profile::by_name;
    let compacts = json!({"request_kind": "compaction"}).to_string();
    let title = json!({"model": "m", "stream": true, "messages": [
        {"role": "system", "content": "You are a title generator."}, {"role": "user", "content": "go"}]});
    let router = json!({"contents": [{"role": "user", "parts": [{"text": "go"}]}], "generationConfig":
        {"responseJsonSchema": {"properties": {"complexity_reasoning": {}, "complexity_score": {}}}}});
    for (agent, protocol, headers, body, lane, says) in [
        (
            "codex",
            Protocol::Responses,
            vec![("x-codex-turn-metadata", compacts.as_str())],
            request(&[user("go")]),
            "compaction",
            "A summary",
        ),
        ("opencode", Protocol::Chat, vec![], title, "title", "A title"),
        ("gemini", Protocol::Gemini, vec![], router, "router", "complexity_score"),
    ] {
        let profile = by_name(agent).unwrap();
        let server = Server::start(ServerSettings { profile, ..settings(vec![]) }).await.unwrap();
        server.begin_turn(1, "go", false);
        let bytes = body.to_string().into_bytes();
        let target = protocols::target(protocol, protocol != Protocol::Gemini);
        let received = http::send(&server, http::build("POST", target, &headers, bytes)).await;
        assert_eq!(received.status, 200, "{agent}");
        assert!(String::from_utf8_lossy(&received.bytes).contains(says), "{agent}");
        let traffic = server.finish().await;
        assert_eq!((traffic.requests[0].lane.as_str(), traffic.script.unmatched.len()), (lane, 0), "{agent}");
    }
}
