//! An agent of the user's own: what `[agent.NAME]` of `wassert.toml` says replaces what the agent it extends would do.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{
    KeyPlace, Known, Launch, Line, NAMES, Profile, Program, Protocol, Retries, Transport, TurnLaunch,
    WireCall, by_name,
};
use crate::document::{Place, PlaceSection, ToolFacts};

/// What it extends when it says nothing.
const PLAIN: &str = "command";

/// `[agent.NAME]` of `wassert.toml`. In `args`, `resume-args` and `env`, `{base_url}`, `{prompt}`, `{session}`,
/// `{workspace}` and `{home}` are replaced; a prompt that stands in no argument is piped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AgentSettings {
    /// The agent it is like; one of that name where there is one, else `command`.
    extends: Option<String>,
    /// A path below the project's root, an absolute one, or a name on PATH.
    program: Option<String>,
    /// The command that builds the program, told when it is missing.
    build_hint: Option<String>,
    /// All arguments of a turn; absent: those of the agent it extends.
    args: Option<Vec<String>>,
    /// The same of a turn that resumes; absent: `args`.
    resume_args: Option<Vec<String>>,
    /// Variables added.
    env: BTreeMap<String, String>,
    /// The protocol it speaks.
    protocol: Option<String>,
    /// The agent whose vocabulary it prints, or `text`.
    events: Option<String>,
    /// The exit code that says it can't run here, for one that ends by its exit code.
    skip_exit: Option<i32>,
    /// Where values stand that differ from run to run, beside those of the agent it extends.
    volatile: Vec<VolatileSetting>,
}

/// An entry of `volatile`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct VolatileSetting {
    section: String,
    path: Option<String>,
    pattern: Option<String>,
    kind: String,
}

impl AgentSettings {
    /// The profile they make. It lives as long as the program: the settings of a project are read once.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn profile(&self, name: &str) -> Result<Known, String> {
        let base_name = self.extends.as_deref().or(NAMES.contains(&name).then_some(name)).unwrap_or(PLAIN);
        let known = || NAMES.map(|name| format!("`{name}`")).join(", ");
        let base = by_name(base_name).ok_or_else(|| {
            format!("`[agent.{name}]` extends the unknown agent `{base_name}`; known are {}", known())
        })?;
        let reader = match self.events.as_deref() {
            None => base,
            Some("text") => by_name(PLAIN).unwrap_or(base),
            Some(events) => by_name(events).ok_or_else(|| {
                format!("`events` of `[agent.{name}]` is `{events}`; known are `text`, {}", known())
            })?,
        };
        let protocols = match &self.protocol {
            None => base.protocols().to_vec(),
            Some(word) => {
                let protocol = Protocol::ALL.into_iter().find(|protocol| protocol.word() == word);
                let words = Protocol::ALL.map(|protocol| format!("`{}`", protocol.word())).join(", ");
                vec![protocol.ok_or_else(|| {
                    format!("`protocol` of `[agent.{name}]` is `{word}`; known are {words}")
                })?]
            }
        };
        let mut places = base.volatile().to_vec();
        for setting in &self.volatile {
            places.push(setting.place().map_err(|error| format!("`volatile` of `[agent.{name}]`: {error}"))?);
        }
        let templates = self.args.iter().chain(&self.resume_args).flatten().chain(self.env.values());
        for template in templates {
            check(template).map_err(|unknown| {
                format!(
                    "`[agent.{name}]` has `{{{unknown}}}`; known are {}",
                    PLACEHOLDERS.map(|word| format!("`{{{word}}}`")).join(", ")
                )
            })?;
        }
        let custom = Custom {
            name: Box::leak(name.to_owned().into_boxed_str()),
            base,
            reader,
            protocols,
            places,
            settings: self.clone(),
        };
        Ok(Known(Box::leak(Box::new(custom))))
    }
}

