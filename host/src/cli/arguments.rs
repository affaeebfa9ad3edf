//! What can be written after `wassert`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Runs an agent against a scripted model server, records everything it did, and lets sandboxed WebAssembly assertions
/// decide whether it passed.
#[derive(Debug, Parser)]
#[command(name = "wassert", version, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// When to colour what is printed.
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
    #[command(subcommand)]
    pub(super) verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes:
    0  every selected scenario passed
    1  at least one verdict is fail
    2  wrong usage, configuration, scenario or manifest
    3  could not judge: agent missing or not started, module trapped, limit hit
    4  nothing was selected, or something was skipped
    5  trust refused
  130  interrupted
When several apply: 130, 5, 2, 1, 3, 4, 0 in that order.";

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Human,
    /// One JSON object.
    Json,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run scenarios: server, agent, assertions.
    Run(Run),
    /// Judge recordings again: no agent, no server.
    Judge(Judge),
    /// Check scenarios and what they ask for; run nothing.
    Check(Selection),
    /// List scenarios.
    List(List),
    /// Show a recording.
    Show(Show),
    /// Work on packs of assertions.
    Pack(Pack),
    /// Print what other programs need to know of this one.
    Generate(Generate),
}

/// Which scenarios.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Files and folders with scenarios, or parts of scenarios' names; `scenarios` where no path is given.
    pub(super) what: Vec<String>,
    /// Only these agents of each scenario's matrix.
    #[arg(long = "agent", value_name = "NAME")]
    pub(super) agents: Vec<String>,
    /// Only scenarios with one of these tags.
    #[arg(long = "tag", value_name = "TAG")]
    pub(super) tags: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// The program of an agent, by the agent's or its profile's name.
    #[arg(long = "agent-bin", value_name = "NAME=PATH", value_parser = name_and_path)]
    pub(super) agent_bin: Vec<(String, PathBuf)>,
    /// How many scenarios run side by side; by default as many as the machine has processors, and at least 2.
    #[arg(long, value_name = "N", env = "WASSERT_JOBS", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) jobs: Option<u16>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    /// Where recordings are kept, in a folder for each run; by default `.wassert/runs` in the project.
    #[arg(long, value_name = "DIR")]
    pub(super) recordings: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Judge {
    /// Recordings: folders, archives, or bare run documents.
    #[arg(required = true)]
    pub(super) recordings: Vec<PathBuf>,
    /// Judge with this instead of what was recorded: `std/exit` or `./mine.wasm`. May be given several times.
    #[arg(long = "use", value_name = "ASSERTION")]
    pub(super) uses: Vec<String>,
    /// Parameters of the `--use` before it, as JSON.
    #[arg(long, value_name = "JSON", requires = "uses")]
    pub(super) with: Vec<String>,
    /// Judge with another scenario's assertions instead of what was recorded.
    #[arg(long, value_name = "FILE", conflicts_with = "uses")]
    pub(super) scenario: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    pub(super) selection: Selection,
    /// How the list is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// A recording: a folder, an archive, or a bare run document.
    pub(super) recording: PathBuf,
    /// Print the run document itself.
    #[arg(long)]
    pub(super) json: bool,
    /// Write the recording as one archive.
    #[arg(long, value_name = "FILE")]
    pub(super) export: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Generate {
    #[command(subcommand)]
    pub(super) verb: GenerateVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum GenerateVerb {
    /// The JSON Schema of the run document.
    Schema,
}

#[derive(Debug, Args)]
pub(super) struct Pack {
    #[command(subcommand)]
    pub(super) verb: PackVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum PackVerb {
    /// Make a component of a core module, and note in it the digest of its source.
    Wrap(PackWrap),
    /// List the assertions of an embedded pack or a module.
    List(PackList),
}

#[derive(Debug, Args)]
pub(super) struct PackWrap {
    /// The core module, as the compiler made it.
    pub(super) module: PathBuf,
    /// A file or folder of its source, relative to the current folder. May be given several times.
    #[arg(long, value_name = "PATH", required = true)]
    pub(super) source: Vec<String>,
    /// Where the component is written.
    #[arg(long, value_name = "FILE")]
    pub(super) out: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct PackList {
    /// `std`, or the path of a module.
    #[arg(default_value = "std")]
    pub(super) pack: String,
}

fn name_and_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("expected NAME=PATH".to_owned()),
    }
}
