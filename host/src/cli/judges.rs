//! The judge of this program: with the embedded packs, the user's cache, and processes of this very program.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::limits::LimitArguments;
use super::project;
use crate::pack;
use crate::sandbox::{BackEnd, Judge, JudgeSettings, WorkerSettings};

/// The variable that holds a key for the cache.
const CACHE_KEY: &str = "WASSERT_CACHE_KEY";

/// A shorter secret could be guessed by trying.
const CACHE_KEY_BYTES_AT_LEAST: usize = 16;

/// How judges work.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct WorkerArguments {
    /// How many processes judge side by side; by default as many as the machine has processors.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) judge_workers: Option<u16>,
    /// Judge everything anew: verdicts that were given before are neither used nor kept.
    #[arg(long)]
    pub(super) no_cache: bool,
    /// Judge everything a second time, with another engine, and demand equal verdicts and equal fuel.
    #[arg(long)]
    pub(super) cross_check: bool,
}

impl WorkerArguments {
    /// How many at most.
    pub(super) fn most(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.judge_workers.map_or_else(processors, usize::from)
    }
}

/// A judge that needs no evidence but what is put into its own folder.
pub(super) fn new_judge(limits: &LimitArguments) -> anyhow::Result<Judge> {
    judge_within(limits, &WorkerArguments::default(), Vec::new())
}

/// A judge of evidence below some folders and files.
pub(super) fn judge_within(
    limits: &LimitArguments,
    workers: &WorkerArguments,
    roots: Vec<PathBuf>,
) -> anyhow::Result<Judge> {
    let embedded = ["std"].iter().filter_map(|name| Some(((*name).to_owned(), pack::embedded(name)?.module)));
    let cache = project::cache();
    let below = |name: &str| cache.as_ref().map(|cache| cache.join(name));
    let settings = JudgeSettings {
        cache_directory: below("compiled"),
        cache_key: cache_key()?,
        verdict_directory: below("verdicts").filter(|_| !workers.no_cache),
        workers: Some(WorkerSettings {
            program: program()?,
            most: workers.most(),
            roots,
            cross_check: workers.cross_check,
            second_opinion: None,
        }),
        embedded: embedded.collect::<BTreeMap<_, _>>(),
        back_end: BackEnd::Native,
        limits: limits.limits()?,
    };
    Judge::new(settings).context("the judge can't be started")
}

/// This program as it runs, even if its file was replaced meanwhile.
fn program() -> anyhow::Result<PathBuf> {
    let itself = PathBuf::from("/proc/self/exe");
    if itself.exists() {
        return Ok(itself);
    }
    std::env::current_exe().context("this program can't find itself")
}

fn cache_key() -> anyhow::Result<Option<String>> {
    let Some(key) = std::env::var_os(CACHE_KEY).filter(|key| !key.is_empty()) else { return Ok(None) };
    let key = key.into_string().ok().with_context(|| format!("{CACHE_KEY} is not text"))?;
    anyhow::ensure!(
        key.len() >= CACHE_KEY_BYTES_AT_LEAST,
        "{CACHE_KEY} is shorter than {CACHE_KEY_BYTES_AT_LEAST} bytes; take something like `openssl rand -hex 32`"
    );
    Ok(Some(key))
}