impl VolatileSetting {
    fn place(&self) -> Result<Place, String> {
        let section = PlaceSection::ALL.into_iter().find(|section| section.word() == self.section);
        let place = Place {
            section: section.ok_or_else(|| format!("unknown section `{}`", self.section))?,
            path: self.path.clone().unwrap_or_else(|| "$".to_owned()).into(),
            pattern: self.pattern.clone().map(Into::into),
            kind: self.kind.clone().into(),
        };
        place.check().map(|()| place).map_err(|error| error.to_string())
    }
}

/// What a template may name.
const PLACEHOLDERS: [&str; 5] = ["base_url", "prompt", "session", "workspace", "home"];

/// Words in braces, with what stands before each.
fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    template.match_indices('{').filter_map(|(at, _)| {
        let (word, _) = template[at + 1..].split_once('}')?;
        let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        is_word.then_some(word)
    })
}

fn check(template: &str) -> Result<(), &str> {
    placeholders(template).find(|word| !PLACEHOLDERS.contains(word)).map_or(Ok(()), Err)
}

fn fill(template: &str, turn: &TurnLaunch<'_>) -> String {
    let values = [turn.base_url, turn.prompt, turn.session.unwrap_or_default(), turn.workspace, turn.home];
    let mut filled = String::new();
    let mut rest = template;
    // One pass, so that a prompt with braces stays as it is.
    'next: while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        for (word, value) in PLACEHOLDERS.iter().zip(values) {
            if let Some(after) = rest[1..].strip_prefix(word).and_then(|after| after.strip_prefix('}')) {
                filled.push_str(value);
                rest = after;
                continue 'next;
            }
        }
        filled.push('{');
        rest = &rest[1..];
    }
    filled + rest
}

/// A profile made of another one and settings.
struct Custom {
    name: &'static str,
    base: &'static dyn Profile,
    reader: &'static dyn Profile,
    protocols: Vec<Protocol>,
    places: Vec<Place>,
    settings: AgentSettings,
}

