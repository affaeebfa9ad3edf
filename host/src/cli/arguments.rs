//! What can be written after `wassert`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::judges::WorkerArguments;
use super::limits::LimitArguments;

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

/// How far agents are kept apart from the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum IsolationArgument {
    /// Processes, files and network of their own; Linux only.
    Full,
    /// A process group, a home and an environment of their own; what is weaker is said in the summary.
    Group,
}

/// Which network agents are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum NetworkArgument {
    /// Loopback alone; at isolation `group` nothing but proxy variables.
    Own,
    /// The machine's.
    Host,
}

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Run scenarios: server, agent, assertions.
    Run(Run),
    /// Serve a script to any client, without an agent: prints a line of JSON with `base_url` and `port`, records every
    /// request, and ends on SIGINT, SIGTERM, or when every step has served its reply.
    Serve(Serve),
    /// Pass a client's requests on to a real endpoint, and write a script that gives the same answers: prints a line of
    /// JSON with `base_url` and `port`, and writes the script on SIGINT or SIGTERM. Not in CI.
    Record(Record),
    /// Judge recordings again: no agent, no server.
    Judge(Judge),
    /// Check scenarios and what they ask for; run nothing.
    Check(Selection),
    /// List scenarios.
    List(List),
    /// Show a recording: its timeline, or the part that a flag names.
    ///
    /// Events, requests and their items are numbered from 0, as in the paths of findings (`$.requests[0]`); turns,
    /// steps and attempts from 1, as in scenarios.
    Show(Show),
    /// Compare two recordings.
    Diff(Diff),
    /// Work on packs of assertions.
    Pack(Pack),
    /// Write something new from what is there.
    New(New),
    /// Carry scenarios of other tools over; what can't be is told line by line.
    Import(Import),
    /// Say what this machine gives: how far judges and agents can be kept in.
    Doctor(Doctor),
    /// Print what other programs need to know of this one.
    Generate(Generate),
}

/// Which scenarios.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Files and folders with scenarios, or parts of scenarios' names; `scenarios` where no path is given.
    pub(super) what: Vec<String>,
    /// Only these agents of each scenario's matrix; `all` for every one.
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
    /// Mebibytes of memory for all running agents together: those that need much wait for each other. By default what
    /// the system says is available.
    #[arg(long, value_name = "MIB", env = "WASSERT_MEMORY_BUDGET", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub(super) memory_budget: Option<u32>,
    /// What may be used: `turn`, `scenario` or `run`, a dot, and `seconds`, `tokens` or `dollars`, such as
    /// `run.dollars=0.5`. Who passes a budget is ended. May be given several times; of several that hold, the smallest
    /// counts. Tokens and dollars are what agents report.
    #[arg(long = "budget", value_name = "LEVEL.MEASURE=N", value_parser = super::budget::limit)]
    pub(super) budgets: Vec<super::budget::Limit>,
    /// How far agents are kept apart from the machine; by default `full` where the system gives it, else `group`.
    #[arg(long, value_enum, value_name = "LEVEL", env = "WASSERT_ISOLATION")]
    pub(super) isolation: Option<IsolationArgument>,
    /// Which network agents are in: one of their own, or the machine's, where what they reach is not seen.
    #[arg(long, value_enum, value_name = "NETWORK", default_value_t = NetworkArgument::Own)]
    pub(super) network: NetworkArgument,
    /// A file or folder that agents may read at isolation `full`, beside the system's programs, their own, and the
    /// folders of PATH. May be given several times.
    #[arg(long = "readable", value_name = "PATH")]
    pub(super) readable: Vec<PathBuf>,
    /// Run everything twice, on another port, in another folder and in another order; fail where the two runs differ.
    #[arg(long)]
    pub(super) twice: bool,
    /// Disturb the script by a schedule of faults, generated from this number, of which the agent is known to recover.
    /// The schedule is printed as `[[fault]]` tables: put at the end of the file, they do the same again.
    #[arg(long, value_name = "SEED")]
    pub(super) chaos: Option<u64>,
    /// Prepare everything, print command, environment and files, and start nothing.
    #[arg(long, conflicts_with = "twice")]
    pub(super) dry_run: bool,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    /// Where recordings are kept, in a folder for each run; by default `.wassert/runs` in the project.
    #[arg(long, value_name = "DIR")]
    pub(super) recordings: Option<PathBuf>,
    #[command(flatten)]
    pub(super) workers: WorkerArguments,
    #[command(flatten)]
    pub(super) limits: LimitArguments,
}

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// A scenario's file; `summary`, `[[turn]]` and `[[assert]]` may be missing, and are not used.
    pub(super) script: PathBuf,
    /// The agent of the script whose tools and lanes are spoken of; by default the first one.
    #[arg(long, value_name = "NAME")]
    pub(super) agent: Option<String>,
    /// Where to listen; by default a port that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(super) port: u16,
    /// Disturb the script by a schedule of faults, generated from this number, of which the agent is known to recover.
    /// The schedule is printed as `[[fault]]` tables: put at the end of the file, they do the same again.
    #[arg(long, value_name = "SEED")]
    pub(super) chaos: Option<u64>,
    /// The address to listen on. Anyone who can reach it can use the script and fill the recording.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(super) bind: std::net::IpAddr,
    /// Where the recording is kept, in a folder of its own; by default `.wassert/runs` in the project.
    #[arg(long, value_name = "DIR")]
    pub(super) recordings: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Record {
    /// Who answers: `https://HOST` or `http://HOST:PORT`, with or without `/v1`.
    #[arg(long, value_name = "URL")]
    pub(super) upstream: String,
    /// Where the script is written; a file that is there already is left alone.
    #[arg(long, value_name = "FILE", default_value = "recorded.toml")]
    pub(super) output: PathBuf,
    /// The agent whose lanes and tools are spoken of.
    #[arg(long, value_name = "NAME", default_value = "example")]
    pub(super) agent: String,
    /// The value of this variable must not stand in the script. May be given several times; keys in requests and known
    /// shapes of keys are removed in any case.
    #[arg(long, value_name = "VARIABLE")]
    pub(super) secret_env: Vec<String>,
    /// Where to listen; by default a port that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(super) port: u16,
    /// The address to listen on. Anyone who can reach it reaches the endpoint.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub(super) bind: std::net::IpAddr,
    /// Record although `CI` is set.
    #[arg(long)]
    pub(super) in_ci: bool,
}

