//! What comes of a stream that is not as it should be, for the vocabulary of each agent: a line that is no JSON, an
//! error event, and a last line that was cut. The lines are shortened from what the real agents print; a stand-in
//! prints them.

use serde_json::Value;
use wassert::value::Digest;

use crate::stand_ins::{LEVELS, Ran, run};

/// How an agent begins, says that its turn is complete, and says that it failed.
struct Vocabulary {
    agent: &'static str,
    begin: &'static str,
    end: &'static str,
    error: &'static [&'static str],
    /// What the outcome's category was read from: a field of an event, or its text.
    evidence: &'static str,
}

const VOCABULARIES: [Vocabulary; 6] = [
    Vocabulary {
        agent: "codex",
        begin: r#"{"type":"thread.started","thread_id":"t-1"}"#,
        end: r#"{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}"#,
        error: &[
            r#"{"type":"error","message":"unexpected status 401 Unauthorized: no key"}"#,
            r#"{"type":"turn.failed","error":{"message":"unexpected status 401 Unauthorized: no key"}}"#,
        ],
        evidence: "event-text",
    },
    Vocabulary {
        agent: "claude",
        begin: r#"{"type":"system","subtype":"init","session_id":"5a4a"}"#,
        end: r#"{"type":"result","subtype":"success","is_error":false,"result":"done"}"#,
        error: &[
            r#"{"type":"assistant","message":{"model":"<synthetic>","content":[{"type":"text","text":"API Error: 401 no key"}]},"error":"authentication_failed"}"#,
            r#"{"type":"result","subtype":"success","is_error":true,"api_error_status":401,"result":"API Error: 401 no key"}"#,
        ],
        evidence: "event-field",
    },
    Vocabulary {
        agent: "gemini",
        begin: r#"{"type":"init","session_id":"51dd","model":"gemini-2.5-flash"}"#,
        end: r#"{"type":"result","status":"success","stats":{"input_tokens":1,"output_tokens":1}}"#,
        error: &[
            r#"{"type":"result","status":"error","error":{"type":"unknown","message":"[API Error: {\"error\":{\"code\":401,\"message\":\"no key\",\"status\":\"UNAUTHENTICATED\"}}]"}}"#,
        ],
        evidence: "event-text",
    },
    Vocabulary {
        agent: "opencode",
        begin: r#"{"type":"step_start","timestamp":1,"sessionID":"ses_e","part":{"type":"step-start"}}"#,
        end: r#"{"type":"step_finish","part":{"reason":"stop","tokens":{"input":1,"output":1}}}"#,
        error: &[
            r#"{"type":"error","sessionID":"ses_e","error":{"name":"APIError","data":{"message":"no key","statusCode":401}}}"#,
        ],
        evidence: "event-field",
    },
    Vocabulary {
        agent: "pi",
        begin: r#"{"type":"session","version":3,"id":"01a1","cwd":"/w"}"#,
        end: r#"{"type":"agent_end","messages":[{"role":"assistant","content":[],"stopReason":"stop"}]}"#,
        error: &[
            r#"{"type":"message_end","message":{"role":"assistant","content":[],"stopReason":"error","errorMessage":"401 no key"}}"#,
            r#"{"type":"agent_end","messages":[{"role":"assistant","stopReason":"error","errorMessage":"401 no key"}]}"#,
        ],
        evidence: "event-text",
    },
    Vocabulary {
        agent: "example",
        begin: r#"{"type":"thread.started","thread_id":"t-1"}"#,
        end: r#"{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":1}}"#,
        error: &[
            r#"{"type":"turn.failed","error":{"message":"unexpected status 401 Unauthorized: no key"}}"#,
        ],
        evidence: "event-text",
    },
];

/// Lets a stand-in print this in an agent's place.
fn print(agent: &str, text: &str, code: i32) -> Ran {
    let keys = format!("extends = \"{agent}\"\nenv = {{ CODE = \"{code}\", LINES = '''\n{text}''' }}");
    run("prints-lines.sh", "group", "", "", &keys)
}

/// The kind of each event, and the line itself where it was not read.
fn kinds(ran: &Ran) -> Vec<(&str, Option<&str>)> {
    let events = ran.document["events"].as_array().unwrap();
    events.iter().map(|event| (event["kind"].as_str().unwrap(), event["raw"].as_str())).collect()
}

