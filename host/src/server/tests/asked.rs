//! What is known of each protocol on the wire and is sent because a script asks for it: one row a fact, in the fact's
//! words, each seen by a client over a socket. What is sent anyway is in `facts`.

use serde_json::{Value, json};

use super::http::{Received, build, send};
use super::protocols::{data, frames, opening, target};
use super::websocket::{Client, create};
use super::*;
use crate::profile::Protocol::{self, Chat, Gemini, Messages, Responses};
use crate::scenario::{LoadContext, load};

/// A fact, whose it is, what a script asks for, and whether it is so.
type Row = (&'static str, Protocol, &'static str, fn(&Received) -> bool);

/// Every event type of a stream of the Responses protocol (openai-node, August 2026; codex at rust-v0.145.0).
const RESPONSE_EVENTS: [&str; 58] = [
    "response.created",
    "response.queued",
    "response.in_progress",
    "response.completed",
    "response.failed",
    "response.incomplete",
    "error",
    "response.output_item.added",
    "response.output_item.done",
    "response.content_part.added",
    "response.content_part.done",
    "response.output_text.delta",
    "response.output_text.done",
    "response.output_text.annotation.added",
    "response.refusal.delta",
    "response.refusal.done",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.custom_tool_call_input.delta",
    "response.custom_tool_call_input.done",
    "response.reasoning_summary_part.added",
    "response.reasoning_summary_part.done",
    "response.reasoning_summary_text.delta",
    "response.reasoning_summary_text.done",
    "response.reasoning_text.delta",
    "response.reasoning_text.done",
    "response.web_search_call.in_progress",
    "response.web_search_call.searching",
    "response.web_search_call.completed",
    "response.file_search_call.in_progress",
    "response.file_search_call.searching",
    "response.file_search_call.completed",
    "response.code_interpreter_call.in_progress",
    "response.code_interpreter_call.interpreting",
    "response.code_interpreter_call.completed",
    "response.code_interpreter_call_code.delta",
    "response.code_interpreter_call_code.done",
    "response.image_generation_call.in_progress",
    "response.image_generation_call.generating",
    "response.image_generation_call.partial_image",
    "response.image_generation_call.completed",
    "response.mcp_call.in_progress",
    "response.mcp_call.completed",
    "response.mcp_call.failed",
    "response.mcp_call_arguments.delta",
    "response.mcp_call_arguments.done",
    "response.mcp_list_tools.in_progress",
    "response.mcp_list_tools.completed",
    "response.mcp_list_tools.failed",
    "response.shell_call_command.added",
    "response.shell_call_command.delta",
    "response.shell_call_command.done",
    "response.shell_call_output_content.delta",
    "response.shell_call_output_content.done",
    "response.compaction.compacting",
    "response.metadata",
    "codex.rate_limits",
    "responsesapi.websocket_timing",
];

/// The kinds of output items that codex reads, as a script writes them.
const ITEMS: &str = r#"events = [
{ type = "response.output_item.done", item = { type = "local_shell_call", call_id = "l", status = "completed", action = { type = "exec", command = ["ls"] } } },
{ type = "response.output_item.done", item = { type = "tool_search_call", call_id = "t", execution = "client", arguments = {} } },
{ type = "response.output_item.done", item = { type = "web_search_call", status = "completed", action = { type = "search", query = "q" } } },
{ type = "response.output_item.done", item = { type = "image_generation_call", status = "completed", result = "aGk=" } },
{ type = "response.output_item.done", item = { type = "compaction", encrypted_content = "sealed" } },
{ type = "response.output_item.done", item = { type = "context_compaction" } },
{ type = "response.completed", response = { id = "resp_1" } },
]"#;

