//! A repeated step is rendered once for all requests that differ in nothing the answer tells, and for no others.

use super::http::{Received, build, send};
use super::*;
use crate::document::{Item, Role};

async fn ask(server: &Server, target: &str, body: &Value) -> Received {
    send(server, build("POST", target, &[], body.to_string().into_bytes())).await
}

fn asked() -> Vec<(&'static str, Value)> {
    let chat = |model: &str, streams: bool, messages: &[&str]| {
        let messages: Vec<_> = messages.iter().map(|text| json!({"role": "user", "content": text})).collect();
        json!({"model": model, "stream": streams, "messages": messages})
    };
    let with_usage = |mut body: Value| {
        body["stream_options"] = json!({"include_usage": true});
        body
    };
    let input = |items: &[Value]| json!({"model": "m", "stream": true, "input": items});
    vec![
        ("/v1/chat/completions", chat("m", true, &["one"])),
        ("/v1/chat/completions", chat("m", true, &["another, as long"])),
        ("/v1/chat/completions", chat("other", true, &["one"])),
        ("/v1/chat/completions", chat("m", false, &["one"])),
        ("/v1/chat/completions", chat("m", false, &["one", "two"])),
        ("/v1/chat/completions", with_usage(chat("m", true, &["one"]))),
        ("/v1/responses", input(&[user("one")])),
        ("/v1/responses", input(&[user("one"), said("yes"), user("two")])),
        ("/v1/responses/compact", input(&[user("one")])),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_a_repeated_step_are_those_of_a_fresh_server() {
    let steps = || {
        let main = Step { repeat: true, ..step(1, vec![], Some("again"), &[]) };
        vec![main.clone(), Step { lane: "compaction".into(), ..main }]
    };
    let server = start(steps()).await;
    let number = regex::Regex::new("resp_main_1_[0-9]+").unwrap();
    // Each is asked right after another, and after itself.
    for (path, body) in asked().iter().flat_map(|asked| [asked, asked]).chain(asked().iter().rev()) {
        let fresh = start(steps()).await;
        let (expected, answered) = (ask(&fresh, path, body).await, ask(&server, path, body).await);
        assert_eq!(answered.status, 200, "{path} {body}");
        // What another request can name has a number of its own.
        let [expected, told] =
            [expected, answered].map(|told| String::from_utf8(told.bytes.to_vec()).unwrap());
        assert_eq!(number.replace_all(&told, "resp_main_1_1"), expected, "{path} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_response_that_was_rendered_once_can_be_built_upon() {
    let server = start(vec![Step { repeat: true, ..step(1, vec![], Some("again"), &[]) }]).await;
    for _ in 0..2 {
        let first = ask(&server, "/v1/responses", &request(&[user("one")])).await.events();
        let id = &first.last().unwrap()["response"]["id"];
        let mut second = request(&[user("two")]);
        second["previous_response_id"] = id.clone();
        assert_eq!(ask(&server, "/v1/responses", &second).await.status, 200);
    }
    let traffic = server.finish().await;
    let transcripts: Vec<_> = traffic.requests.iter().map(|request| request.transcript.len()).collect();
    assert_eq!(transcripts, [1, 3, 1, 3]);
}

/// Over HTTP, where answers are rendered once, and of numbers with one and with two digits.
#[tokio::test(flavor = "multi_thread")]
async fn clients_of_a_repeated_step_build_each_upon_its_own_conversation() {
    // The text has what an identifier looks like: that stays.
    let server = start(vec![Step { repeat: true, ..step(1, vec![], Some("resp_main_1_1"), &[]) }]).await;
    let mut ids = Vec::new();
    for client in 0..12 {
        let events =
            ask(&server, "/v1/responses", &request(&[user(&format!("client {client}"))])).await.events();
        let response = &events.last().unwrap()["response"];
        assert_eq!(response["output"][0]["content"][0]["text"], "resp_main_1_1");
        assert!(
            events
                .iter()
                .all(|event| event["response"]["id"] == response["id"] || event["response"].is_null())
        );
        ids.push(response["id"].clone());
    }
    assert_eq!((ids[0].as_str(), ids[11].as_str()), (Some("resp_main_1_1"), Some("resp_main_1_12")));
    for (client, id) in ids.iter().enumerate().rev() {
        let mut second = request(&[user("and then?")]);
        second["previous_response_id"] = id.clone();
        assert_eq!(ask(&server, "/v1/responses", &second).await.status, 200, "{client}");
    }
    let traffic = server.finish().await;
    let grown: Vec<_> = traffic.requests.iter().filter(|request| request.inherited > 0).collect();
    assert_eq!(grown.len(), 12);
    for (request, client) in grown.iter().zip((0..12).rev()) {
        let said = Item::Message { role: Role::User, text: format!("client {client}") };
        assert_eq!(request.transcript[0], said);
    }
}
