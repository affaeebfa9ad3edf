//! The run's key: what tells an agent's requests from those of anybody else on the machine, where the agent has no
//! network of its own. No secret, and replaced by a symbol: it differs from run to run.

use super::dispatch::Job;
use crate::agent::Root;
use crate::document::Isolation;
use crate::profile::{FAKE_KEY, KeyPlace, TurnLaunch};

/// The key of one run.
pub(super) struct RunKey {
    key: String,
    place: KeyPlace,
}

impl RunKey {
    /// The key of a run; none where nobody but the agent reaches the server, or where the scenario gives the agent a key
    /// or an address of its own, so that its requests can't carry this one.
    pub(super) fn of(job: &Job, root: &Root, isolation: &Isolation) -> Option<Self> {
        if isolation.no_network {
            return None;
        }
        let random = root.marker.rsplit('-').next().unwrap_or_default();
        let own = Self { key: format!("{FAKE_KEY}-{random}"), place: job.agent.known.0.key_place() };
        let mut launch = job.agent.known.0.launch(&TurnLaunch {
            base_url: &own.base_url("http://127.0.0.1:1/v1"),
            key: own.in_header(),
            transport: job.agent.transport,
            protocol: job.agent.protocol,
            model: job.agent.model.as_deref(),
            arguments: &job.agent.arguments,
            ..TurnLaunch::default()
        });
        launch.environment.extend(job.agent.environment.clone());
        let mut told =
            launch.arguments.iter().chain(launch.environment.values()).chain(launch.home_files.values());
        told.any(|text| text.contains(&own.key)).then_some(own)
    }

    /// The key.
    pub(super) fn text(&self) -> &str {
        &self.key
    }

    /// What the agent shows in place of a key.
    pub(super) fn in_header(&self) -> &str {
        if self.place == KeyPlace::Header { &self.key } else { FAKE_KEY }
    }

    /// Where the agent finds the server: `http://127.0.0.1:PORT/v1`, with the key before the path where it goes there.
    pub(super) fn base_url(&self, base_url: &str) -> String {
        match (self.place, base_url.strip_suffix("/v1")) {
            (KeyPlace::Path, Some(origin)) => format!("{origin}/{}/v1", self.key),
            _ => base_url.to_owned(),
        }
    }
}