const ROWS: &[Row] = &[
    (
        "x-codex-primary-used-percent|-window-minutes|-reset-at, the same for secondary, x-codex-credits-…, x-codex-active-limit, \
         x-models-etag, openai-model, x-reasoning-included, x-codex-turn-state, x-request-id, cf-ray",
        Responses,
        "text = 'x'\nheaders = { x-codex-primary-used-percent = '12.5', x-codex-primary-window-minutes = '300', \
         x-codex-primary-reset-at = '1700000000', x-codex-secondary-used-percent = '3', x-codex-credits-has-credits = 'true', \
         x-codex-credits-unlimited = 'false', x-codex-credits-balance = '9', x-codex-active-limit = 'codex', x-models-etag = 'e', \
         openai-model = 'm', x-reasoning-included = 'true', x-codex-turn-state = 'sticky', x-request-id = 'r', cf-ray = 'c' }",
        |seen| {
            let named = [
                ("x-codex-primary-used-percent", "12.5"),
                ("x-codex-primary-window-minutes", "300"),
                ("x-codex-primary-reset-at", "1700000000"),
                ("x-codex-secondary-used-percent", "3"),
                ("x-codex-credits-has-credits", "true"),
                ("x-codex-credits-unlimited", "false"),
                ("x-codex-credits-balance", "9"),
                ("x-codex-active-limit", "codex"),
                ("x-models-etag", "e"),
                ("openai-model", "m"),
                ("x-reasoning-included", "true"),
                ("x-codex-turn-state", "sticky"),
                ("x-request-id", "r"),
                ("cf-ray", "c"),
            ];
            named.iter().all(|(name, value)| seen.headers[*name] == *value)
                && seen.status == 200
                && seen.whole
        },
    ),
    ("x-error-json", Responses, "fail = { status = 400, headers = { x-error-json = 'e30=' } }", |seen| {
        seen.headers["x-error-json"] == "e30="
    }),
    ("output item kinds, as they are written", Responses, ITEMS, |seen| {
        let kinds: Vec<String> =
            data(seen).iter().filter_map(|data| Some(data["item"]["type"].as_str()?.to_owned())).collect();
        kinds
            == [
                "local_shell_call",
                "tool_search_call",
                "web_search_call",
                "image_generation_call",
                "compaction",
                "context_compaction",
            ]
    }),
    (
        "429 with error.type=usage_limit_reached, plan_type, resets_at",
        Responses,
        r#"fail = { status = 429, wire = [{ frame = 1, raw = '{"error":{"type":"usage_limit_reached","plan_type":"plus","resets_at":1700000000}}' }] }"#,
        |seen| seen.status == 429 && seen.json()["error"]["plan_type"] == "plus",
    ),
    (
        "response.failed rate_limit_exceeded: the delay stands in the message text",
        Responses,
        "fail = { failed = 'rate_limit_exceeded', message = 'Please try again in 1.5s' }",
        |seen| data(seen).last().unwrap()["response"]["error"]["message"] == "Please try again in 1.5s",
    ),
    (
        "missing `response` in completed",
        Responses,
        "text = 'x'\nwire = [{ frame = -1, data = '{\"type\":\"response.completed\"}' }]",
        |seen| data(seen).last().unwrap() == &json!({"type": "response.completed"}),
    ),
    (
        "unknown `type`",
        Responses,
        "text = 'x'\nwire = [{ frame = 2, insert = '{\"type\":\"response.novel\"}', event = 'response.novel' }]",
        |seen| data(seen)[1]["type"] == "response.novel",
    ),
    ("two `completed`", Responses, "text = 'x'\nwire = [{ frame = -1, duplicate = true }]", |seen| {
        data(seen).iter().filter(|data| data["type"] == "response.completed").count() == 2
    }),
    (
        "bare `error` event over HTTP SSE",
        Responses,
        "events = [{ type = 'error', code = 'server_error', message = 'boom', param = '' }]",
        |seen| frames(seen)[0].0.as_deref() == Some("error"),
    ),
    (
        "`x-ratelimit-*` headers optional",
        Chat,
        "text = 'x'\nheaders = { x-ratelimit-remaining-requests = '0' }",
        |seen| seen.headers["x-ratelimit-remaining-requests"] == "0",
    ),
    ("retry-after-ms", Chat, "fail = { status = 429, headers = { retry-after-ms = '1500' } }", |seen| {
        seen.status == 429 && seen.headers["retry-after-ms"] == "1500"
    }),
    ("x-should-retry", Chat, "fail = { status = 409, headers = { x-should-retry = 'false' } }", |seen| {
        seen.status == 409 && seen.headers["x-should-retry"] == "false"
    }),
    ("missing [DONE]", Chat, "text = 'x'\nwire = [{ frame = -1, drop = true }]", |seen| {
        !String::from_utf8_lossy(&seen.bytes).contains("[DONE]") && seen.whole
    }),
    (
        "disconnect before finish_reason",
        Chat,
        "text = 'x'\nattempt = [{ fault = { wire = [{ frame = -3, end = 'fin' }] } }]",
        |seen| !seen.whole && !String::from_utf8_lossy(&seen.bytes).contains("\"stop\""),
    ),
    (
        "vendor `reasoning`",
        Chat,
        "events = [{ choices = [{ index = 0, delta = { reasoning = 'why' } }] }, \"data: [DONE]\\n\\n\"]",
        |seen| data(seen)[0]["choices"][0]["delta"]["reasoning"] == "why",
    ),
    (
        "`anthropic-ratelimit-*` headers, retry-after",
        Messages,
        "fail = { status = 429, retry-after-seconds = 2, headers = { anthropic-ratelimit-requests-remaining = '0' } }",
        |seen| {
            seen.headers["anthropic-ratelimit-requests-remaining"] == "0"
                && seen.headers["retry-after"] == "2"
        },
    ),
    ("`request-id` header", Messages, "text = 'x'", |seen| seen.headers.contains_key("request-id")),
    (
        "`ping` anywhere",
        Messages,
        "text = 'x'\nwire = [{ frame = 2, insert = '{\"type\":\"ping\"}', event = 'ping' }]",
        |seen| frames(seen)[1] == (Some("ping".to_owned()), "{\"type\":\"ping\"}".to_owned()),
    ),
    (
        "citations_delta",
        Messages,
        "events = [{ type = 'content_block_delta', index = 0, delta = { type = 'citations_delta', citation = {} } }]",
        |seen| frames(seen)[0].0.as_deref() == Some("content_block_delta"),
    ),
    (
        "EOF before message_stop",
        Messages,
        "text = 'x'\nattempt = [{ fault = { wire = [{ frame = -1, drop = true }] } }]",
        |seen| seen.whole && data(seen).last().unwrap()["type"] == "message_delta",
    ),
    (
        "zero events",
        Messages,
        "text = 'x'\nattempt = [{ fault = { wire = [{ frame = 1, end = 'clean' }] } }]",
        |seen| seen.status == 200 && seen.whole && seen.bytes.is_empty(),
    ),
    (
        "order violations",
        Messages,
        "text = 'x'\nattempt = [{ fault = { wire = [{ frame = 1, move-after = 3 }] } }]",
        |seen| data(seen)[0]["type"] == "content_block_start",
    ),
    ("529 overloaded_error", Messages, "fail = { status = 529 }", |seen| {
        seen.status == 529 && seen.json()["error"]["type"] == "overloaded_error"
    }),
    (
        "promptFeedback.blockReason",
        Gemini,
        "events = [{ promptFeedback = { blockReason = 'SAFETY' } }]",
        |seen| data(seen)[0]["promptFeedback"]["blockReason"] == "SAFETY",
    ),
    (
        "QuotaFailure with a PerDay id",
        Gemini,
        r#"fail = { status = 429, wire = [{ frame = 1, raw = '{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"RequestsPerDay"}]}]}}' }] }"#,
        |seen| seen.json()["error"]["details"][0]["violations"][0]["quotaId"] == "RequestsPerDay",
    ),
    (
        "text \"Please retry in Xs\"",
        Gemini,
        "fail = { status = 429, message = 'Please retry in 2.5s' }",
        |seen| seen.json()["error"]["message"] == "Please retry in 2.5s",
    ),
    ("thoughtsTokenCount", Gemini, "text = 'x'\nusage = { input = 1, output = 2, reasoning = 7 }", |seen| {
        data(seen).last().unwrap()["usageMetadata"]["thoughtsTokenCount"] == 7
    }),
    (
        "EOF without finishReason",
        Gemini,
        "text = ['a', 'b']\nattempt = [{ fault = { wire = [{ frame = -1, drop = true }] } }]",
        |seen| {
            seen.whole && data(seen).iter().all(|data| data["candidates"][0].get("finishReason").is_none())
        },
    ),
    (
        "EOF with leftover bytes",
        Gemini,
        "text = 'x'\nattempt = [{ fault = { wire = [{ frame = -1, byte = -9, end = 'clean' }] } }]",
        |seen| seen.whole && !seen.bytes.ends_with(b"\n\n"),
    ),
    (
        "frames with other prefixes",
        Gemini,
        "text = 'x'\nwire = [{ frame = 1, comment = 'keep-alive' }]",
        |seen| seen.bytes.starts_with(b": keep-alive\n\ndata: "),
    ),
];

