//! Requests that are not the run's own.

use super::http::{build, send};
use super::*;
use crate::document::ReplyKind;

async fn keyed(steps: Vec<Step>) -> Server {
    let settings = ServerSettings { key: Some("not-a-key-1".to_owned()), ..settings(steps) };
    let server = Server::start(settings).await.unwrap();
    server.begin_turn(1, "go", false);
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_the_key_uses_up_nothing_and_is_recorded() {
    let server = keyed(vec![step(1, vec![], Some("mine"), &[])]).await;
    let body = || request(&[user("go")]).to_string().into_bytes();
    let stranger =
        send(&server, build("POST", "/v1/responses", &[("authorization", "Bearer other")], body())).await;
    assert_eq!(stranger.status, 400);
    assert_eq!(stranger.json()["error"]["code"], "foreign_request");
    let upgrade = [("connection", "upgrade"), ("upgrade", "websocket"), ("sec-websocket-key", "k")];
    assert_eq!(send(&server, build("GET", "/v1/responses", &upgrade, vec![])).await.status, 400);
    for (target, headers) in [
        ("/v1/responses", vec![("authorization", "Bearer not-a-key-1")]),
        ("/not-a-key-1/v1/responses", vec![]),
    ] {
        // The second one is a surplus request of the same step, and has the same path.
        let own = send(&server, build("POST", target, &headers, body())).await;
        assert_eq!(own.status, 200, "{target}");
    }
    let traffic = server.finish().await;
    let seen: Vec<_> = traffic
        .requests
        .iter()
        .map(|request| (request.lane.as_str(), request.step, request.path.as_str(), request.reply.kind))
        .collect();
    assert_eq!(
        seen,
        [
            ("main", 1, "/v1/responses", ReplyKind::Step),
            ("main", 1, "/v1/responses", ReplyKind::Step),
            ("foreign", 0, "/v1/responses", ReplyKind::Foreign),
            ("foreign", 0, "/v1/responses", ReplyKind::Foreign),
        ]
    );
    assert!(!traffic.bodies[2].is_empty(), "a stranger's body is kept");
    assert!(traffic.script.unmatched.is_empty() && traffic.script.unused.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_take_no_room_from_the_run() {
    let server = keyed(vec![step(1, vec![], Some("mine"), &[])]).await;
    for number in 0..100 {
        // Nothing in it repeats, or it would be kept once.
        let body: String = (0..8_000).map(|line| format!("{number} {line}")).collect();
        let stranger = send(&server, build("POST", "/v1/responses", &[], body.into_bytes())).await;
        assert_eq!(stranger.status, 400);
    }
    let body = request(&[user("go")]).to_string().into_bytes();
    let own = send(&server, build("POST", "/not-a-key-1/v1/responses", &[], body)).await;
    assert_eq!(own.status, 200);
    let traffic = server.finish().await;
    let foreign: Vec<_> = traffic.requests.iter().filter(|request| request.lane == "foreign").collect();
    assert!((10..100).contains(&foreign.len()), "{}", foreign.len());
    assert!(foreign[foreign.len() - 1].reply.detail.ends_with("more of them came than are kept"));
    assert!(traffic.script.refused_connections.is_empty(), "which is no fault of the run");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_needs_no_key_and_uses_up_no_step() {
    let probe = Step { lane: "probe".into(), reply: Reply::Default, ..Step::default() };
    let server = keyed(vec![probe]).await;
    assert_eq!(send(&server, build("HEAD", "/", &[], vec![])).await.status, 200);
    assert_eq!(send(&server, build("HEAD", "/not-a-key-1", &[], vec![])).await.status, 200);
    let traffic = server.finish().await;
    assert_eq!(traffic.requests.iter().map(|request| request.step).collect::<Vec<_>>(), [0, 1]);
}
