//! `wassert serve`: a script for any client, driven by a raw socket and by the example agent.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, ChildStdout};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::harness::{Project, serving};

const TWO_STEPS: &str = "[[step]]\ntext = 'One.'\n[[step]]\ntext = 'Two.'\n";

/// A server on a script, and the first line it said.
pub struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub said: Value,
}

impl Serving {
    pub fn start(project: &Project, script: &str, more: &[&str]) -> Self {
        project.write("script.toml", script);
        let (child, stdout, said) =
            serving(&mut project.command(&[&["serve", "script.toml"], more].concat()));
        Self { child, stdout, said }
    }

    pub fn base_url(&self) -> &str {
        self.said["base_url"].as_str().unwrap()
    }

    /// What the model says to these items, over a connection of its own.
    pub fn ask(&self, input: &Value) -> String {
        let body = json!({ "model": "m", "stream": true, "input": input }).to_string();
        let mut stream =
            TcpStream::connect(("127.0.0.1", self.said["port"].as_u64().unwrap() as u16)).unwrap();
        write!(
            stream,
            "POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        // Until the last event, and not until the connection ends: it may be used again.
        let mut reader = BufReader::new(stream);
        let mut reply = String::new();
        while !reply.contains("event: response.completed") && !reply.starts_with("HTTP/1.1 4") {
            assert_ne!(reader.read_line(&mut reply).unwrap(), 0, "{reply}");
        }
        reply
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.child.id() as i32).unwrap(), signal).unwrap();
    }

    /// Exit code, what else was printed, and what was noted.
    pub fn end(mut self) -> (i32, String, String) {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        (self.child.wait().unwrap().code().unwrap_or(-1), stdout, stderr)
    }
}

