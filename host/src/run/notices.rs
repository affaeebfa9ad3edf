//! What is worth saying of a job while it runs, and changes no verdict.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::dispatch::{Dispatch, Job};

/// Tells of one job.
#[derive(Clone, Debug)]
pub(super) struct Notices {
    name: String,
    agent: String,
    tell: mpsc::UnboundedSender<Dispatch>,
    said: Arc<Mutex<Vec<String>>>,
}

impl Notices {
    pub(super) fn of(job: &Job, tell: mpsc::UnboundedSender<Dispatch>) -> Self {
        Self { name: job.scenario.name.clone(), agent: job.agent.name.clone(), tell, said: Arc::default() }
    }

    /// Says a sentence about this job.
    pub(super) fn tell(&self, notice: String) {
        self.send(Some(self.name.clone()), notice);
    }

    /// Says a sentence that holds for the agent in every scenario.
    pub(super) fn tell_of_agent(&self, notice: String) {
        self.send(None, notice);
    }

    /// All that was said.
    pub(super) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn send(&self, name: Option<String>, notice: String) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).push(notice.clone());
        // Nobody may be listening any more.
        let _ = self.tell.send(Dispatch::Noticed { name, agent: self.agent.clone(), notice });
    }
}