fn turn(ran: &Ran) -> &Value {
    &ran.document["turns"][0]
}

#[test]
fn a_line_that_is_no_json_is_kept_and_read_past() {
    for Vocabulary { agent, begin, end, .. } in VOCABULARIES {
        let malformed = [r#"{"type":"broken"#, "}{", r#"{"type":"error",}"#, "Loaded cached credentials."];
        let ran = print(agent, &format!("{begin}\n{}\n{end}\n", malformed.join("\n")), 0);
        let kept: Vec<_> = kinds(&ran).into_iter().filter(|(kind, _)| *kind == "text").collect();
        assert_eq!(kept, malformed.map(|line| ("text", Some(line))), "{agent}");
        assert_eq!(turn(&ran)["terminal"], "completed", "{agent}");
        assert_eq!(turn(&ran)["outcome"]["kind"], "completed", "{agent}");
    }
}

#[test]
fn an_error_event_makes_a_failed_turn_whatever_the_exit_code_is() {
    for Vocabulary { agent, begin, error, evidence, .. } in VOCABULARIES {
        for code in [0, 1] {
            let ran = print(agent, &format!("{begin}\n{}\n", error.join("\n")), code);
            let outcome = &turn(&ran)["outcome"];
            assert_eq!(turn(&ran)["terminal"], "failed", "{agent} {code}: {outcome}");
            assert_eq!(
                (&outcome["kind"], &outcome["category"], &outcome["evidence"]["source"]),
                (&"failed".into(), &"auth-or-proxy".into(), &evidence.into()),
                "{agent} {code}: {outcome} {:?}",
                kinds(&ran)
            );
        }
    }
}

#[test]
fn a_last_line_that_was_cut_is_kept_and_ends_no_turn() {
    for Vocabulary { agent, begin, end, .. } in VOCABULARIES {
        let cut = &end[..end.len() - 5];
        let ran = print(agent, &format!("{begin}\n{cut}"), 0);
        assert_eq!(kinds(&ran).last(), Some(&("text", Some(cut))), "{agent}");
        assert_eq!(turn(&ran)["terminal"], Value::Null, "{agent}");
        assert_eq!(turn(&ran)["outcome"]["kind"], "incomplete", "{agent}");
        let ran = print(agent, &format!("{begin}\n{end}"), 0);
        assert_eq!(
            turn(&ran)["outcome"]["kind"],
            "completed",
            "{agent}: only the end of the line is missing"
        );
    }
}

/// What `prints-no-utf8.sh` prints.
const PRINTED: &[u8] = b"{\"type\":\"thread.started\",\"thread_id\":\"t\"}\n\xff\xfe alone\n\
    {\"type\":\"item.completed\",\"item\":{\"id\":\"i\",\"type\":\"agent_message\",\"text\":\"caf\xe9 \xc3\"}}\n\
    {\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":1,\"output_tokens\":1}}\ncut \xe2\x82";

#[test]
fn bytes_that_are_no_utf8_are_shown_as_such_and_kept_as_they_are() {
    for level in LEVELS {
        let ran = run("prints-no-utf8.sh", level, "", "", "");
        let texts: Vec<_> =
            ran.document["events"].as_array().unwrap().iter().map(|event| &event["raw"]).collect();
        assert_eq!(texts[1], "\u{fffd}\u{fffd} alone", "{level}");
        assert_eq!(texts.last().unwrap(), &"cut \u{fffd}", "{level}");
        assert_eq!(turn(&ran)["final_message"], "caf\u{fffd} \u{fffd}", "{level}");
        assert_eq!(turn(&ran)["terminal"], "completed", "{level}");
        // What is no text is no text in the document: it is a blob, and the raw capture has every byte.
        for (stream, bytes) in [("stdout", PRINTED), ("stderr", b"warning: \x80\n")] {
            assert!(ran.document[stream][0].get("text").is_none_or(Value::is_null), "{level}");
            let raw = &ran.document["raw"][format!("{stream}-1")];
            assert_eq!(raw["bytes"], bytes.len(), "{level}");
            assert_eq!(raw["sha256"], Digest::of(bytes).to_string(), "{level} {stream}");
        }
    }
}