#[derive(Debug, Args)]
pub(super) struct Judge {
    /// Recordings: folders, archives, or bare run documents.
    #[arg(required_unless_present_any = ["stream", "verify_receipt"])]
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
    /// Answer requests, a JSON object a line on standard input, with answers, a line each, on standard output; see
    /// docs/judge-stream.md.
    #[arg(long, requires = "root", conflicts_with_all = ["recordings", "uses", "scenario", "verify_receipt"])]
    pub(super) stream: bool,
    /// With `--stream`: the folder that everything asked about is below; what is outside is refused.
    #[arg(long, value_name = "DIR", requires = "stream")]
    pub(super) root: Option<PathBuf>,
    /// With `--stream`: answer as verdicts come, not in the order of the requests.
    #[arg(long, requires = "stream")]
    pub(super) unordered: bool,
    /// Judge again what a file has receipts of (a receipt, a verdict, a recording's `verdicts.json`, results as JSON),
    /// and say for each whether it is equal, or which part differs. Without a recording named, those the file names, or
    /// the one it lies in.
    #[arg(long, value_name = "FILE")]
    pub(super) verify_receipt: Option<PathBuf>,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) workers: WorkerArguments,
    #[command(flatten)]
    pub(super) limits: LimitArguments,
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
    /// Only what belongs to this turn, from 1; in the timeline and in the transcript.
    #[arg(long, value_name = "N", conflicts_with_all = ["event", "request", "file", "json_path", "at", "json"])]
    pub(super) turn: Option<u32>,
    /// One event with everything in it, by its number from 0.
    #[arg(long, value_name = "N", group = "part")]
    pub(super) event: Option<usize>,
    /// One request with headers, transcript, reply and violations, by its number from 0.
    #[arg(long, value_name = "N", group = "part")]
    pub(super) request: Option<usize>,
    /// With `--request`: its body too.
    #[arg(long, requires = "request")]
    pub(super) body: bool,
    /// The conversations: of each request what is new, not what is repeated.
    #[arg(long, group = "part", conflicts_with = "json")]
    pub(super) transcript: bool,
    /// What became of a file of the workspace, as a difference between before and after.
    #[arg(long, value_name = "PATH", group = "part")]
    pub(super) file: Option<String>,
    /// Every match of an RFC 9535 JSONPath, with its path.
    #[arg(long, value_name = "EXPR", group = "part")]
    pub(super) json_path: Option<String>,
    /// What stands at one path of the document, or under a blob's name, with what is around it.
    #[arg(long, value_name = "PATH", group = "part")]
    pub(super) at: Option<String>,
    /// With `--at` and a blob's name: mark these bytes.
    #[arg(long, value_name = "START..END", requires = "at", value_parser = byte_range, conflicts_with = "json")]
    pub(super) bytes: Option<(u64, Option<u64>)>,
    /// Print JSON: the whole run document, or what the flag beside it selects, a value a line.
    #[arg(long)]
    pub(super) json: bool,
    /// Never start a pager ($WASSERT_PAGER, $PAGER, or `less`).
    #[arg(long)]
    pub(super) no_pager: bool,
    /// Write the recording as one archive.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["part", "json", "turn"])]
    pub(super) export: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// How what was found is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
}