impl Profile for Custom {
    fn name(&self) -> &'static str {
        self.name
    }

    fn extends(&self) -> &'static str {
        self.base.name()
    }

    fn program(&self) -> Program {
        match &self.settings.program {
            Some(path) => Program::Named { path: path.clone(), build_hint: self.settings.build_hint.clone() },
            None => self.base.program(),
        }
    }

    fn version_arguments(&self) -> &'static [&'static str] {
        self.base.version_arguments()
    }

    fn measured_version(&self) -> Option<&'static str> {
        self.base.measured_version()
    }

    fn is_verified(&self) -> bool {
        self.base.is_verified()
    }

    fn protocols(&self) -> &[Protocol] {
        &self.protocols
    }

    fn transports(&self) -> &'static [Transport] {
        self.base.transports()
    }

    fn key_place(&self) -> KeyPlace {
        self.base.key_place()
    }

    fn launch(&self, turn: &TurnLaunch<'_>) -> Launch {
        let mut launch = self.base.launch(turn);
        let settings = &self.settings;
        let resumed = turn.session.and(settings.resume_args.as_ref());
        if let Some(template) = resumed.or(settings.args.as_ref()) {
            launch.arguments = template.iter().map(|argument| fill(argument, turn)).collect();
            launch.arguments.extend_from_slice(turn.arguments);
            let named = template.iter().any(|argument| placeholders(argument).any(|word| word == "prompt"));
            launch.stdin = (!named).then(|| turn.prompt.to_owned());
        }
        launch.environment.extend(settings.env.iter().map(|(name, value)| (name.clone(), fill(value, turn))));
        launch
    }

    fn own_paths(&self) -> &'static [&'static str] {
        self.base.own_paths()
    }

    fn stale_paths(&self) -> &'static [&'static str] {
        self.base.stale_paths()
    }

    fn hidden_paths(&self) -> &'static [&'static str] {
        self.base.hidden_paths()
    }

    fn is_racy_on_stderr(&self, line: &str) -> bool {
        self.base.is_racy_on_stderr(line)
    }

    fn read_output(&self, output: &str) -> ToolFacts {
        self.base.read_output(output)
    }

    fn lacks(&self, tool: &str) -> bool {
        self.base.lacks(tool)
    }

    fn ends_by_exit(&self) -> bool {
        self.reader.ends_by_exit()
    }

    fn skip_exit(&self) -> Option<i32> {
        self.settings.skip_exit.or(self.base.skip_exit())
    }

    fn read_line(&self, line: &str) -> Line {
        self.reader.read_line(line)
    }

    fn tool(&self, tool: &str, input: &Value) -> Result<WireCall, String> {
        self.base.tool(tool, input)
    }

    fn lane(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> &'static str {
        self.base.lane(headers, body)
    }

    fn default_reply(&self, lane: &str) -> Option<&'static str> {
        self.base.default_reply(lane)
    }

    fn retries(&self) -> Retries {
        self.base.retries()
    }

    fn skips_comments(&self) -> bool {
        self.base.skips_comments()
    }

    fn request_session(&self, headers: &BTreeMap<String, Vec<String>>, body: &Value) -> Option<String> {
        self.base.request_session(headers, body)
    }

    fn volatile(&self) -> &[Place] {
        &self.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(text: &str) -> AgentSettings {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_said_replaces_what_the_other_agent_would_do() {
        let text = r#"
            extends = "codex"
            program = "target/release/mine"
            build-hint = "cargo build --release"
            args = ["go", "--url={base_url}", "{prompt}", "{\"a\":1}"]
            resume-args = ["again", "{session}"]
            env = { WHERE = "{workspace}:{home}" }
            protocol = "chat"
            events = "pi"
            volatile = [{ section = "events", path = "$.build", kind = "version" }]
        "#;
        let profile = settings(text).profile("mine").unwrap().0;
        let turn = TurnLaunch {
            base_url: "http://h/v1",
            workspace: "/w",
            home: "/h",
            prompt: "use {home}",
            ..TurnLaunch::default()
        };
        let launch = profile.launch(&turn);
        assert_eq!(launch.arguments, ["go", "--url=http://h/v1", "use {home}", "{\"a\":1}"]);
        assert_eq!((launch.environment["WHERE"].as_str(), launch.stdin), ("/w:/h", None));
        assert!(launch.environment.contains_key("CODEX_HOME"), "the rest is codex's");
        let resumed = profile.launch(&TurnLaunch { session: Some("s"), ..turn });
        assert_eq!(
            (resumed.arguments.join(" ").as_str(), resumed.stdin.as_deref()),
            ("again s", Some("use {home}"))
        );
        assert_eq!(profile.protocols(), [Protocol::Chat]);
        assert!(profile.read_line(r#"{"type":"agent_start"}"#).reopens, "pi's vocabulary");
        assert_eq!(profile.volatile().last().unwrap().kind, "version");
        let named = Program::Named {
            path: "target/release/mine".into(),
            build_hint: Some("cargo build --release".into()),
        };
        assert_eq!(profile.program(), named);
    }

    #[test]
    fn one_with_a_known_name_is_that_agent_with_another_program() {
        let profile = settings("program = '/opt/codex'").profile("codex").unwrap().0;
        assert_eq!(profile.measured_version(), Some("codex-cli 0.169.0"));
        let plain = settings("program = 'make'").profile("build").unwrap().0;
        assert!(plain.ends_by_exit() && plain.skip_exit() == Some(77));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, named) in [
            ("extends = 'codx'", "`codx`"),
            ("events = 'codx'", "`codx`"),
            ("protocol = 'smtp'", "`smtp`"),
            ("args = ['{promt}']", "`{promt}`"),
            ("volatile = [{ section = 'x', kind = 'y' }]", "section `x`"),
            ("volatile = [{ section = 'stdout', kind = 'y' }]", "pattern"),
        ] {
            let error = settings(text).profile("mine").unwrap_err();
            assert!(error.contains(named), "{error}");
        }
        assert!(toml::from_str::<AgentSettings>("argss = []").is_err());
    }
}
