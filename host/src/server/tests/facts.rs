//! What is known of each protocol on the wire, one row a fact, in the fact's words.
//!
//! Each row is read off what a client receives: from the renderers where a frame is enough, over a socket elsewhere.

use serde_json::{Value, json};

use super::failed as failed_reply;
use super::http::{build, send};
use super::protocols::{ask, frames, opening};
use super::websocket::{Client, create};
use super::*;
use crate::profile::{Protocol, Stop};
use crate::server::answer::Manner;
use crate::server::part::Part;
use crate::server::protocol::frame::Content;
use crate::server::protocol::{Head, Refusal, StreamEnd, format_of};

/// A fact, and whether it is so.
type Row = (&'static str, bool);

fn all_hold(of: &str, rows: &[Row]) {
    let wrong: Vec<_> = rows.iter().filter(|(_, holds)| !holds).map(|(fact, _)| *fact).collect();
    assert!(wrong.is_empty(), "{of}: not so: {wrong:#?}");
}

fn thought(signature: Option<&str>, encrypted: Option<&str>) -> Part {
    Part::Reasoning {
        chunks: vec!["wh".into(), "y".into()],
        signature: signature.map(str::to_owned),
        encrypted: encrypted.map(str::to_owned),
    }
}

fn words() -> Part {
    Part::Text { chunks: vec!["hel".into(), "lo".into()] }
}

fn called(id: &str, pieces: usize) -> Part {
    let wire = WireCall::Function { name: "shell".into(), arguments: json!({"command": "ls"}) };
    Part::Call { id: id.into(), wire, pieces }
}

fn head(stop: Stop) -> Head<'static> {
    Head {
        id: "main_1_1",
        stem: "main_1",
        model: "m",
        input_items: 2,
        reports_usage: true,
        usage: None,
        stop,
    }
}

/// Event names and data of a stream.
fn stream(protocol: Protocol, parts: &[Part], stop: Stop) -> Vec<(String, Value)> {
    format_of(protocol)
        .stream(&head(stop), parts)
        .into_iter()
        .map(|frame| match frame.content {
            Content::Event { name, data } => {
                (name.unwrap_or_default(), serde_json::from_str(&data).unwrap_or(Value::String(data)))
            }
            Content::Raw(_) => panic!("nothing is sent raw"),
        })
        .collect()
}

fn failed(protocol: Protocol, code: &str) -> (Vec<Value>, StreamEnd) {
    let manner = Manner { format: format_of(protocol), transport: Transport::Http, streams: true };
    let answer = format_of(protocol).failed(manner, &head(Stop::End), code, "boom");
    let data = answer.frames.iter().map(|frame| serde_json::from_slice(&frame.payload()).unwrap()).collect();
    (data, answer.end)
}

fn refused(protocol: Protocol, status: u16) -> (Value, Vec<(&'static str, String)>) {
    let refusal = Refusal { retry_after_seconds: Some(3), ..Refusal::new(status, "", "later".into()) };
    let answer = format_of(protocol).refusal(Transport::Http, &refusal);
    (serde_json::from_slice(&answer.frames[0].payload()).unwrap(), answer.headers)
}

fn names(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(name, _)| name.as_str()).collect()
}

fn has(events: &[(String, Value)], pointer: &str, wanted: &Value) -> bool {
    events.iter().any(|(_, data)| data.pointer(pointer) == Some(wanted))
}