#[derive(Debug, Args)]
pub(super) struct Diff {
    /// A recording: a folder, an archive, or a bare run document.
    pub(super) left: PathBuf,
    /// Another one.
    pub(super) right: PathBuf,
    /// Compare also what differs between any two runs: durations, order of arrival, raw output.
    #[arg(long)]
    pub(super) all: bool,
    /// How the differences are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
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
    /// The JSON Schema of requests and answers of `judge --stream`.
    JudgeStream,
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
    /// Tell what a module is: its door, its imports, and which sections of a run document it reads.
    Inspect(PackInspect),
    /// Judge the examples of a pack's folder: each must be what its name says, `pass…` or `fail…`.
    Test(PackTest),
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

#[derive(Debug, Args)]
pub(super) struct PackInspect {
    /// The module: a component, a core module, or a WASI command.
    pub(super) module: PathBuf,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) limits: LimitArguments,
}

#[derive(Debug, Args)]
pub(super) struct PackTest {
    /// The pack's folder: `pack.toml`, the module, `examples/<assertion>/`.
    #[arg(default_value = "assertions/std")]
    pub(super) pack: PathBuf,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub(super) format: Format,
    #[command(flatten)]
    pub(super) limits: LimitArguments,
}

#[derive(Debug, Args)]
pub(super) struct New {
    #[command(subcommand)]
    pub(super) verb: NewVerb,
}

#[derive(Debug, Subcommand)]
pub(super) enum NewVerb {
    /// Write an example of a pack from a recording, or as a patch of another example.
    ///
    /// Without `--patch`, the example is the recording's document, reduced to what the assertion reads. With `--patch`,
    /// it says how it differs from another example, which is written from the recording first where it is missing.
    /// Nothing is written that is not judged as its name says.
    Example(NewExample),
}

#[derive(Debug, Args)]
pub(super) struct NewExample {
    /// A recording: a folder, or a bare run document. Not needed for a patch of an example that is there.
    #[arg(required_unless_present = "patch")]
    pub(super) recording: Option<PathBuf>,
    /// The pack's folder.
    #[arg(long, value_name = "DIR")]
    pub(super) pack: PathBuf,
    /// The assertion's name.
    #[arg(long, value_name = "NAME")]
    pub(super) assertion: String,
    /// The example's name: `pass`, `fail`, `pass-…` or `fail-…`.
    #[arg(long, value_name = "NAME")]
    pub(super) name: String,
    /// The assertion's parameters, where they differ from those the example would have.
    #[arg(long, value_name = "JSON")]
    pub(super) with: Option<String>,
    /// A JSON Patch operation or a list of them, or `@FILE`. May be given several times; applied in order.
    #[arg(long, value_name = "JSON or @FILE")]
    pub(super) patch: Vec<String>,
    /// The example that the patch starts from.
    #[arg(long, value_name = "NAME", default_value = "pass", requires = "patch")]
    pub(super) from: String,
    /// Sections of the document to keep; by default those the assertion reads.
    #[arg(long, value_name = "SECTION", value_delimiter = ',')]
    pub(super) sections: Vec<String>,
}

fn byte_range(text: &str) -> Result<(u64, Option<u64>), String> {
    let parsed = text.split_once("..").and_then(|(start, end)| {
        let end = if end.is_empty() { None } else { Some(end.parse().ok()?) };
        Some((start.parse().ok()?, end))
    });
    parsed
        .filter(|(start, end): &(u64, Option<u64>)| end.is_none_or(|end| *start <= end))
        .ok_or_else(|| "expected START..END or START.., in bytes from 0".to_owned())
}

fn name_and_path(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok((name.to_owned(), path.into())),
        _ => Err("expected NAME=PATH".to_owned()),
    }
}

/// What is imported.
#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(subcommand)]
    pub(super) verb: ImportVerb,
}

/// From which tool.
#[derive(Debug, Subcommand)]
pub(super) enum ImportVerb {
    /// Scenarios of code-exec-harness: JSON files.
    CodeExecHarness {
        /// The files.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The folder that the scenarios are written to.
        #[arg(long = "output", value_name = "DIR")]
        to: PathBuf,
        /// The agent that runs them.
        #[arg(long, default_value = "codex", value_name = "NAME")]
        agent: String,
    },
    /// A smoke manifest of workgraph: scripts with owners and time limits. Run them in the folder they are written to.
    Workgraph {
        /// The manifest.
        #[arg(value_name = "MANIFEST")]
        manifest: PathBuf,
        /// The folder that `scenarios` and a `wassert.toml` for their scripts are written to; `wassert run` there runs
        /// them.
        #[arg(long = "output", value_name = "DIR")]
        to: PathBuf,
    },
}
