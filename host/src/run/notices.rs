//! What is worth saying of a job while it runs, and changes no verdict.

use tokio::sync::mpsc;

use super::dispatch::{Dispatch, Job};

/// Tells of one job.
#[derive(Clone, Debug)]
pub(super) struct Notices {
    name: String,
    agent: String,
    tell: mpsc::UnboundedSender<Dispatch>,
}

impl Notices {
    pub(super) fn of(job: &Job, tell: mpsc::UnboundedSender<Dispatch>) -> Self {
        Self { name: job.scenario.name.clone(), agent: job.agent.name.clone(), tell }
    }

    /// Says a sentence; nobody may be listening any more.
    pub(super) fn tell(&self, notice: String) {
        let (name, agent) = (self.name.clone(), self.agent.clone());
        let _ = self.tell.send(Dispatch::Noticed { name, agent, notice });
    }
}