#[test]
fn responses() {
    let parts = [thought(None, Some("sealed")), words(), called("a", 2), called("b", 1)];
    let events = stream(Protocol::Responses, &parts, Stop::End);
    let custom = WireCall::Custom { name: "patch".into(), input: "text".into() };
    let custom =
        stream(Protocol::Responses, &[Part::Call { id: "c".into(), wire: custom, pieces: 1 }], Stop::End);
    let incomplete = stream(Protocol::Responses, &[words()], Stop::Length);
    let done: Vec<&Value> = events
        .iter()
        .filter(|(name, _)| name == "response.output_item.done")
        .map(|(_, data)| &data["item"])
        .collect();
    let last = &events.last().unwrap().1;
    let (failed, end) = failed(Protocol::Responses, "rate_limit_exceeded");
    let (limited, headers) = refused(Protocol::Responses, 429);
    all_hold(
        "responses",
        &[
            (
                "every event has `type` and `sequence_number`",
                events
                    .iter()
                    .enumerate()
                    .all(|(at, (name, data))| data["type"] == **name && data["sequence_number"] == at),
            ),
            (
                "emitting both `event:` and `data:` is right for Responses",
                events.iter().all(|(name, _)| !name.is_empty()),
            ),
            ("no `[DONE]` in Responses", events.iter().all(|(_, data)| data.is_object())),
            (
                "created, in_progress, then the items, then completed with full `output`",
                names(&events)[..2] == ["response.created", "response.in_progress"]
                    && last["type"] == "response.completed"
                    && last["response"]["output"].as_array().unwrap().len() == 4,
            ),
            (
                "output_item.added, content_part.added, output_text.delta×n, output_text.done, content_part.done, output_item.done",
                names(&events)[9..16]
                    == [
                        "response.output_item.added",
                        "response.content_part.added",
                        "response.output_text.delta",
                        "response.output_text.delta",
                        "response.output_text.done",
                        "response.content_part.done",
                        "response.output_item.done",
                    ],
            ),
            (
                "the text is in chosen chunks",
                has(&events, "/delta", &json!("hel")) && has(&events, "/delta", &json!("lo")),
            ),
            (
                "reasoning: reasoning_summary_part.added{summary_index}, reasoning_summary_text.delta{delta,summary_index}",
                names(&events)[3] == "response.reasoning_summary_part.added"
                    && events[4].1["summary_index"] == 0
                    && events[4].1["delta"] == "wh",
            ),
            (
                "output_item.done (reasoning with summary and maybe encrypted_content)",
                done[0]["summary"][0] == json!({"type": "summary_text", "text": "why"})
                    && done[0]["encrypted_content"] == "sealed",
            ),
            (
                "message{role,content[{type:output_text,text}]}",
                done[1]["role"] == "assistant"
                    && done[1]["content"][0]["type"] == "output_text"
                    && done[1]["content"][0]["text"] == "hello",
            ),
            (
                "function_call{name,arguments(JSON string),call_id}",
                done[2]["arguments"] == r#"{"command":"ls"}"#
                    && done[2]["call_id"] == "a"
                    && done[2]["name"] == "shell",
            ),
            (
                "response.function_call_arguments.delta|done",
                names(&events)
                    .iter()
                    .filter(|name| **name == "response.function_call_arguments.delta")
                    .count()
                    == 3
                    && names(&events).contains(&"response.function_call_arguments.done"),
            ),
            ("parallel calls = several items before completed", done.len() == 4 && done[3]["call_id"] == "b"),
            (
                "custom_tool_call{name,input(raw text),call_id}",
                has(&custom, "/item/input", &json!("text"))
                    && names(&custom).contains(&"response.custom_tool_call_input.delta"),
            ),
            (
                "usage has input_tokens, output_tokens, total_tokens",
                ["input_tokens", "output_tokens", "total_tokens"]
                    .iter()
                    .all(|name| last["response"]["usage"][name].is_u64()),
            ),
            (
                "response.incomplete{response:{incomplete_details:{reason}}}",
                incomplete.last().unwrap().0 == "response.incomplete"
                    && has(&incomplete, "/response/incomplete_details/reason", &json!("max_output_tokens")),
            ),
            (
                "response.failed{response:{id,status:failed,error:{code,message}}}",
                failed[2]["response"]["status"] == "failed"
                    && failed[2]["response"]["error"]["code"] == "rate_limit_exceeded",
            ),
            ("then close the connection", end == StreamEnd::Close),
            (
                "HTTP 429 body {error:{type,code,message}} + retry-after",
                limited["error"]["type"] == "rate_limit_error"
                    && headers == [("retry-after", "3".to_owned())],
            ),
        ],
    );
}

