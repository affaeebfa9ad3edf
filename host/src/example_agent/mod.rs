//! The agent built into the program: `wassert example-agent`.
//!
//! Small but honest: it speaks OpenAI Responses over HTTP and over WebSocket, Chat Completions, Anthropic Messages and
//! Gemini, really runs the tools it offers, retries,
//! and keeps a session that a later process resumes. What it does follows from the model's replies alone: it knows
//! nothing of scenarios, recordings or assertions, and it has no sandbox of its own for shell commands.

mod arguments;
mod dialect;
mod endpoint;
mod events;
mod http;
mod model;
mod reply;
mod session;
mod sse;
mod tools;
mod turn;
mod websocket;

#[cfg(test)]
mod end_to_end;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use arguments::{Arguments, ArgumentsError};
use endpoint::{Endpoint, EndpointError};
use events::Events;
use model::{Model, ModelSettings};
use session::{Session, SessionError};
use turn::{TurnEnd, run_turn};

const COMPLETED: u8 = 0;
const FAILED: u8 = 1;
const USAGE: u8 = 2;

#[derive(Debug, Error)]
enum AgentError {
    #[error(transparent)]
    Arguments(#[from] ArgumentsError),
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error("no base URL: give --base-url or set EXAMPLE_AGENT_BASE_URL")]
    NoBaseUrl,
    #[error("no home: set EXAMPLE_AGENT_HOME or HOME")]
    NoHome,
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("cannot start: {0}")]
    Start(io::Error),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

/// Runs the agent with the arguments after `example-agent` and gives its exit code: 0 when the turn was completed, 1
/// when it failed, when the session is unknown or when standard output was closed (quietly: nobody is left to read why),
/// 2 for wrong usage. Reads `EXAMPLE_AGENT_BASE_URL`, `EXAMPLE_AGENT_HOME` and `HOME`; works in the current folder.
pub fn main(arguments: Vec<String>) -> u8 {
    let outcome = prepare(&arguments).and_then(|plan| {
        let stdout = io::stdout();
        exec(plan, &mut stdout.lock())
    });
    match outcome {
        Ok(TurnEnd::Completed) => COMPLETED,
        Ok(TurnEnd::Failed) => FAILED,
        Err(AgentError::Output(_)) => FAILED,
        Err(error) => {
            // A closed stderr leaves nowhere to complain; the exit code still tells.
            let _ = writeln!(io::stderr().lock(), "example-agent: {error}");
            match error {
                AgentError::Arguments(_) | AgentError::Endpoint(_) | AgentError::NoBaseUrl => USAGE,
                _ => FAILED,
            }
        }
    }
}

/// Everything one process needs, so that nothing below reads the environment.
struct Plan {
    arguments: Arguments,
    endpoint: Endpoint,
    home: PathBuf,
    workspace: PathBuf,
}

fn prepare(arguments: &[String]) -> Result<Plan, AgentError> {
    let arguments = Arguments::parse(arguments)?;
    let base_url = arguments
        .base_url
        .clone()
        .or_else(|| std::env::var("EXAMPLE_AGENT_BASE_URL").ok())
        .ok_or(AgentError::NoBaseUrl)?;
    let endpoint = Endpoint::parse(&base_url)?;
    let home = match std::env::var_os("EXAMPLE_AGENT_HOME") {
        Some(home) => PathBuf::from(home),
        None => Path::new(&std::env::var_os("HOME").ok_or(AgentError::NoHome)?).join(".example-agent"),
    };
    let workspace = std::env::current_dir().map_err(AgentError::Start)?;
    Ok(Plan { arguments, endpoint, home, workspace })
}

/// Runs one turn and keeps its session, also when the turn failed: the user's next prompt goes on from there.
fn exec(plan: Plan, output: &mut dyn Write) -> Result<TurnEnd, AgentError> {
    let Plan { arguments, endpoint, home, workspace } = plan;
    let mut session = match &arguments.resume {
        Some(id) => Session::load(&home, id)?,
        None => Session::start(&workspace)?,
    };
    session.push_user(&arguments.prompt);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(AgentError::Start)?;
    let mut model = Model::new(ModelSettings {
        endpoint,
        model: arguments.model.clone(),
        protocol: arguments.protocol,
        transport: arguments.transport,
        session_id: session.id.clone(),
        idle_timeout: arguments.idle_timeout,
    });
    let mut events = Events::new(output, arguments.json);
    let turn = run_turn(&mut session, &mut model, &mut events, &workspace, arguments.retries);
    let ended = runtime.block_on(turn);
    session.save(&home)?;
    ended.map_err(AgentError::Output)
}
