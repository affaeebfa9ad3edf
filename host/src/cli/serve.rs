//! `wassert serve`.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context as _;
use serde_json::json;

use super::arguments::Serve;
use super::chaos;
use super::interrupt::watch_interrupts;
use super::output::Output;
use super::project;
use super::retention::{Going, retain};
use crate::report::Problem;
use crate::run::{self, Served, Serving, run_name};
use crate::scenario::{AgentChoice, LoadContext, MOST_BYTES, Scenario, load_script};
use crate::value::{ExitStatus, Outcome, escape_terminal};

/// Serves a script until it is used up or the user interrupts; passed when script and traffic agreed.
pub(super) fn serve(arguments: &Serve, output: &Output) -> anyhow::Result<ExitStatus> {
    let root = project::root()?;
    let Some(scenario) = script(&arguments.script, &root, output)? else { return Ok(ExitStatus::Usage) };
    let scenario = match arguments.chaos {
        None => scenario,
        Some(seed) => match chaos::disturbed(&scenario, chaos::Kind::Script, seed, output)? {
            Some(disturbed) => Arc::new(disturbed),
            None => return Ok(ExitStatus::Usage),
        },
    };
    let agent = agent(&scenario, arguments.agent.as_deref())?;
    let recordings = match &arguments.recordings {
        Some(named) => named.clone(),
        None => project::recordings(&root)?,
    };
    let address = SocketAddr::new(arguments.bind, arguments.port);
    let listener = TcpListener::bind(address).with_context(|| format!("`{address}` can't be listened on"))?;
    if !arguments.bind.is_loopback() {
        output.note(&format!("warning: {address} is not loopback: anyone who can reach it is served"));
    }
    let port = listener.local_addr()?.port();
    let name = run_name(SystemTime::now());
    let going =
        Going::begin(recordings.join(&name)).with_context(|| format!("`{}`", recordings.display()))?;
    let recording = recordings.join(&name).join(format!("{}@{}", scenario.name, agent.name));

    // One thread: it takes requests one by one anyway, and waking another for each costs more than the answer.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served = runtime.block_on(async {
        // Before anybody is told of the server, so that who ends it at once is heard.
        let stop = watch_interrupts()?;
        let serving = match Serving::begin(run::Serve { scenario, agent, listener, recording }) {
            Ok(serving) => serving,
            Err(problem) => return Ok(Err(problem)),
        };
        output.line(&json!({ "base_url": serving.base_url(), "port": port }).to_string());
        anyhow::Ok(serving.end(stop).await)
    })?;
    drop(going);
    // A folder the user named is the user's to clean.
    if arguments.recordings.is_none() {
        retain(&recordings, &name, project::settings(&root)?.recordings.keep(), SystemTime::now());
    }
    Ok(match served {
        Ok(served) => tell(&served, output),
        Err(Problem { message, .. }) => {
            output.note(&format!("error: {}", escape_terminal(&message)));
            ExitStatus::NotJudged
        }
    })
}

/// Reads the script; none when it has mistakes, which have been told.
fn script(file: &Path, root: &Path, output: &Output) -> anyhow::Result<Option<Arc<Scenario>>> {
    let shown = file.display();
    let size = std::fs::metadata(file).with_context(|| format!("`{shown}`"))?.len();
    anyhow::ensure!(size <= MOST_BYTES as u64, "`{shown}` is larger than 1 MiB");
    let bytes = std::fs::read(file).with_context(|| format!("`{shown}`"))?;
    let name = file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let directory = file.parent().unwrap_or(Path::new(""));
    let agents = project::agents(root)?;
    let context = LoadContext {
        file_exists: &|path| directory.join(path).is_file(),
        folder_exists: &|path| directory.join(path).is_dir(),
        agents: &agents,
    };
    let loaded = load_script(name, file.to_owned(), &bytes, &context);
    for diagnostic in &loaded.diagnostics {
        output.diagnostic(diagnostic);
    }
    Ok(loaded.scenario.map(Arc::new))
}

/// The agent of that name, or the first one.
fn agent(scenario: &Scenario, name: Option<&str>) -> anyhow::Result<AgentChoice> {
    let chosen = scenario.agents.iter().find(|agent| name.is_none_or(|name| agent.name == name));
    let known: Vec<_> = scenario.agents.iter().map(|agent| format!("`{}`", agent.name)).collect();
    chosen.cloned().with_context(|| {
        format!("the script has no agent `{}`; it has {}", name.unwrap_or_default(), known.join(", "))
    })
}

/// Prints what differed, and where the recording is.
fn tell(served: &Served, output: &Output) -> ExitStatus {
    let agreed = served.verdict.outcome == Outcome::Pass;
    for finding in served.verdict.findings.iter().filter(|finding| finding.outcome != Outcome::Pass) {
        let actual = finding.at.first().and_then(|place| place.actual.as_deref());
        let actual = actual.map(|actual| format!(": {actual}")).unwrap_or_default();
        output.line(&escape_terminal(&format!("{}{actual}", finding.message)));
    }
    let requests = match served.requests {
        1 => "1 request".to_owned(),
        count => format!("{count} requests"),
    };
    let word = if agreed { "script and traffic agreed" } else { "script and traffic differed" };
    output.note(&escape_terminal(&format!("{word}: {requests}, recorded in {}", served.recording.display())));
    if agreed { ExitStatus::Passed } else { ExitStatus::Failed }
}