#[test]
fn chat() {
    let parts = [thought(None, None), words(), called("a", 2)];
    let events = stream(Protocol::Chat, &parts, Stop::End);
    let data: Vec<&Value> = events.iter().map(|(_, data)| data).collect();
    let delta = |at: usize| &data[at]["choices"][0]["delta"];
    let whole = format_of(Protocol::Chat).whole(&head(Stop::End), &parts);
    let stops = |stop| stream(Protocol::Chat, &[words()], stop)[3].1["choices"][0]["finish_reason"].clone();
    let (failed, _) = failed(Protocol::Chat, "server_error");
    let (limited, headers) = refused(Protocol::Chat, 429);
    let count = data.len();
    all_hold(
        "chat",
        &[
            (
                "chat has `data:` only plus the sentinel",
                events.iter().all(|(name, _)| name.is_empty()) && *data[count - 1] == json!("[DONE]"),
            ),
            (
                "chunk = {id,object:chat.completion.chunk,created,model,choices:[{index,delta,finish_reason}]}",
                data[..count - 2].iter().all(|chunk| {
                    chunk["object"] == "chat.completion.chunk"
                        && chunk["created"].is_u64()
                        && chunk["id"] == data[0]["id"]
                        && chunk["model"] == "m"
                        && chunk["choices"][0]["index"] == 0
                }),
            ),
            ("role chunk first", delta(0)["role"] == "assistant"),
            (
                "reasoning_content deltas before content",
                delta(1)["reasoning_content"] == "wh"
                    && delta(2)["reasoning_content"] == "y"
                    && delta(3)["content"] == "hel",
            ),
            ("content chunks", delta(4)["content"] == "lo"),
            (
                "tool_calls[{index,id,type:function,function:{name,arguments}}], id and name in the first fragment only",
                delta(5)["tool_calls"][0]["id"] == "a"
                    && delta(5)["tool_calls"][0]["function"]["name"] == "shell"
                    && delta(6)["tool_calls"][0].get("id").is_none()
                    && delta(7)["tool_calls"][0].get("id").is_none(),
            ),
            (
                "tool_calls fragments are the arguments",
                format!(
                    "{}{}",
                    delta(6)["tool_calls"][0]["function"]["arguments"].as_str().unwrap(),
                    delta(7)["tool_calls"][0]["function"]["arguments"].as_str().unwrap()
                ) == r#"{"command":"ls"}"#,
            ),
            ("finish_reason tool_calls", data[8]["choices"][0]["finish_reason"] == "tool_calls"),
            ("finish_reason stop", stops(Stop::End) == "stop"),
            (
                "incomplete = finish_reason length or content_filter",
                stops(Stop::Length) == "length" && stops(Stop::Filter) == "content_filter",
            ),
            (
                "include_usage: one extra chunk with empty `choices` and `usage`",
                data[count - 2]["choices"] == json!([]) && data[count - 2]["usage"]["total_tokens"] == 230,
            ),
            (
                "non-stream JSON form",
                whole["object"] == "chat.completion"
                    && whole["choices"][0]["message"]["content"] == "hello"
                    && whole["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]
                        == r#"{"command":"ls"}"#,
            ),
            ("mid-stream data:{\"error\":{…}}", failed[1]["error"]["message"] == "boom"),
            (
                "HTTP status + {error:{message,type,code,param}}",
                ["message", "type", "code", "param"].iter().all(|name| limited["error"].get(name).is_some()),
            ),
            ("429 with retry-after", headers == [("retry-after", "3".to_owned())]),
        ],
    );
}

#[test]
fn messages() {
    let parts = [thought(Some("signed"), None), words(), called("a", 2)];
    let events = stream(Protocol::Messages, &parts, Stop::End);
    let redacted = stream(Protocol::Messages, &[thought(None, Some("sealed"))], Stop::End);
    let unsigned = stream(Protocol::Messages, &[thought(None, None)], Stop::End);
    let stops = |stop| stream(Protocol::Messages, &[words()], stop)[5].1["delta"]["stop_reason"].clone();
    let delta = |at: usize| &events[at].1["delta"];
    let (failed, end) = failed(Protocol::Messages, "overloaded_error");
    let error_type = |status| refused(Protocol::Messages, status).0["error"]["type"].clone();
    let (limited, headers) = refused(Protocol::Messages, 429);
    let whole = format_of(Protocol::Messages).whole(&head(Stop::End), &parts);
    all_hold(
        "messages",
        &[
            (
                "the `event:` line is there, and says what `type` says",
                events.iter().all(|(name, data)| data["type"] == **name),
            ),
            (
                "events in order",
                names(&events)
                    == [
                        "message_start",
                        "content_block_start",
                        "content_block_delta",
                        "content_block_delta",
                        "content_block_delta",
                        "content_block_stop",
                        "content_block_start",
                        "content_block_delta",
                        "content_block_delta",
                        "content_block_stop",
                        "content_block_start",
                        "content_block_delta",
                        "content_block_delta",
                        "content_block_stop",
                        "message_delta",
                        "message_stop",
                    ],
            ),
            (
                "message_start{message:{id,type,role,model,content:[],stop_reason:null,usage{input_tokens,output_tokens}}}",
                events[0].1["message"]["content"] == json!([])
                    && events[0].1["message"]["stop_reason"].is_null()
                    && events[0].1["message"]["usage"]["input_tokens"] == 200
                    && events[0].1["message"]["role"] == "assistant",
            ),
            (
                "thinking: block {type:thinking}, thinking_delta*, signature_delta then stop",
                events[1].1["content_block"]["type"] == "thinking"
                    && delta(2)["type"] == "thinking_delta"
                    && *delta(4) == json!({"type": "signature_delta", "signature": "signed"}),
            ),
            (
                "thinking has a signature also where none is scripted",
                has(&unsigned, "/delta/signature", &json!("sig_main_1_0")),
            ),
            (
                "redacted_thinking{data}",
                redacted[1].1["content_block"] == json!({"type": "redacted_thinking", "data": "sealed"})
                    && names(&redacted)[2] == "content_block_stop",
            ),
            (
                "text block start/delta/stop",
                events[6].1["content_block"] == json!({"type": "text", "text": ""})
                    && *delta(7) == json!({"type": "text_delta", "text": "hel"}),
            ),
            (
                "content_block_start{type:tool_use,id,name,input:{}} + input_json_delta pieces",
                events[10].1["content_block"]
                    == json!({"type": "tool_use", "id": "a", "name": "shell", "input": {}})
                    && format!(
                        "{}{}",
                        delta(11)["partial_json"].as_str().unwrap(),
                        delta(12)["partial_json"].as_str().unwrap()
                    ) == r#"{"command":"ls"}"#,
            ),
            ("stop_reason tool_use", delta(14)["stop_reason"] == "tool_use"),
            (
                "stop_reason: end_turn, max_tokens, stop_sequence, pause_turn, refusal, model_context_window_exceeded",
                [
                    (Stop::End, "end_turn"),
                    (Stop::Length, "max_tokens"),
                    (Stop::Sequence, "stop_sequence"),
                    (Stop::Pause, "pause_turn"),
                    (Stop::Refusal, "refusal"),
                    (Stop::ContextLength, "model_context_window_exceeded"),
                ]
                .iter()
                .all(|(stop, word)| stops(*stop) == **word),
            ),
            (
                "stream:false is answered with a full Message JSON",
                whole["type"] == "message"
                    && whole["content"][2]["input"]["command"] == "ls"
                    && whole["content"][0]["signature"] == "signed"
                    && whole["stop_reason"] == "tool_use",
            ),
            (
                "400 invalid_request_error, 401 authentication_error, 403 permission_error, 404 not_found_error, 413 request_too_large, \
          429 rate_limit_error, 500 api_error, 504 timeout_error, 529 overloaded_error",
                [
                    (400, "invalid_request_error"),
                    (401, "authentication_error"),
                    (403, "permission_error"),
                    (404, "not_found_error"),
                    (413, "request_too_large"),
                    (429, "rate_limit_error"),
                    (500, "api_error"),
                    (504, "timeout_error"),
                    (529, "overloaded_error"),
                ]
                .iter()
                .all(|(status, word)| error_type(*status) == **word),
            ),
            (
                "{type:error,error:{type,message},request_id}",
                limited["type"] == "error" && limited["request_id"].is_string(),
            ),
            (
                "`request-id` and `retry-after` headers",
                headers.iter().map(|(name, _)| *name).collect::<Vec<_>>() == ["retry-after", "request-id"],
            ),
            (
                "mid-stream `event: error` with the same object under 200",
                failed[1]["type"] == "error"
                    && failed[1]["error"]["type"] == "overloaded_error"
                    && end == StreamEnd::Close,
            ),
        ],
    );
}

#[test]
fn gemini() {
    let parts = [thought(Some("signed"), None), words(), called("a", 2)];
    let events = stream(Protocol::Gemini, &parts, Stop::End);
    let part = |at: usize| &events[at].1["candidates"][0]["content"]["parts"][0];
    let only_call = stream(Protocol::Gemini, &[thought(Some("signed"), None), called("a", 1)], Stop::End);
    let stops =
        |stop| stream(Protocol::Gemini, &[words()], stop)[1].1["candidates"][0]["finishReason"].clone();
    let (failed, _) = failed(Protocol::Gemini, "UNAVAILABLE");
    let (limited, _) = refused(Protocol::Gemini, 429);
    let status = |status| refused(Protocol::Gemini, status).0["error"]["status"].clone();
    let last = &events.last().unwrap().1;
    all_hold(
        "gemini",
        &[
            (
                "no `event:`, no `[DONE]`",
                events.iter().all(|(name, data)| name.is_empty() && data.is_object()),
            ),
            (
                "frame = GenerateContentResponse{candidates:[{content:{role:model,parts},index}],usageMetadata,modelVersion,responseId}",
                events.iter().all(|(_, data)| {
                    data["candidates"][0]["content"]["role"] == "model"
                        && data["candidates"][0]["index"] == 0
                        && data["usageMetadata"]["promptTokenCount"] == 200
                        && data["modelVersion"] == "m"
                        && data["responseId"] == "main_1_1"
                }),
            ),
            ("part{text,thought:true}", *part(0) == json!({"text": "wh", "thought": true})),
            ("part{text}", part(2)["text"] == "hel" && *part(3) == json!({"text": "lo"})),
            (
                "part{functionCall:{name,args(object),id?}}",
                part(4)["functionCall"] == json!({"id": "a", "name": "shell", "args": {"command": "ls"}}),
            ),
            (
                "optional thoughtSignature",
                only_call[2].1["candidates"][0]["content"]["parts"][0]["thoughtSignature"] == "signed",
            ),
            (
                "the last chunk has finishReason STOP",
                last["candidates"][0]["finishReason"] == "STOP"
                    && events[..events.len() - 1]
                        .iter()
                        .all(|(_, data)| data["candidates"][0].get("finishReason").is_none()),
            ),
            (
                "usageMetadata{promptTokenCount,candidatesTokenCount,totalTokenCount}",
                last["usageMetadata"]
                    == json!({"promptTokenCount": 200, "candidatesTokenCount": 30, "totalTokenCount": 230}),
            ),
            (
                "finishReason MAX_TOKENS, SAFETY, MALFORMED_FUNCTION_CALL, UNEXPECTED_TOOL_CALL",
                [
                    (Stop::Length, "MAX_TOKENS"),
                    (Stop::Filter, "SAFETY"),
                    (Stop::MalformedCall, "MALFORMED_FUNCTION_CALL"),
                    (Stop::UnexpectedCall, "UNEXPECTED_TOOL_CALL"),
                ]
                .iter()
                .all(|(stop, word)| stops(*stop) == **word),
            ),
            (
                "HTTP {error:{code,message,status,details[]}}",
                limited["error"]["code"] == 429 && limited["error"]["message"] == "later",
            ),
            (
                "429 RESOURCE_EXHAUSTED + details RetryInfo.retryDelay \"3s\"",
                limited["error"]["status"] == "RESOURCE_EXHAUSTED"
                    && limited["error"]["details"][0]["retryDelay"] == "3s",
            ),
            (
                "400 INVALID_ARGUMENT, 401 UNAUTHENTICATED, 403 PERMISSION_DENIED, 404 NOT_FOUND, 500 INTERNAL, 503 UNAVAILABLE",
                [
                    (400, "INVALID_ARGUMENT"),
                    (401, "UNAUTHENTICATED"),
                    (403, "PERMISSION_DENIED"),
                    (404, "NOT_FOUND"),
                    (500, "INTERNAL"),
                    (503, "UNAVAILABLE"),
                ]
                .iter()
                .all(|(number, word)| status(*number) == **word),
            ),
            (
                "inside a 200 stream a chunk that is itself this JSON",
                failed[0]["error"]["status"] == "UNAVAILABLE",
            ),
        ],
    );
}

#[test]
fn kinds_of_errors_have_each_protocols_own_word() {
    let word = |protocol, code: &str| {
        let last = failed(protocol, code).0.pop().unwrap();
        let at = match protocol {
            Protocol::Responses => "/response/error/code",
            Protocol::Chat => "/error/type",
            Protocol::Messages => "/error/type",
            Protocol::Gemini => "/error/status",
        };
        last.pointer(at).unwrap().as_str().unwrap().to_owned()
    };
    for (code, chat, messages, gemini) in [
        ("rate_limit_exceeded", "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED"),
        ("server_is_overloaded", "server_error", "overloaded_error", "UNAVAILABLE"),
        ("context_length_exceeded", "invalid_request_error", "invalid_request_error", "INVALID_ARGUMENT"),
        ("invalid_api_key", "authentication_error", "authentication_error", "UNAUTHENTICATED"),
        ("server_error", "server_error", "api_error", "INTERNAL"),
        ("unheard_of", "server_error", "api_error", "INTERNAL"),
    ] {
        let words = Protocol::ALL.map(|protocol| word(protocol, code));
        assert_eq!(words, [code, chat, messages, gemini]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn websocket() {
    let steps =
        vec![step(1, vec![overloaded()], None, &["a"]), step(2, vec![failed_reply()], Some("done"), &[])];
    let server = start(steps).await;
    let mut client = Client::connect(&server).await;
    let base = json!({"type": "message", "role": "developer", "content": "base"});
    let mut prewarm = create(None, std::slice::from_ref(&base));
    prewarm["generate"] = false.into();
    let prepared = client.ask(&prewarm).await;
    let prepared_id = prepared[0]["response"]["id"].as_str().unwrap().to_owned();
    let refused = client.ask(&create(Some(&prepared_id), &[user("go")])).await;
    let first = client.ask(&create(Some(&prepared_id), &[user("go")])).await;
    let first_id = first[0]["response"]["id"].as_str().unwrap().to_owned();
    let unknown = client.ask(&create(Some("resp_unknown"), &[result("a", "x")])).await;
    let broken = client.ask(&create(Some(&first_id), &[result("a", "x")])).await;
    let second = client.ask(&create(Some(&first_id), &[result("a", "x")])).await;
    let traffic = server.finish().await;
    let steps: Vec<_> = traffic.requests.iter().filter(|request| request.step == 1).collect();
    let over_http = stream(Protocol::Responses, &[called("a", 1)], Stop::End);
    all_hold(
        "websocket",
        &[
            (
                "prewarm needs `response.completed` with an id",
                prepared.last().unwrap()["type"] == "response.completed" && prepared_id.starts_with("resp_"),
            ),
            ("the same event objects, one per text frame, same order", types(&first) == names(&over_http)),
            (
                "the connection is reused for following requests",
                types(&second).last() == Some(&"response.completed"),
            ),
            (
                "incremental input: the server rebuilds the canonical transcript",
                steps[0].transcript.len() == 2 && steps[0].inherited == 1,
            ),
            (
                "errors: {type:error,status,error:{code,message,type},headers}",
                refused
                    == [json!({"type": "error", "status": 503, "headers": {"retry-after": "1"},
                "error": {"code": "server_error", "message": "later", "type": "server_error"}})],
            ),
            (
                "server error code previous_response_not_found",
                unknown[0]["error"]["code"] == "previous_response_not_found" && unknown[0]["status"] == 400,
            ),
            (
                "response.failed over the websocket leaves the connection usable",
                types(&broken).last() == Some(&"response.failed"),
            ),
        ],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn transport() {
    let server = start(vec![Step { optional: true, ..step(1, vec![], Some("done"), &[]) }]).await;
    let mut rows: Vec<Row> = Vec::new();
    let received = ask(&server, Protocol::Chat, true, &opening(Protocol::Chat, true)).await;
    rows.push(("content-type: text/event-stream", received.headers["content-type"] == "text/event-stream"));
    rows.push(("cache-control: no-cache", received.headers["cache-control"] == "no-cache"));
    rows.push(("no gzip", !received.headers.contains_key("content-encoding")));
    rows.push(("every frame ends with a blank line, the last one too", received.bytes.ends_with(b"\n\n")));
    rows.push(("data: [DONE]", frames(&received).last().is_some_and(|(_, data)| data == "[DONE]")));
    let head = send(&server, build("HEAD", "/", &[], vec![])).await;
    rows.push(("`HEAD /` best-effort probe", head.status == 200 && head.bytes.is_empty()));
    let deflated = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, bytes).unwrap();
        encoder.finish().unwrap()
    };
    let body = opening(Protocol::Chat, false).to_string();
    let gzip = [("content-encoding", "gzip")];
    let answer = send(&server, build("POST", "/v1/chat/completions", &gzip, deflated(body.as_bytes()))).await;
    rows.push(("gzip request bodies", answer.status == 200 && answer.json()["object"] == "chat.completion"));
    rows.push(("listens on 127.0.0.1", server.base_url().starts_with("http://127.0.0.1:")));
    rows.push(("HTTP/1.1 keep-alive and `Expect`", keeps_alive(&server).await));
    let codex = send(&server, build("GET", "/v1/models?client_version=1", &[], vec![])).await.json();
    rows.push((
        "`GET {base}/models?client_version=X` (body {\"models\":[…]}, not {\"data\":[…]})",
        codex == json!({"models": []}),
    ));
    let listed = send(&server, build("GET", "/v1/models", &[], vec![])).await.json();
    rows.push((
        "OpenAI-dialect clients expect {\"object\":\"list\",\"data\":[…]}",
        listed["object"] == "list",
    ));
    let anthropic = [("anthropic-version", "2023-06-01")];
    let listed = send(&server, build("GET", "/v1/models?limit=1000", &anthropic, vec![])).await.json();
    rows.push((
        "ids must start with claude/anthropic",
        listed["data"][0]["id"].as_str().unwrap().starts_with("claude"),
    ));
    all_hold("transport", &rows);
}

/// Two requests on one connection, the first of which asks whether its body is welcome.
async fn keeps_alive(server: &Server) -> bool {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut socket = tokio::net::TcpStream::connect(address(server)).await.unwrap();
    let body = opening(Protocol::Chat, false).to_string();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    let mut read_until = async |socket: &mut tokio::net::TcpStream, mark: &str| {
        while !String::from_utf8_lossy(&seen).contains(mark) {
            let mut portion = [0; 4096];
            match socket.read(&mut portion).await.unwrap() {
                0 => return false,
                count => seen.extend_from_slice(&portion[..count]),
            }
        }
        true
    };
    if !read_until(&mut socket, "HTTP/1.1 100").await {
        return false;
    }
    socket.write_all(body.as_bytes()).await.unwrap();
    if !read_until(&mut socket, "\"chat.completion\"").await {
        return false;
    }
    socket.write_all(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    read_until(&mut socket, "\"object\":\"list\"").await
}
