//! Replies that are rendered and read back.

use serde_json::json;

use super::*;
use crate::profile::{Stop, WireCall};
use crate::scenario::Usage;
use crate::server::part::Part;

fn call(id: &str, pieces: usize) -> Part {
    let arguments = json!({"id": "kept", "path": "a b", "deep": {"arguments": "{\"x\":1}"}});
    Part::Call { id: id.into(), wire: WireCall::Function { name: "write".into(), arguments }, pieces }
}

fn text(chunks: &[&str]) -> Part {
    Part::Text { chunks: chunks.iter().map(|chunk| (*chunk).to_owned()).collect() }
}

fn thought(signature: Option<&str>) -> Part {
    Part::Reasoning {
        chunks: vec!["why ".into(), "not".into()],
        signature: signature.map(str::to_owned),
        encrypted: None,
    }
}

fn head(stop: Stop, reports_usage: bool) -> Head<'static> {
    let usage = Some(Usage { input: 20, cached: 5, output: 7, reasoning: 0 });
    Head { id: "abc", stem: "main_3", model: "m", input_items: 2, reports_usage, usage, stop }
}

/// What a server sends for these parts.
fn sent(protocol: Protocol, head: &Head<'_>, parts: &[Part], streams: bool) -> Passed {
    let format = format_of(protocol);
    let body = match streams {
        true => format.stream(head, parts).iter().flat_map(|frame| frame.sse().to_vec()).collect(),
        false => format.whole(head, parts).to_string().into_bytes(),
    };
    Passed { status: 200, body, ..Passed::default() }
}

fn read(protocol: Protocol, passed: &Passed) -> Option<(Option<String>, Option<String>, usize, Manner)> {
    match neutral(protocol, passed)? {
        Reply::Items { reasoning, text, calls, manner } => Some((reasoning, text, calls.len(), manner)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_this_server_says_is_read_back_in_every_protocol() {
    for protocol in Protocol::ALL {
        let signature = protocol.has_signatures().then_some("mark");
        for streams in [true, false] {
            for (parts, calls) in [
                (vec![text(&["one ", "two", ""])], 0),
                (vec![call("c-1", 3)], 1),
                (vec![thought(signature), text(&["so"]), call("c-1", 1), call("c-2", 2)], 2),
            ] {
                let passed = sent(protocol, &head(Stop::End, true), &parts, streams);
                let shown = String::from_utf8_lossy(&passed.body).into_owned();
                let (reasoning, said, count, manner) =
                    read(protocol, &passed).unwrap_or_else(|| panic!("{protocol:?} {streams}: {shown}"));
                assert_eq!(count, calls);
                let had = |part: fn(&Part) -> bool| parts.iter().find(|found| part(found)).map(Part::whole);
                assert_eq!(said, had(|part| matches!(part, Part::Text { .. })));
                assert_eq!(reasoning, had(|part| matches!(part, Part::Reasoning { .. })));
                assert_eq!(manner.usage, head(Stop::End, true).usage, "{protocol:?}");
                let portions = if calls == 0 && streams { vec![4, 3, 0] } else { Vec::new() };
                assert_eq!(manner.text_portions, portions, "{protocol:?} {streams}");
                let has_thought = matches!(parts[0], Part::Reasoning { .. });
                assert_eq!(manner.signature.as_deref(), signature.filter(|_| has_thought), "{protocol:?}");
            }
        }
    }
}

#[test]
fn a_reply_that_was_cut_short_by_its_length_says_so() {
    for protocol in Protocol::ALL {
        let passed = sent(protocol, &head(Stop::Length, true), &[text(&["half"])], true);
        assert_eq!(read(protocol, &passed).unwrap().3.stop, Stop::Length, "{protocol:?}");
    }
}

#[test]
fn what_neutral_words_would_lose_is_not_put_into_them() {
    for protocol in Protocol::ALL {
        let good = sent(protocol, &head(Stop::End, true), &[text(&["one"])], true);
        let stream = String::from_utf8(good.body).unwrap();
        for (from, to) in [
            // A member that nobody knows, another order, another framing, another event.
            ("\"one\"", "\"one\",\"citations\":[{\"url\":\"x\"}]"),
            ("\n\n", "\r\n\r\n"),
            ("data: ", "data: {\"type\":\"new\",\"said\":1}\n\ndata: "),
            ("data: {", "data: {,"),
        ] {
            let body = stream.replace(from, to).into_bytes();
            let passed = Passed { status: 200, body, ..Passed::default() };
            assert_eq!(neutral(protocol, &passed), None, "{protocol:?}: {to}");
        }
        for (status, broken) in [(500, None), (200, Some("cut".to_owned()))] {
            let passed = Passed { status, broken, body: stream.clone().into_bytes(), ..Passed::default() };
            assert_eq!(neutral(protocol, &passed), None);
        }
    }
}

#[test]
fn what_real_endpoints_add_and_clients_pass_over_is_left_out() {
    let stream = concat!(
        ": processing\n\n",
        r#"data: {"id":"chatcmpl-9","object":"chat.completion.chunk","created":1760000000,"model":"gpt-x","service_tier":"default","system_fingerprint":null,"choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"obfuscation":"abc"}"#,
        "\n\n",
        r#"data: {"id":"chatcmpl-9","object":"chat.completion.chunk","created":1760000000,"model":"gpt-x","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}],"obfuscation":"a"}"#,
        "\n\n",
        r#"data: {"id":"chatcmpl-9","object":"chat.completion.chunk","created":1760000000,"model":"gpt-x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        "\n\ndata: [DONE]\n\n"
    );
    let passed = Passed { status: 200, body: stream.into(), ..Passed::default() };
    let (_, text, _, manner) = read(Protocol::Chat, &passed).unwrap();
    assert_eq!((text.as_deref(), manner), (Some("Hi"), Manner::default()));
}