/// The steps of a script for this protocol.
fn scripted(protocol: Protocol, lines: &str) -> Vec<Step> {
    let text = format!(
        "summary = 's'\nagents = ['example']\n[agent.example]\nprotocol = '{}'\n[[turn]]\nprompt = 'go'\n[[step]]\n{lines}\n\
         [[assert]]\nuse = 'std/exit'\n",
        protocol.word()
    );
    let context = LoadContext { file_exists: &|_| true, folder_exists: &|_| true, agents: &[] };
    let loaded = load("s".into(), "s.toml".into(), text.as_bytes(), &context);
    loaded.scenario.unwrap_or_else(|| panic!("{text}\n{:#?}", loaded.diagnostics)).steps
}

async fn received(protocol: Protocol, lines: &str) -> Received {
    let server = start(scripted(protocol, lines)).await;
    let body = opening(protocol, true).to_string().into_bytes();
    let received = send(&server, build("POST", target(protocol, true), &[], body)).await;
    assert_eq!(server.finish().await.script.unexpected, [], "{lines}");
    received
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_script_asks_for_is_what_a_client_sees() {
    let mut running = tokio::task::JoinSet::new();
    for &(fact, protocol, lines, holds) in ROWS {
        running.spawn(async move {
            let seen = received(protocol, lines).await;
            let holds =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| holds(&seen))).unwrap_or(false);
            (!holds).then(|| format!("{protocol:?}: {fact}: {}", String::from_utf8_lossy(&seen.bytes)))
        });
    }
    let wrong: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "not so: {wrong:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_of_responses_can_be_written_out() {
    let events =
        RESPONSE_EVENTS.map(|name| format!("{{ type = '{name}', sequence_number = 0 }}")).join(",\n");
    let seen = received(Responses, &format!("events = [\n{events}\n]")).await;
    let names: Vec<Option<String>> = frames(&seen).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, RESPONSE_EVENTS.map(|name| Some(name.to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_carries_what_is_written_out_and_every_error_code() {
    let lines = "events = [{ type = 'codex.rate_limits' }, { type = 'responsesapi.websocket_timing' }, \
                 { type = 'response.completed', response = { id = 'resp_1' } }]\n\
                 attempt = [{ fault = { status = 400, code = 'websocket_connection_limit_reached' } }]";
    let server = start(scripted(Responses, lines)).await;
    let mut client = Client::connect(&server).await;
    let refused = client.ask(&create(None, &[user("go")])).await;
    assert_eq!(refused[0]["error"]["code"], "websocket_connection_limit_reached");
    let events = client.ask(&create(None, &[user("go")])).await;
    assert_eq!(types(&events), ["codex.rate_limits", "responsesapi.websocket_timing", "response.completed"]);
    server.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_compacted_and_goes_on() {
    let compaction = Step { lane: "compaction".into(), ..step(1, vec![overloaded()], Some("in short"), &[]) };
    let server =
        start(vec![step(1, vec![], None, &["a"]), step(2, vec![], Some("done"), &[]), compaction]).await;
    let post = async |path: &str, input: &[Value]| {
        let body = json!({"model": "m", "stream": path == "/v1/responses", "input": input});
        send(&server, build("POST", path, &[], body.to_string().into_bytes())).await
    };
    let history = [vec![user("go")], output(&post("/v1/responses", &[user("go")]).await.events())].concat();
    let history = [history, vec![result("a", "x")]].concat();
    assert_eq!(post("/v1/responses/compact", &history).await.status, 503);
    let compacted = post("/v1/responses/compact", &history).await;
    // `{"output":[items…]}`, the last of which is one `compaction` item.
    let output = compacted.json()["output"].as_array().unwrap().clone();
    let [item] = &output[..] else { panic!("{output:?}") };
    assert_eq!((&item["type"], &item["encrypted_content"]), (&json!("compaction"), &json!("in short")));
    let done = post("/v1/responses", &[item.clone(), user("go")]).await;
    assert_eq!(types(&done.events()).last(), Some(&"response.completed"));
    let traffic = server.finish().await;
    assert_eq!(
        places(&traffic),
        [("main", 1, 1, 1), ("main", 1, 2, 1), ("compaction", 1, 1, 1), ("compaction", 1, 1, 2)]
    );
    assert_eq!((traffic.script.unmatched.len(), traffic.script.unused.len()), (0, 0));
    let codes: Vec<&str> =
        traffic.requests[1].violations.iter().map(|violation| violation.code.as_str()).collect();
    assert!(!codes.contains(&"signature-changed"), "{codes:?}");
}
