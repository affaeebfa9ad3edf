//! Lines of every agent, shortened from what the versions named in the profiles printed, beside what they mean. The
//! last rows of each are shapes that must not be mistaken for anything known.

use super::by_name;
use crate::document::Terminal;

/// Agent, line, and `type kind/phase call | command | output | exit | paths | text`, what is absent left out.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "claude",
        r#"{"type":"system","subtype":"init","cwd":"/w","session_id":"5a4a","tools":["Bash"],"uuid":"6984"}"#,
        "system/init session/instant session=5a4a",
    ),
    (
        "claude",
        r#"{"type":"system","subtype":"api_retry","attempt":1,"max_retries":1,"retry_delay_ms":622.7,"error_status":500,"error":"server_error"}"#,
        "system/api_retry retry/instant text=server_error",
    ),
    (
        "claude",
        r#"{"type":"system","subtype":"thinking_tokens","estimated_tokens":3}"#,
        "system/thinking_tokens progress/instant",
    ),
    (
        "claude",
        r#"{"type":"assistant","message":{"model":"m","content":[{"type":"thinking","thinking":"think first"}]}}"#,
        "assistant/thinking reasoning/completed text=think first",
    ),
    (
        "claude",
        r#"{"type":"assistant","message":{"model":"m","content":[{"type":"text","text":"I will."}]},"session_id":"s"}"#,
        "assistant/text message/completed text=I will.",
    ),
    (
        "claude",
        r#"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"edit","name":"Bash","input":{"command":"ls"}}]}}"#,
        "assistant/tool_use command/started call=edit tool=Bash command=ls",
    ),
    (
        "claude",
        r#"{"type":"assistant","message":{"content":[{"type":"tool_use","id":"wr","name":"Write","input":{"file_path":"/w/new.txt"}}]}}"#,
        "assistant/tool_use file-change/started call=wr tool=Write paths=/w/new.txt",
    ),
    (
        "claude",
        r#"{"type":"user","message":{"content":[{"type":"tool_result","content":"Exit code 3\nedited","is_error":true,"tool_use_id":"edit"}]},"tool_use_result":"Error: Exit code 3\nedited"}"#,
        "user/tool_result tool/failed call=edit output=Exit code 3\nedited exit=3",
    ),
    (
        "claude",
        r#"{"type":"user","message":{"content":[{"tool_use_id":"a","type":"tool_result","content":"A","is_error":false}]},"tool_use_result":{"stdout":"A","stderr":"","interrupted":false}}"#,
        "user/tool_result tool/completed call=a output=A exit=0",
    ),
    (
        "claude",
        r#"{"type":"assistant","message":{"model":"<synthetic>","content":[{"type":"text","text":"API Error: 400"}]},"error":"invalid_request"}"#,
        "assistant/text error/instant text=API Error: 400",
    ),
    (
        "claude",
        r#"{"type":"result","subtype":"success","is_error":false,"result":"done now","session_id":"s","total_cost_usd":0.000198,"usage":{"input_tokens":21,"output_tokens":9}}"#,
        "result/success turn/completed text=done now session=s ends=completed usage=21+9 cost=198 Turn",
    ),
    (
        "claude",
        r#"{"type":"result","subtype":"success","is_error":true,"api_error_status":400,"result":"API Error: 400"}"#,
        "result/success turn/failed text=API Error: 400 ends=failed",
    ),
    (
        "claude",
        r#"{"type":"result","subtype":"error_during_execution","is_error":false}"#,
        "result/error_during_execution turn/failed ends=failed",
    ),
    (
        "claude",
        r#"{"type":"result","subtype":"success","is_error":false,"result":{"a":1}}"#,
        r#"result/success turn/completed text={"a":1} ends=completed"#,
    ),
    ("claude", r#"{"type":"stream_event","event":{}}"#, "stream_event progress/instant"),
    ("claude", r#"{"type":"system","subtype":"brand_new"}"#, "system/brand_new other/instant"),
    ("claude", r#"{"type":"assistant","message":{"content":[]}}"#, "assistant/ other/instant"),
    (
        "gemini",
        r#"{"type":"init","timestamp":"t","session_id":"51dd","model":"gemini-2.5-flash"}"#,
        "init session/instant session=51dd",
    ),
    (
        "gemini",
        r#"{"type":"message","timestamp":"t","role":"user","content":"Remember"}"#,
        "message/user progress/instant",
    ),
    (
        "gemini",
        r#"{"type":"message","timestamp":"t","role":"assistant","content":"I w","delta":true}"#,
        "message/assistant message/updated text=I w part",
    ),
    (
        "gemini",
        r#"{"type":"tool_use","tool_name":"run_shell_command","tool_id":"run_shell_command__edit","parameters":{"command":"ls"}}"#,
        "tool_use command/started call=edit tool=run_shell_command command=ls",
    ),
    (
        "gemini",
        r#"{"type":"tool_use","tool_name":"nothing","tool_id":"nothing_1795260364142_0","parameters":{}}"#,
        "tool_use tool/started call=nothing_1795260364142_0 tool=nothing",
    ),
    (
        "gemini",
        r#"{"type":"tool_result","tool_id":"run_shell_command__edit","status":"success","output":"edited"}"#,
        "tool_result tool/completed call=edit output=edited",
    ),
    (
        "gemini",
        r#"{"type":"tool_result","tool_id":"nothing__unk","status":"error","error":{"type":"tool_not_registered","message":"Tool \"nothing\" not found."}}"#,
        r#"tool_result tool/failed call=unk output=Tool "nothing" not found."#,
    ),
    (
        "gemini",
        r#"{"type":"error","severity":"warning","message":"Loop detected"}"#,
        "error warning/instant text=Loop detected",
    ),
    ("gemini", r#"{"type":"error","severity":"error","message":"m"}"#, "error error/instant text=m"),
    (
        "gemini",
        r#"{"type":"result","status":"success","stats":{"total_tokens":30,"input_tokens":21,"output_tokens":9}}"#,
        "result turn/completed ends=completed usage=21+9 Turn",
    ),
    (
        "gemini",
        r#"{"type":"result","status":"error","error":{"type":"unknown","message":"[API Error]"},"stats":{"input_tokens":0,"output_tokens":0}}"#,
        "result turn/failed text=[API Error] ends=failed usage=0+0 Turn",
    ),
    ("gemini", r#"{"type":"thought","content":"x"}"#, "thought other/instant"),
    (
        "opencode",
        r#"{"type":"step_start","timestamp":1,"sessionID":"ses_e","part":{"type":"step-start"}}"#,
        "step_start progress/instant session=ses_e reopens repeats",
    ),
    (
        "opencode",
        r#"{"type":"text","sessionID":"s","part":{"type":"text","text":"done now"}}"#,
        "text message/completed text=done now session=s",
    ),
    (
        "opencode",
        r#"{"type":"reasoning","sessionID":"s","part":{"type":"reasoning","text":"think first"}}"#,
        "reasoning reasoning/completed text=think first session=s",
    ),
    (
        "opencode",
        r#"{"type":"tool_use","sessionID":"s","part":{"tool":"bash","callID":"edit","state":{"status":"completed","input":{"command":"x; exit 3"},"output":"edited\n","metadata":{"exit":3}}}}"#,
        "tool_use command/completed call=edit tool=bash command=x; exit 3 output=edited\n exit=3 session=s",
    ),
    (
        "opencode",
        r#"{"type":"tool_use","sessionID":"s","part":{"tool":"write","callID":"w","state":{"status":"error","input":{"filePath":"/etc/x"},"error":"rejected"}}}"#,
        "tool_use file-change/failed call=w tool=write output=rejected paths=/etc/x session=s",
    ),
    (
        "opencode",
        r#"{"type":"step_finish","sessionID":"s","part":{"reason":"tool-calls","tokens":{"input":7,"output":3},"cost":0}}"#,
        "step_finish usage/instant session=s usage=7+3 cost=0 Step",
    ),
    (
        "opencode",
        r#"{"type":"step_finish","sessionID":"s","part":{"reason":"stop","tokens":{"input":7,"output":3},"cost":0.01}}"#,
        "step_finish turn/completed session=s ends=completed usage=7+3 cost=10000 Step",
    ),
    (
        "opencode",
        r#"{"type":"step_finish","sessionID":"s","part":{"reason":"unknown","tokens":{"input":0}}}"#,
        "step_finish usage/instant session=s",
    ),
    (
        "opencode",
        r#"{"type":"error","sessionID":"s","error":{"name":"APIError","data":{"message":"scripted 400","statusCode":400}}}"#,
        "error error/instant text=scripted 400 session=s ends=failed",
    ),
    ("opencode", r#"{"type":"permission","sessionID":"s"}"#, "permission other/instant session=s"),
    (
        "pi",
        r#"{"type":"session","version":3,"id":"01a1","timestamp":"t","cwd":"/w"}"#,
        "session session/instant session=01a1",
    ),
    ("pi", r#"{"type":"agent_start"}"#, "agent_start turn/started reopens"),
    ("pi", r#"{"type":"message_update","message":{}}"#, "message_update progress/instant racy"),
    (
        "pi",
        r#"{"type":"tool_execution_update","toolCallId":"e"}"#,
        "tool_execution_update progress/instant racy",
    ),
    (
        "pi",
        r#"{"type":"message_end","message":{"role":"user","content":[{"type":"text","text":"hi"}]}}"#,
        "message_end/user progress/instant",
    ),
    (
        "pi",
        r#"{"type":"message_end","message":{"role":"assistant","content":[{"type":"thinking","thinking":"t"},{"type":"text","text":"I will."}],"usage":{"input":7,"output":3,"cost":{"total":0.002}},"stopReason":"toolUse"}}"#,
        "message_end/assistant message/completed text=I will. usage=7+3 cost=2000 Step",
    ),
    (
        "pi",
        r#"{"type":"message_end","message":{"role":"assistant","content":[],"stopReason":"error","errorMessage":"400 scripted"}}"#,
        "message_end/assistant error/instant text=400 scripted",
    ),
    (
        "pi",
        r#"{"type":"tool_execution_start","toolCallId":"edit","toolName":"bash","args":{"command":"ls"}}"#,
        "tool_execution_start command/started call=edit tool=bash command=ls",
    ),
    (
        "pi",
        r#"{"type":"tool_execution_end","toolCallId":"edit","toolName":"bash","result":{"content":[{"type":"text","text":"edited\n\n\nCommand exited with code 3"}]},"isError":true}"#,
        "tool_execution_end command/failed call=edit tool=bash output=edited\n\n\nCommand exited with code 3 exit=3",
    ),
    (
        "pi",
        r#"{"type":"tool_execution_end","toolCallId":"unk","toolName":"nothing","result":{"content":[{"type":"text","text":"Tool nothing not found"}]},"isError":true}"#,
        "tool_execution_end tool/failed call=unk tool=nothing output=Tool nothing not found",
    ),
    (
        "pi",
        r#"{"type":"auto_retry_start","attempt":1,"maxAttempts":1,"delayMs":100,"errorMessage":"500 scripted"}"#,
        "auto_retry_start retry/started text=500 scripted reopens",
    ),
    ("pi", r#"{"type":"auto_retry_end","success":true,"attempt":1}"#, "auto_retry_end retry/completed"),
    (
        "pi",
        r#"{"type":"agent_end","messages":[{"role":"user"},{"role":"assistant","content":[],"stopReason":"stop"}]}"#,
        "agent_end turn/completed ends=completed",
    ),
    (
        "pi",
        r#"{"type":"agent_end","messages":[{"role":"assistant","stopReason":"error","errorMessage":"400"},{"role":"toolResult"}]}"#,
        "agent_end turn/failed text=400 ends=failed",
    ),
    ("pi", r#"{"type":"agent_end","messages":[]}"#, "agent_end turn/failed ends=failed"),
    ("pi", r#"{"type":"queue_update"}"#, "queue_update other/instant"),
    (
        "codex",
        r#"{"id":"0","msg":{"type":"session_configured","session_id":"s1","model":"m"}}"#,
        "msg/session_configured session/instant session=s1",
    ),
    (
        "codex",
        r#"{"id":"0","msg":{"type":"agent_message","message":"hi"}}"#,
        "msg/agent_message message/completed text=hi",
    ),
    (
        "codex",
        r#"{"id":"0","msg":{"type":"exec_command_begin","call_id":"c","command":["bash","-lc","ls"],"cwd":"/w"}}"#,
        "msg/exec_command_begin command/started call=c command=bash -lc ls",
    ),
    (
        "codex",
        r#"{"id":"0","msg":{"type":"exec_command_end","call_id":"c","stdout":"a\n","exit_code":3}}"#,
        "msg/exec_command_end command/failed call=c output=a\n exit=3",
    ),
    (
        "codex",
        r#"{"id":"0","msg":{"type":"token_count","info":{"total_token_usage":{"input_tokens":9,"output_tokens":2}}}}"#,
        "msg/token_count usage/instant usage=9+2 Session",
    ),
    (
        "codex",
        r#"{"id":"0","msg":{"type":"token_count","input_tokens":4,"output_tokens":1}}"#,
        "msg/token_count usage/instant usage=4+1 Session",
    ),
    (
        "codex",
        r#"{"id":"0","msg":{"type":"task_complete","last_agent_message":"hi"}}"#,
        "msg/task_complete turn/completed text=hi ends=completed",
    ),
    (
        "codex",
        r#"{"id":"0","msg":{"type":"stream_error","message":"again"}}"#,
        "msg/stream_error retry/instant text=again",
    ),
    (
        "codex",
        r#"{"id":"0","msg":{"type":"error","message":"no"}}"#,
        "msg/error error/instant text=no ends=failed",
    ),
    ("codex", r#"{"id":"0","msg":{"type":"odd"}}"#, "msg/odd other/instant"),
    ("codex", r#"{"id":"0","msg":7}"#, "msg/ other/instant"),
];

fn told(agent: &str, line: &str) -> String {
    let read = by_name(agent).unwrap().read_line(line);
    let event = &read.event;
    let mut told = format!("{} {}/{}", event.type_name, word(event.kind), word(event.phase));
    let mut say = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            told.push_str(&format!(" {name}={value}"));
        }
    };
    say("call", event.call.clone());
    say("tool", event.tool.clone());
    say("command", event.command.clone());
    say("output", event.output.clone());
    say("exit", event.exit.map(|code| code.to_string()));
    say("paths", (!event.paths.is_empty()).then(|| event.paths.join(",")));
    say("text", event.text.clone());
    say("session", read.session.clone());
    say(
        "ends",
        read.terminal.map(|terminal| match terminal {
            Terminal::Completed => "completed".to_owned(),
            Terminal::Failed => "failed".to_owned(),
        }),
    );
    if let Some(usage) = read.usage {
        say("usage", Some(format!("{}+{}", usage.input_tokens, usage.output_tokens)));
        say("cost", usage.cost_microdollars.map(|cost| cost.to_string()));
        told.push_str(&format!(" {:?}", usage.scope));
    }
    for (is, word) in [
        (read.is_part, " part"),
        (read.reopens, " reopens"),
        (read.may_repeat, " repeats"),
        (read.is_racy, " racy"),
    ] {
        if is {
            told.push_str(word);
        }
    }
    told
}

/// The word of a value in the document.
fn word(value: impl serde::Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

#[test]
fn every_line_means_what_the_table_says() {
    for (agent, line, expected) in TABLE {
        assert_eq!(told(agent, line), *expected, "{agent}: {line}");
    }
}

#[test]
fn what_is_no_object_is_kept_as_text_by_every_agent() {
    // `command` prints no events.
    for agent in super::NAMES.into_iter().filter(|name| *name != "command") {
        for line in ["", "plain", "[1]", "7", "{\"type\":", "null", "\u{1b}[31mred"] {
            let event = by_name(agent).unwrap().read_line(line).event;
            assert_eq!(event.raw, serde_json::Value::String(line.to_owned()), "{agent}: {line}");
            assert_eq!(event.kind, crate::document::EventKind::Text, "{agent}: {line}");
        }
        for line in ["{}", r#"{"type":7}"#, r#"{"type":"never.seen"}"#] {
            let event = by_name(agent).unwrap().read_line(line).event;
            assert_eq!(event.kind, crate::document::EventKind::Other, "{agent}: {line}");
        }
    }
}
