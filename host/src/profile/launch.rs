//! How an agent's program is found and how one of its turns is started, as data.

use std::collections::BTreeMap;

use super::{Protocol, Transport};

/// How a program is found: `--agent-bin NAME=PATH` first, then these, then `PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// This very program, with a first argument.
    Own {
        /// The first argument.
        argument: &'static str,
    },
    /// A program of its own.
    External {
        /// File name on `PATH`.
        name: &'static str,
        /// Paths below the project's root that come before `PATH`.
        pinned: Vec<String>,
        /// The command that installs it.
        install: &'static str,
    },
    /// What a project names.
    Named {
        /// Absolute, or below the project's root; without a `/`, a name on `PATH`.
        path: String,
        /// The command that builds it.
        build_hint: Option<String>,
    },
    /// Nothing: whoever uses it names a program.
    Unnamed,
}

/// Where an agent's requests carry the run's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// In the header for keys of its protocol: it was seen to send one with every request for a reply.
    Header,
    /// In the path: it sends no key of its own, and the base URL begins with the run's.
    Path,
}

/// What a profile needs to know to start a turn. Every path is absolute.
#[derive(Clone, Copy, Debug)]
pub struct TurnLaunch<'a> {
    /// `http://127.0.0.1:PORT/v1`.
    pub base_url: &'a str,
    /// The agent's working directory.
    pub workspace: &'a str,
    /// The agent's home.
    pub home: &'a str,
    /// What it is asked.
    pub prompt: &'a str,
    /// The session to go on with.
    pub session: Option<&'a str>,
    /// How it speaks to the server.
    pub transport: Transport,
    /// In which protocol.
    pub protocol: Protocol,
    /// The model it asks for; absent: the profile's own choice.
    pub model: Option<&'a str>,
    /// What it shows in place of a key.
    pub key: &'a str,
    /// Arguments the scenario adds.
    pub arguments: &'a [String],
}

impl Default for TurnLaunch<'_> {
    fn default() -> Self {
        Self {
            base_url: "",
            workspace: "",
            home: "",
            prompt: "",
            session: None,
            transport: Transport::Http,
            protocol: Protocol::default(),
            model: None,
            key: super::FAKE_KEY,
            arguments: &[],
        }
    }
}

impl TurnLaunch<'_> {
    /// The server without a path: `http://127.0.0.1:PORT`.
    pub fn origin(&self) -> &str {
        self.base_url.strip_suffix("/v1").unwrap_or(self.base_url)
    }
}

/// How a turn is started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// Arguments after the program.
    pub arguments: Vec<String>,
    /// Variables beside the common ones (`PATH`, `HOME`, `TMPDIR`, locale, proxies).
    pub environment: BTreeMap<String, String>,
    /// Files written below the home before every turn: relative path to text.
    pub home_files: BTreeMap<String, String>,
    /// What stands in its standard input; absent: nothing, it is at its end at once.
    pub stdin: Option<String>,
}

/// Variables as pairs.
pub(super) fn variables<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Words as a list of arguments.
pub(super) fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}
