//! Two hundred conversations at once, each with retries: every one gets its own replies.

use tokio::task::JoinSet;

use super::http::post_to;
use super::*;
use crate::scenario::Reception;

const CONVERSATIONS: usize = 200;

/// `200 × 3` steps: a call behind a 503, a second call behind a cut, and a text.
fn script() -> Vec<Step> {
    let mut steps = Vec::new();
    for who in 0..CONVERSATIONS {
        let ids = [format!("first-{who}"), format!("second-{who}")];
        let number = |offset| (3 * who + offset) as u32;
        let opens = step(number(1), vec![overloaded()], None, &[&ids[0]]);
        steps.push(Step { opened_by: Some(format!("job {who}")), ..opens });
        steps.push(step(number(2), vec![Fault::Cut], Some(&format!("half of {who}")), &[&ids[1]]));
        steps.push(step(number(3), vec![], Some(&format!("done {who}")), &[]));
    }
    steps
}

/// One client: asks again while it gets no whole reply, like an agent does.
async fn client(address: String, who: usize) -> String {
    let mut input = vec![user("the same context for all"), user(&format!("job {who}"))];
    loop {
        let received = post_to(&address, &request(&input)).await;
        if received.status != 200 || !received.whole {
            continue;
        }
        let items = output(&received.events());
        input.extend(items.clone());
        match items.iter().find_map(|item| item["call_id"].as_str()) {
            Some(call) => input.push(result(call, &format!("output of {who}"))),
            None => return items[0]["content"][0]["text"].as_str().unwrap().to_owned(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_hundred_conversations_with_retries_get_their_own_replies() {
    let server = Server::start(ServerSettings {
        capture_limit_bytes: 64 * 1024 * 1024,
        // A client that tries again comes over a new connection while the server may not have seen the old one end.
        reception: Reception { connections: CONVERSATIONS * 5, ..Reception::default() },
        free: true,
        ..settings(script())
    })
    .await
    .unwrap();
    let mut clients = JoinSet::new();
    for who in 0..CONVERSATIONS {
        let address = address(&server).to_owned();
        clients.spawn(async move { (who, client(address, who).await) });
    }
    while let Some(ended) = clients.join_next().await {
        let (who, text) = ended.unwrap();
        assert_eq!(text, format!("done {who}"));
    }
    let traffic = server.finish().await;
    assert_eq!(traffic.script, crate::document::Script::default());
    assert_eq!(traffic.requests.len(), CONVERSATIONS * 5);
    for request in &traffic.requests {
        let who = (request.step as usize - 1) / 3;
        let prompt = request.body["input"][1]["content"][0]["text"].as_str().unwrap();
        assert_eq!(prompt, format!("job {who}"), "step {} attempt {}", request.step, request.attempt);
    }
}
