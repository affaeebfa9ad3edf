//! The command line: arguments in, exit code out, and everything that is printed.
//!
//! One file a verb. Only here are clap, anyhow, printing and exit codes known.

mod arguments;
mod budget;
mod chaos;
mod check;
mod diff;
mod doctor;
mod doctor_agents;
mod dry_run;
mod dry_run_shims;
mod export;
mod generate;
mod given;
mod import;
mod interrupt;
mod judge;
mod judge_stream;
mod judges;
mod limits;
mod list;
mod load;
mod new;
mod output;
mod pack;
mod pack_inspect;
mod pack_test;
mod pager;
mod progress;
mod project;
mod record;
mod retention;
mod run;
mod serve;
mod show;
mod shown;
mod verify;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use arguments::{Arguments, Verb};
use output::Output;

use crate::value::ExitStatus;

/// The program: reads its arguments, does what they say, and returns the exit code.
pub fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() == Some("example-agent") {
        // A program of its own that lives in this one: it has its own arguments and knows nothing of the rest.
        return ExitCode::from(crate::example_agent::main(words.collect()));
    }
    #[cfg(target_os = "linux")]
    if std::env::args().nth(1).as_deref() == Some("enter") {
        // Before anything else: a process that has more than one thread can't enter a user namespace.
        let arguments: Vec<String> = std::env::args().skip(2).collect();
        return ExitCode::from(crate::agent::enter_main(&arguments));
    }
    // Processes that the sandbox starts for itself: they judge and compile what is not trusted.
    match std::env::args().nth(1).as_deref() {
        Some("judge-worker") => return ended(crate::sandbox::worker()),
        Some("forge") => return ended(crate::sandbox::forge()),
        _ => {}
    }
    let matches = match Arguments::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(
                if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Passed }.code(),
            );
        }
    };
    let arguments = match Arguments::from_arg_matches(&matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let output = Output::new(arguments.color);
    // Compiled modules are handed over in files without a name, recordings are written: an error, not the end.
    if let Err(error) = crate::agent::report_file_limit() {
        output.error(&error.into());
        return ExitCode::from(ExitStatus::Usage.code());
    }
    let done = match &arguments.verb {
        Verb::Run(verb) => run::run(verb, &output),
        Verb::Serve(verb) => serve::serve(verb, &output),
        Verb::Record(verb) => record::record(verb, &output),
        Verb::Judge(verb) => judge::judge(verb, &judge::pairs(matches.subcommand_matches("judge")), &output),
        Verb::Check(verb) => check::check(verb, &output),
        Verb::List(verb) => list::list(verb, &output),
        Verb::Show(verb) => show::show(verb, &output),
        Verb::Diff(verb) => diff::diff(verb, &output),
        Verb::Pack(verb) => pack::pack(verb, &output),
        Verb::New(verb) => new::new(verb, &output),
        Verb::Import(verb) => import::import(verb, &output),
        Verb::Doctor(verb) => Ok(doctor::doctor(verb.format, &output)),
        Verb::Generate(verb) => Ok(generate::generate(verb, &output)),
    };
    let status = done.unwrap_or_else(|error| {
        output.error(&error);
        ExitStatus::Usage
    });
    ExitCode::from(status.code())
}

/// How a process of the sandbox ended: its supervisor hears what went wrong.
fn ended(result: std::io::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}
