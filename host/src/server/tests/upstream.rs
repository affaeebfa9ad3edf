//! Lanes that a real endpoint answers; the endpoint is another of these servers.

use super::http::{build, get, post, post_with, send};
use super::*;
use crate::document::{Item, ReplyKind, Role};

async fn passing(lanes: &[&str], to: &str, steps: Vec<Step>) -> Server {
    let upstream = lanes.iter().map(|lane| ((*lane).to_owned(), to.parse().unwrap())).collect();
    let reception = Reception { upstream, ..Reception::default() };
    let server = Server::start(ServerSettings { reception, ..settings(steps) }).await.unwrap();
    server.begin_turn(1, "go", false);
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_is_passed_on_and_recorded_while_the_others_are_scripted() {
    let afar = Step { lane: "subagent".into(), ..step(1, vec![], Some("from afar"), &[]) };
    let real = start(vec![afar]).await;
    let server = passing(&["subagent"], real.base_url(), vec![step(1, vec![], Some("from here"), &[])]).await;
    let body = request(&[user("go")]);
    let far = post_with(&server, &[("x-subagent", "1")], &body).await;
    assert_eq!((far.status, far.headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
    assert_eq!(output(&far.events())[0]["content"][0]["text"], "from afar");
    assert_eq!(output(&post(&server, &body).await.events())[0]["content"][0]["text"], "from here");
    let traffic = server.finish().await;
    let passed = &traffic.requests[1];
    assert_eq!(
        (passed.lane.as_str(), passed.reply.kind, passed.reply.status),
        ("subagent", ReplyKind::Upstream, 200)
    );
    let said = Item::Message { role: Role::Assistant, text: "from afar".into() };
    assert_eq!(passed.reply.items, [said]);
    assert_eq!(traffic.passed[&1].body, far.bytes);
    assert!(traffic.script.unmatched.is_empty());
    let there = real.finish().await;
    // What the other server got is what this one got, the address apart.
    assert_eq!(there.requests[0].body, passed.body);
    assert_eq!(there.requests[0].headers["x-subagent"], ["1"]);
    assert_eq!(there.requests[0].path, "/v1/responses");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_and_lists_of_models_are_passed_on_too() {
    let real = start(vec![]).await;
    let server = passing(&["main", "models"], real.base_url(), vec![]).await;
    let refused = post(&server, &request(&[user("go")])).await;
    assert_eq!(refused.status, 400);
    assert_eq!(get(&server, "/v1/models").await.json()["object"], "list");
    let traffic = server.finish().await;
    assert_eq!(traffic.requests.iter().map(|request| request.reply.status).collect::<Vec<_>>(), [400, 200]);
    assert_eq!(real.finish().await.requests.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_gone_is_told_and_fits_no_script() {
    let gone = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let server = passing(&["main"], &format!("http://{gone}/v1"), vec![]).await;
    let refused = post(&server, &request(&[user("go")])).await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json()["error"]["code"], "upstream_unreachable");
    let traffic = server.finish().await;
    assert!(traffic.script.unmatched[0].difference.contains("gave no answer"), "{:?}", traffic.script);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_breaks_off_is_passed_on_as_far_as_it_came() {
    let real = start(vec![step(1, vec![Fault::Cut], Some("from afar"), &[])]).await;
    let server = passing(&["main"], real.base_url(), vec![]).await;
    let cut = post(&server, &request(&[user("go")])).await;
    assert!(!cut.whole && !cut.bytes.is_empty());
    let traffic = server.finish().await;
    assert!(traffic.script.unmatched[0].difference.contains("broke off"), "{:?}", traffic.script);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_never_answers_is_told_though_the_client_left() {
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = silent.local_addr().unwrap();
    let server = passing(&["main"], &format!("http://{address}/v1"), vec![]).await;
    let body = request(&[user("go")]);
    let (asked, arrived) = (post(&server, &body), silent.accept());
    tokio::select! {
        _ = asked => panic!("nobody answers"),
        connection = arrived => drop(connection.unwrap()),
    }
    let traffic = server.finish().await;
    let difference = &traffic.script.unmatched[0].difference;
    assert!(difference.contains("endpoint") || difference.contains("gave no answer"), "{difference}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_was_refused_is_not_passed_on() {
    let real = start(vec![]).await;
    let every = Reception {
        upstream: [("*".to_owned(), real.base_url().parse().unwrap())].into(),
        request_bytes: 100,
        ..Reception::default()
    };
    let server = Server::start(ServerSettings { reception: every, ..settings(vec![]) }).await.unwrap();
    let large = build("POST", "/v1/files", &[("authorization", "Bearer secret")], vec![b'x'; 200]);
    let refused = send(&server, large).await;
    assert_eq!(refused.status, 400);
    assert!(refused.json()["error"]["message"].as_str().unwrap().contains("larger than 100 bytes"));
    assert_eq!(server.finish().await.requests[0].violations[0].code, "body-too-large");
    assert!(real.finish().await.requests.is_empty());
}
