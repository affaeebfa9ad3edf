//! What modules may use: `[limits]` of `wassert.toml`, then `--limit`.

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::project;
use crate::sandbox::Limits;

/// `--limit`.
#[derive(Debug, Default, Args)]
pub(super) struct LimitArguments {
    /// What a module may use, such as `check_fuel=1_000_000` or `memory_bytes=64MiB`; keys as in `[limits]` of
    /// wassert.toml. May be given several times.
    #[arg(long = "limit", value_name = "KEY=VALUE")]
    limit: Vec<String>,
}

impl LimitArguments {
    /// The limits of this project with those of the command line.
    pub(super) fn limits(&self) -> anyhow::Result<Limits> {
        let mut limits = project::settings(&project::root()?)?.limits;
        for setting in &self.limit {
            limits = limits.with(setting).map_err(|error| anyhow!(error)).context("--limit")?;
        }
        Ok(limits)
    }
}
