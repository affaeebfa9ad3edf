//! Over WebSocket.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;

struct Client(WebSocketStream<TcpStream>);

impl Client {
    async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(address(server)).await.unwrap();
        let url = format!("ws://{}/v1/responses", address(server));
        Self(client_async(url, stream).await.unwrap().0)
    }

    /// Sends a frame; returns what comes back until the reply or the connection ends.
    async fn ask(&mut self, frame: &Value) -> Vec<Value> {
        self.0.send(Message::text(frame.to_string())).await.unwrap();
        self.receive().await
    }

    async fn receive(&mut self) -> Vec<Value> {
        let mut events: Vec<Value> = Vec::new();
        while let Some(Ok(message)) = self.0.next().await {
            events.push(serde_json::from_str(message.to_text().unwrap()).unwrap());
            if let "response.completed" | "response.failed" | "error" = *types(&events).last().unwrap() {
                break;
            }
        }
        events
    }
}

fn create(previous: Option<&str>, input: &[Value]) -> Value {
    let mut frame = request(input);
    frame["type"] = "response.create".into();
    if let Some(id) = previous {
        frame["previous_response_id"] = id.into();
    }
    frame
}

fn id(events: &[Value]) -> &str {
    events[0]["response"]["id"].as_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn increments_are_expanded_across_prewarm_tools_and_resumed_turns() {
    let steps = vec![
        step(1, vec![], None, &["a"]),
        step(2, vec![], Some("done"), &[]),
        step(3, vec![], Some("again"), &[]),
    ];
    let server = start(steps).await;
    let system = json!({"type": "message", "role": "developer", "content": "base"});
    let mut client = Client::connect(&server).await;
    let mut frame = create(None, std::slice::from_ref(&system));
    frame["generate"] = false.into();
    let warm = client.ask(&frame).await;
    assert_eq!(types(&warm), ["response.created", "response.in_progress", "response.completed"]);
    let first = client.ask(&create(Some(id(&warm)), &[user("go")])).await;
    assert_eq!(output(&first)[0]["call_id"], "a");
    let second = client.ask(&create(Some(id(&first)), &[result("a", "listed")])).await;
    assert_eq!(output(&second)[0]["content"][0]["text"], "done");

    server.begin_turn(2, "more", true);
    let mut client = Client::connect(&server).await;
    let warm = client.ask(&frame).await;
    let mut history = vec![user("go")];
    history.extend(output(&first));
    history.push(result("a", "listed"));
    history.extend(output(&second));
    history.push(user("more"));
    let third = client.ask(&create(Some(id(&warm)), &history)).await;
    assert_eq!(output(&third)[0]["content"][0]["text"], "again");

    let traffic = server.finish().await;
    let expected =
        [("main", 1, 1, 1), ("main", 1, 2, 1), ("prewarm", 0, 0, 0), ("main", 1, 3, 1), ("prewarm", 0, 0, 0)];
    assert_eq!(places(&traffic), expected);
    let sizes: Vec<_> = traffic.requests.iter().map(|r| (r.inherited, r.transcript.len())).collect();
    assert_eq!(sizes, [(1, 2), (3, 4), (0, 1), (1, 6), (0, 1)]);
    assert_eq!(traffic.arrival, [2, 0, 1, 4, 3]);
    assert_eq!(traffic.script, crate::document::Script::default());
    assert_eq!(traffic.requests[0].transport, "websocket");
    assert_eq!(traffic.requests[0].headers["upgrade"], ["websocket"]);
    assert!(traffic.requests.iter().all(|request| request.violations.is_empty()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_is_the_same_step_on_any_transport() {
    let faults = vec![overloaded(), failed(), Fault::Cut, overloaded()];
    let steps = vec![step(1, faults, Some("done"), &[])];
    let server = start(steps).await;
    let frame = create(None, &[user("go")]);
    let mut client = Client::connect(&server).await;
    let refused = client.ask(&frame).await;
    assert_eq!(
        refused,
        [json!({"type": "error", "status": 503, "headers": {"retry-after": "1"},
        "error": {"code": "server_error", "message": "later", "type": "server_error"}})]
    );
    let failed = client.ask(&frame).await;
    assert_eq!(types(&failed).last(), Some(&"response.failed"));
    let cut = client.ask(&frame).await;
    assert_eq!(types(&cut).last(), Some(&"response.output_text.delta"), "and then the connection was gone");
    let mut client = Client::connect(&server).await;
    let again = client.ask(&create(None, &[user("go"), said("do")])).await;
    assert_eq!(again[0]["status"], 503);
    output(&http::post(&server, &request(&[user("go"), said("do")])).await.events());
    let traffic = server.finish().await;
    let attempts: Vec<_> = (1..=5).map(|attempt| ("main", 1, 1, attempt)).collect();
    assert_eq!(places(&traffic), attempts);
    assert_eq!((traffic.requests[0].reply.status, traffic.requests[4].transport.as_str()), (503, "http"));
    assert!(traffic.script.surplus.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_previous_response_is_said_and_a_full_request_served() {
    let server = start(vec![step(1, vec![], Some("done"), &[])]).await;
    let mut client = Client::connect(&server).await;
    let refused = client.ask(&create(Some("resp_x"), &[user("go")])).await;
    assert_eq!(
        (&refused[0]["status"], &refused[0]["error"]["code"]),
        (&json!(400), &json!("previous_response_not_found"))
    );
    output(&client.ask(&create(None, &[user("go")])).await);
    let traffic = server.finish().await;
    assert!(traffic.script.unmatched.is_empty());
    assert_eq!(traffic.requests[0].reply.detail, "previous_response_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_ask_for_nothing_are_refused_and_kept() {
    let server = start(vec![]).await;
    let mut client = Client::connect(&server).await;
    for message in [Message::text("{"), Message::binary(b"\xff".to_vec()), Message::text(r#"{"type":"x"}"#)] {
        client.0.send(message).await.unwrap();
        assert_eq!(client.receive().await[0]["status"], 400);
    }
    let traffic = server.finish().await;
    assert_eq!((traffic.requests.len(), traffic.script.unmatched.len()), (3, 3));
}
