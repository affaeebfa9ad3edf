//! Over WebSocket.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::*;

pub(super) struct Client(WebSocketStream<TcpStream>);

impl Client {
    pub(super) async fn connect(server: &Server) -> Self {
        let stream = TcpStream::connect(address(server)).await.unwrap();
        let url = format!("ws://{}/v1/responses", address(server));
        Self(client_async(url, stream).await.unwrap().0)
    }

    /// Sends a frame; returns what comes back until the reply or the connection ends.
    pub(super) async fn ask(&mut self, frame: &Value) -> Vec<Value> {
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

pub(super) fn create(previous: Option<&str>, input: &[Value]) -> Value {
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

/// A frame as a client sends it, compressed or not.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, 0x80 | 127];
    bytes.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    bytes.extend_from_slice(&[1, 2, 3, 4]);
    bytes.extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_compressed_where_the_client_offers_it() {
    use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let server = start(vec![step(1, vec![], Some(&"long ".repeat(1000)), &[])]).await;
    let mut socket = TcpStream::connect(address(&server)).await.unwrap();
    let upgrade = "GET /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    socket.write_all(upgrade.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(socket.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let accepted = "sec-websocket-extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    assert!(head.starts_with("HTTP/1.1 101") && head.contains(accepted), "{head}");

    let frame = create(None, &[user("go")]).to_string();
    let mut compressed = Vec::with_capacity(frame.len() + 100);
    Compress::new(Compression::fast(), false)
        .compress_vec(frame.as_bytes(), &mut compressed, FlushCompress::Sync)
        .unwrap();
    let message = compressed.strip_suffix(&[0, 0, 0xff, 0xff]).unwrap();
    // In two fragments, the second split again by the network.
    let (first, second) = message.split_at(message.len() / 2);
    socket.write_all(&masked(0x41, first)).await.unwrap();
    socket.write_all(&masked(0x80, second)).await.unwrap();
    let mut events: Vec<Value> = Vec::new();
    while events.last().is_none_or(|event| event["type"] != "response.completed") {
        let first = socket.read_u8().await.unwrap();
        let length = match socket.read_u8().await.unwrap() {
            126 => usize::from(socket.read_u16().await.unwrap()),
            short => usize::from(short),
        };
        assert_eq!(first, 0xc1, "a compressed text message");
        let mut payload = vec![0; length];
        socket.read_exact(&mut payload).await.unwrap();
        payload.extend_from_slice(&[0, 0, 0xff, 0xff]);
        let mut text = Vec::with_capacity(100_000);
        Decompress::new(false).decompress_vec(&payload, &mut text, FlushDecompress::Sync).unwrap();
        events.push(serde_json::from_slice(&text).unwrap());
    }
    assert_eq!(output(&events)[0]["content"][0]["text"], "long ".repeat(1000));
    // What breaks the protocol is answered with the close code that says so.
    socket.write_all(&[0x81, 0x01, b'x']).await.unwrap();
    let mut goodbye = [0; 4];
    socket.read_exact(&mut goodbye).await.unwrap();
    assert_eq!(goodbye, [0x88, 2, 0x03, 0xea]);
    let traffic = server.finish().await;
    assert_eq!(traffic.bodies[0].to_vec(), frame.as_bytes());
}

/// What a raw client sees of a reply over a WebSocket: opcodes, payloads, and whether the connection has ended.
async fn raw(lines: &str) -> (Vec<(u8, bool, Vec<u8>)>, Traffic) {
    let server = start(disturbed::scripted(lines)).await;
    let mut client = Client::connect(&server).await;
    client.0.send(Message::text(create(None, &[user("go")]).to_string())).await.unwrap();
    let stream = client.0.get_mut();
    let mut frames = Vec::new();
    let mut buffer = Vec::new();
    let mut block = vec![0; 64 * 1024];
    loop {
        use tokio::io::AsyncReadExt as _;
        match stream.read(&mut block).await {
            Ok(read @ 1..) => buffer.extend_from_slice(&block[..read]),
            _ => break,
        }
        while buffer.len() >= 2 {
            let (from, length) = match buffer[1] {
                126 if buffer.len() >= 4 => (4, usize::from(u16::from_be_bytes([buffer[2], buffer[3]]))),
                126 => break,
                short => (2, usize::from(short)),
            };
            if buffer.len() < from + length {
                break;
            }
            frames.push((buffer[0] & 15, buffer[0] & 0x80 != 0, buffer[from..from + length].to_vec()));
            buffer.drain(..from + length);
        }
        if frames
            .iter()
            .any(|(_, _, payload)| payload.windows(18).any(|window| window == b"response.completed"))
        {
            break;
        }
    }
    drop(client);
    (frames, server.finish().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn disturbances_are_seen_on_a_websocket() {
    let (frames, _) =
        raw("attempt = [{ fault = { wire = [{ after = 2, close = 1011, reason = 'no' }] } }]").await;
    assert_eq!(frames.len(), 3);
    assert_eq!(frames[2], (8, true, [&1011_u16.to_be_bytes()[..], b"no"].concat()));

    let (frames, _) = raw("attempt = [{ fault = { wire = [{ frame = 2, binary = true }] } }]").await;
    assert_eq!(frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), [1, 2, 1, 1, 1, 1, 1, 1, 1]);

    let (frames, _) = raw("wire = [{ frame = 1, fragment = 40 }, { frame = 2, comment = 'ping' }]").await;
    assert_eq!((frames[0].0, frames[0].1, frames[0].2.len()), (1, false, 40));
    assert_eq!((frames[1].0, frames[1].2.len()), (0, 40));
    assert!(frames.contains(&(9, true, b"ping".to_vec())));

    let (frames, traffic) = raw("attempt = [{ fault = { wire = [{ frame = 3, end = 'reset' }] } }]").await;
    assert_eq!(frames.len(), 2);
    assert_eq!(traffic.requests[0].reply.detail, "reset");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_can_be_refused_and_then_accepted() {
    let upgrade = |number, faults| Step { lane: "upgrade".into(), number, faults, ..Step::default() };
    let server = start(vec![upgrade(1, vec![overloaded()]), step(1, vec![], Some("hi"), &[])]).await;
    let stream = TcpStream::connect(address(&server)).await.unwrap();
    let url = format!("ws://{}/v1/responses", address(&server));
    let refused = client_async(url, stream).await.err().unwrap();
    assert!(refused.to_string().contains("503"), "{refused}");
    let mut client = Client::connect(&server).await;
    output(&client.ask(&create(None, &[user("go")])).await);
    let traffic = server.finish().await;
    assert_eq!(places(&traffic), [("main", 1, 1, 1), ("upgrade", 0, 1, 1), ("upgrade", 0, 1, 2)]);
    assert_eq!(traffic.requests[2].reply.status, 101);
}