/// What the server answers to these bytes, over a connection of its own that it closes.
pub fn raw(serving: &Serving, bytes: &str) -> String {
    let mut stream =
        TcpStream::connect(("127.0.0.1", serving.said["port"].as_u64().unwrap() as u16)).unwrap();
    stream.write_all(bytes.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub fn user(text: &str) -> Value {
    json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": text }] })
}

fn said(text: &str) -> Value {
    json!({ "type": "message", "role": "assistant", "content": [{ "type": "output_text", "text": text }] })
}

/// The only recording there is, of a script for this agent.
pub fn document(project: &Project, agent: &str) -> Value {
    let run = std::fs::read_dir(project.path().join(".wassert/runs")).unwrap().next().unwrap().unwrap();
    wassert::recording::open(&run.path().join(format!("script@{agent}"))).unwrap().document
}

#[test]
fn a_script_is_served_until_it_is_used_up_and_everything_is_recorded() {
    let project = Project::new();
    let serving = Serving::start(&project, TWO_STEPS, &[]);
    assert!(serving.base_url().ends_with("/v1"), "{}", serving.said);
    assert!(serving.ask(&json!([user("first")])).contains("One."));
    assert!(serving.ask(&json!([user("first"), said("One."), user("second")])).contains("Two."));
    let (code, stdout, stderr) = serving.end();
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(stderr.contains("script and traffic agreed: 2 requests"), "{stderr}");

    let document = document(&project, "example");
    assert_eq!(document["requests"][1]["body"]["input"][2], user("second"));
    assert_eq!(document["requests"][1]["step"], 2);
    assert_eq!((&document["turns"], &document["events"]), (&json!([]), &json!([])));
    assert_eq!(document["requests"][0]["headers"]["host"], json!(["x"]));
    assert_eq!(document["agent"]["profile"], "example");
}

#[test]
fn a_signal_ends_it_and_what_was_not_asked_for_is_told() {
    for signal in [Signal::INT, Signal::TERM] {
        let project = Project::new();
        let serving = Serving::start(&project, TWO_STEPS, &[]);
        assert!(serving.ask(&json!([user("first")])).contains("One."));
        serving.signal(signal);
        let (code, stdout, stderr) = serving.end();
        assert_eq!(code, 1, "{stdout}{stderr}");
        assert!(stdout.contains("step 2 of lane `main` was not used up"), "{stdout}");
        assert_eq!(document(&project, "example")["requests"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn what_a_step_expects_and_does_not_find_is_told() {
    let project = Project::new();
    let serving = Serving::start(&project, "[[step]]\ntext = 'One.'\nexpect = { offers = ['x'] }\n", &[]);
    serving.ask(&json!([user("first")]));
    let (code, stdout, stderr) = serving.end();
    assert_eq!(code, 1, "{stdout}{stderr}");
    assert!(stdout.contains("is not what the step expects"), "{stdout}");
}

#[test]
fn a_script_that_may_be_repeated_ends_with_a_signal_and_agrees() {
    let project = Project::new();
    let serving = Serving::start(&project, "[[step]]\ntext = 'Again.'\nrepeat = true\n", &[]);
    for who in ["a", "b", "c"] {
        assert!(serving.ask(&json!([user(who)])).contains("Again."));
    }
    serving.signal(Signal::TERM);
    let (code, stdout, stderr) = serving.end();
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    assert!(stderr.contains("3 requests"), "{stderr}");
}

#[test]
fn the_example_agent_works_on_a_served_script_over_both_transports() {
    for transport in ["http", "websocket"] {
        let project = Project::new();
        let script = "[[step]]\ncall = { id = 'make', tool = 'shell', input = { command = 'echo made > made.txt' } }\n\
                      [[step]]\ntext = 'Done.'\n";
        let serving = Serving::start(&project, script, &[]);
        let base_url = serving.base_url().to_owned();
        let agent = project
            .command(&["example-agent", "exec", "--json", "--base-url", &base_url, "--transport", transport])
            .args(["--", "go"])
            .env("EXAMPLE_AGENT_HOME", project.path().join("home"))
            .output()
            .unwrap();
        assert!(agent.status.success(), "{}", String::from_utf8_lossy(&agent.stderr));
        assert!(String::from_utf8_lossy(&agent.stdout).contains("Done."));
        let (code, stdout, stderr) = serving.end();
        assert_eq!(code, 0, "{transport}: {stdout}{stderr}");
        assert_eq!(std::fs::read_to_string(project.path().join("made.txt")).unwrap(), "made\n");
        assert_eq!(document(&project, "example")["requests"][1]["transport"], transport);
    }
}

#[test]
fn an_address_that_others_can_reach_is_warned_of() {
    let project = Project::new();
    let serving = Serving::start(&project, TWO_STEPS, &["--bind", "0.0.0.0"]);
    serving.signal(Signal::TERM);
    let (_, _, stderr) = serving.end();
    assert!(stderr.contains("warning: ") && stderr.contains("is not loopback"), "{stderr}");
}

#[test]
fn a_script_with_a_mistake_or_without_a_step_is_refused() {
    let project = Project::new();
    for (script, expected) in
        [("[[step]]\ntxt = 'x'\n", "txt"), ("tags = ['a']\n", "the script has no `[[step]]`")]
    {
        project.write("script.toml", script);
        let said = project.wassert(&["serve", "script.toml"]);
        assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{}", said.stderr);
        assert!(said.stderr.contains(expected), "{}", said.stderr);
    }
}

#[test]
fn a_reply_that_is_on_its_way_when_the_signal_comes_is_sent_to_its_end() {
    let project = Project::new();
    let script =
        "[[step]]\ntext = 'One.'\nwire = [{ after = 2, hold = { file = 'go' } }]\n[[step]]\ntext = 'Two.'\n";
    let serving = Serving::start(&project, script, &[]);
    let port = serving.said["port"].as_u64().unwrap() as u16;
    let body = json!({ "model": "m", "stream": true, "input": [user("first")] }).to_string();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "POST /v1/responses HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .unwrap();
    let mut reader = BufReader::new(stream);
    let mut reply = String::new();
    while !reply.contains("response.in_progress") {
        assert_ne!(reader.read_line(&mut reply).unwrap(), 0, "{reply}");
    }
    serving.signal(Signal::TERM);
    // It has heard the signal when nobody listens any more.
    while TcpStream::connect(("127.0.0.1", port)).is_ok() {
        std::thread::yield_now();
    }
    project.write("go", "");
    reader.read_to_string(&mut reply).unwrap();
    assert!(reply.contains("event: response.completed"), "{reply}");
    let (code, stdout, _) = serving.end();
    assert_eq!(code, 1, "{stdout}");
    assert!(stdout.contains("step 2 of lane `main` was not used up") && !stdout.contains("held"), "{stdout}");
}

#[test]
fn a_served_recording_reads_as_one() {
    let project = Project::new();
    let serving = Serving::start(&project, TWO_STEPS, &[]);
    serving.ask(&json!([user("first")]));
    serving.ask(&json!([user("first"), said("One."), user("second")]));
    assert_eq!(serving.end().0, 0);
    let run = std::fs::read_dir(project.path().join(".wassert/runs")).unwrap().next().unwrap().unwrap();
    let recording = run.path().join("script@example");
    let recording = recording.to_str().unwrap();
    let judged = project.wassert(&["judge", recording]);
    assert_eq!(judged.code, 0, "{}{}", judged.stdout, judged.stderr);
    assert!(
        judged.stdout.contains("1 scenarios: 1 passed") && judged.stdout.contains("1 verdicts: 1 passed"),
        "{}",
        judged.stdout
    );
    let shown = project.wassert(&["show", recording]);
    for told in [
        "script, served to whoever asked",
        "requests[0] main step 1",
        "model says Two.",
        "pass run/script-followed",
    ] {
        assert!(shown.stdout.contains(told), "{told}: {}", shown.stdout);
    }
    assert!(!shown.stdout.contains("turn"), "{}", shown.stdout);
}
