//! What the agent remembers between processes: all items so far and the tokens used, one file a session.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use rustix::rand::{GetRandomFlags, getrandom};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

const INSTRUCTIONS: &str = "You are a small agent working in one folder. Use the shell and write_file tools to do what the user asks, \
    then answer with a short message.";
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;
const MAX_ID_CHARACTERS: usize = 64;

/// Tokens used by the whole thread.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TokenUsage {
    pub input_tokens: u64,
    pub cached_input_tokens: u64,
    pub output_tokens: u64,
}

impl TokenUsage {
    /// Adds what one reply reports; counts a server invents cannot overflow.
    pub(super) fn add(&mut self, other: &Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.cached_input_tokens = self.cached_input_tokens.saturating_add(other.cached_input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
    }
}

/// Why a session could not be used.
#[derive(Debug, Error)]
pub(super) enum SessionError {
    #[error("session id {0:?} is not made of hexadecimal digits and dashes")]
    BadId(String),
    #[error("no session {0}")]
    Unknown(String),
    #[error("cannot read session {id}: {source}")]
    Read { id: String, source: io::Error },
    #[error("cannot write session {id}: {source}")]
    Write { id: String, source: io::Error },
    #[error("no randomness for a session id: {0}")]
    Randomness(io::Error),
}

/// One conversation with the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Session {
    pub id: String,
    /// Responses input items, instructions first; replayed as they are.
    pub items: Vec<Value>,
    pub usage: TokenUsage,
}

impl Session {
    /// A new session that knows its folder.
    pub(super) fn start(workspace: &Path) -> Result<Self, SessionError> {
        let context = format!(
            "<environment_context>\n  <cwd>{}</cwd>\n</environment_context>",
            workspace.to_string_lossy()
        );
        Ok(Self {
            id: random_id()?,
            items: vec![message("developer", INSTRUCTIONS), message("user", &context)],
            usage: TokenUsage::default(),
        })
    }

    /// The session kept below `home`.
    pub(super) fn load(home: &Path, id: &str) -> Result<Self, SessionError> {
        let path = file_of(home, id)?;
        let unreadable = |source| SessionError::Read { id: id.to_owned(), source };
        let file = match fs::File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(SessionError::Unknown(id.to_owned()));
            }
            opened => opened.map_err(unreadable)?,
        };
        let mut text = Vec::new();
        file.take(MAX_FILE_BYTES).read_to_end(&mut text).map_err(unreadable)?;
        serde_json::from_slice(&text).map_err(|error| unreadable(error.into()))
    }

    /// Keeps it below `home`; a reader sees the old file or the new one, never half.
    pub(super) fn save(&self, home: &Path) -> Result<(), SessionError> {
        let path = file_of(home, &self.id)?;
        self.write(&path).map_err(|source| SessionError::Write { id: self.id.clone(), source })
    }

    fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().expect("a session file lies in the folder of sessions");
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }

    /// Appends what the user asks.
    pub(super) fn push_user(&mut self, prompt: &str) {
        self.items.push(message("user", prompt));
    }
}

fn message(role: &str, text: &str) -> Value {
    json!({"type": "message", "role": role, "content": [{"type": "input_text", "text": text}]})
}

/// Identifiers come from the command line, so they are checked before they become a file name.
fn file_of(home: &Path, id: &str) -> Result<PathBuf, SessionError> {
    let permitted = |character: char| character.is_ascii_hexdigit() || character == '-';
    if id.is_empty() || id.len() > MAX_ID_CHARACTERS || !id.chars().all(permitted) {
        return Err(SessionError::BadId(id.to_owned()));
    }
    Ok(home.join("sessions").join(format!("{id}.json")))
}

/// A version 4 UUID (RFC 9562, section 5.4).
fn random_id() -> Result<String, SessionError> {
    let mut bytes = [0_u8; 16];
    let filled = getrandom(&mut bytes, GetRandomFlags::empty())
        .map_err(|error| SessionError::Randomness(error.into()))?;
    debug_assert_eq!(filled, 16, "requests up to 256 bytes are never short");
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_session_comes_back_identical() {
        let home = tempfile::tempdir().unwrap();
        let mut session = Session::start(Path::new("/w")).unwrap();
        session.push_user("hello");
        session.items.push(json!({"type": "reasoning", "n": 1.50, "id": "rs_1"}));
        session.usage.input_tokens = 7;
        session.save(home.path()).unwrap();
        session.save(home.path()).unwrap();
        assert_eq!(Session::load(home.path(), &session.id).unwrap(), session);
        assert_eq!(fs::read_dir(home.path().join("sessions")).unwrap().count(), 1);
    }

    #[test]
    fn ids_are_uuids_and_differ() {
        let first = random_id().unwrap();
        assert_eq!((first.len(), &first[14..15]), (36, "4"));
        assert_ne!(first, random_id().unwrap());
    }

    #[test]
    fn an_id_cannot_leave_the_folder() {
        let home = tempfile::tempdir().unwrap();
        for id in ["../x", "", "a/b", "zz", &"a".repeat(65)] {
            assert!(matches!(Session::load(home.path(), id), Err(SessionError::BadId(_))), "{id}");
        }
        assert!(matches!(Session::load(home.path(), "ab-1"), Err(SessionError::Unknown(_))));
    }
}
