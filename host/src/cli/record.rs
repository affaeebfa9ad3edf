//! `wassert record`.

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use serde_json::json;

use super::arguments::Record;
use super::interrupt::watch_interrupts;
use super::output::Output;
use super::project;
use crate::profile::{self, Known};
use crate::run::{self, Recorder, Scaffold};
use crate::scenario::{Endpoint, LoadContext, load_script};
use crate::value::{ExitStatus, escape_terminal};

/// Passes requests on until the user interrupts, and writes the script.
pub(super) fn record(arguments: &Record, output: &Output) -> anyhow::Result<ExitStatus> {
    if is_ci(std::env::var("CI").ok().as_deref()) && !arguments.in_ci {
        bail!(
            "`CI` is set: what a real model says differs from run to run, so it is recorded where somebody looks at it\n\
             help: record on your machine and commit the script, or say `--in-ci`"
        );
    }
    let upstream: Endpoint = arguments
        .upstream
        .parse()
        .map_err(|error| anyhow!("`--upstream {}`: {error}", arguments.upstream))?;
    let known = agent(&arguments.agent)?;
    let mut secrets = Vec::new();
    for name in &arguments.secret_env {
        let value = std::env::var(name).with_context(|| format!("`--secret-env {name}`"))?;
        secrets.push(value);
    }
    // Before anything is recorded: nothing is overwritten, and what can't be written is known at once.
    let shown = arguments.output.display();
    let mut file = std::fs::File::create_new(&arguments.output).with_context(|| format!("`{shown}`"))?;
    let address = SocketAddr::new(arguments.bind, arguments.port);
    let begun = listen(address, arguments, output).and_then(|listener| {
        let record = run::Record { upstream, agent: arguments.agent.clone(), known, listener, secrets };
        recorded(record, output)
    });
    let scaffold = match begun {
        Ok(scaffold) => scaffold,
        Err(error) => {
            // It is empty, and it is ours.
            let _ = std::fs::remove_file(&arguments.output);
            output.error(&error);
            return Ok(ExitStatus::NotJudged);
        }
    };
    file.write_all(scaffold.text.as_bytes()).with_context(|| format!("`{shown}`"))?;
    Ok(tell(&scaffold, &arguments.output, output))
}

fn listen(address: SocketAddr, arguments: &Record, output: &Output) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| format!("`{address}` can't be listened on"))?;
    if !arguments.bind.is_loopback() {
        output.note(&format!(
            "warning: {address} is not loopback: anyone who can reach it reaches the endpoint"
        ));
    }
    Ok(listener)
}

fn recorded(record: run::Record, output: &Output) -> anyhow::Result<Scaffold> {
    let port = record.listener.local_addr()?.port();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        // Before anybody is told of the proxy, so that who ends it at once is heard.
        let stop = watch_interrupts()?;
        let recorder = Recorder::begin(record).await.map_err(|problem| match problem.help {
            Some(help) => anyhow!("{}\nhelp: {help}", problem.message),
            None => anyhow!(problem.message),
        })?;
        output.line(&json!({ "base_url": recorder.base_url(), "port": port }).to_string());
        Ok(recorder.end(stop).await)
    })
}

fn is_ci(value: Option<&str>) -> bool {
    !matches!(value, None | Some("" | "0" | "false"))
}

fn agent(name: &str) -> anyhow::Result<Known> {
    let described = project::agents(&project::root()?)?;
    let own = described.into_iter().find(|known| known.0.name() == name);
    own.or_else(|| profile::by_name(name).map(Known)).with_context(|| {
        format!(
            "there is no agent `{name}`; there are {}",
            profile::NAMES.map(|name| format!("`{name}`")).join(", ")
        )
    })
}

/// Says what was written; a script that does not load is no success.
fn tell(scaffold: &Scaffold, file: &Path, output: &Output) -> ExitStatus {
    for note in &scaffold.notes {
        output.note(&escape_terminal(&format!("note: {note}")));
    }
    let steps = match scaffold.steps {
        1 => "1 step".to_owned(),
        count => format!("{count} steps"),
    };
    output.note(&escape_terminal(&format!("{steps} in {}", file.display())));
    if scaffold.steps == 0 {
        output.note("nothing was recorded that a script can repeat");
        return ExitStatus::Nothing;
    }
    let context = LoadContext { file_exists: &|_| false, folder_exists: &|_| false, agents: &[] };
    let loaded = load_script("recorded".to_owned(), file.to_owned(), scaffold.text.as_bytes(), &context);
    for diagnostic in &loaded.diagnostics {
        output.diagnostic(diagnostic);
    }
    if loaded.scenario.is_some() { ExitStatus::Passed } else { ExitStatus::NotJudged }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ci_is_told_from_its_absence() {
        for (value, expected) in [
            (None, false),
            (Some(""), false),
            (Some("false"), false),
            (Some("true"), true),
            (Some("1"), true),
        ] {
            assert_eq!(is_ci(value), expected, "{value:?}");
        }
    }
}
