//! The sections of the document that are known from the plan: what was asked, and of whom.

use super::assertions::Resolved;
use super::dispatch::Job;
use crate::agent::Identity;
use crate::document::{Agent, Asserted, Scenario as ScenarioSection, ScriptedStep};
use crate::profile::{Profile, TurnLaunch};

/// What was asked of the agent and of the server.
pub(super) fn scenario_section(job: &Job, assertions: &[Resolved]) -> ScenarioSection {
    let scenario = &*job.scenario;
    ScenarioSection {
        name: scenario.name.clone(),
        summary: scenario.summary.clone(),
        sha256: Some(scenario.sha256),
        timeout_ms: scenario.timeout_ms,
        turns: u32::try_from(scenario.turns.len()).unwrap_or(u32::MAX),
        steps: scenario
            .steps
            .iter()
            .map(|step| ScriptedStep {
                lane: step.lane.clone(),
                step: step.number,
                attempts: step.attempts(),
                optional: step.optional,
            })
            .collect(),
        upstream: scenario
            .reception
            .upstream
            .iter()
            .map(|(lane, endpoint)| (lane.clone(), endpoint.to_string()))
            .collect(),
        served: false,
        completed: scenario.completed_for(&job.agent.name),
        exit: scenario.exits.get(&job.agent.name).copied(),
        attempts: scenario.attempts.get(&job.agent.name).cloned().unwrap_or_default(),
        not_offered: scenario.effects.not_offered.of(&job.agent.name).to_vec(),
        survivors: scenario.effects.survivors.of(&job.agent.name).to_vec(),
        egress: scenario.effects.egress.of(&job.agent.name).to_vec(),
        outside: scenario.effects.outside.of(&job.agent.name).to_vec(),
        limits: scenario.limits.clone(),
        assertions: assertions
            .iter()
            .map(|resolved| Asserted {
                uses: resolved.assertion.uses.to_string(),
                with: resolved.assertion.with.clone(),
                module: resolved.digest,
                grant: resolved.assertion.grant.clone(),
            })
            .collect(),
        // Known when everything has been searched for them.
        secrets: Vec::new(),
    }
}

/// The program under test.
pub(super) fn agent_section(
    job: &Job,
    profile: &dyn Profile,
    program: &std::path::Path,
    identity: Option<Identity>,
    turns: usize,
) -> Agent {
    let arguments = (0..turns)
        .map(|index| {
            let resumes = job.scenario.turns[index].resumes;
            profile
                .launch(&TurnLaunch {
                    base_url: "{base_url}",
                    workspace: "{workspace}",
                    home: "{home}",
                    prompt: "{prompt}",
                    session: resumes.then_some("{session}"),
                    transport: job.agent.transport,
                    protocol: job.agent.protocol,
                    model: job.agent.model.as_deref(),
                    key: "{key}",
                    arguments: &job.agent.arguments,
                })
                .arguments
        })
        .collect();
    Agent {
        name: job.agent.name.clone(),
        profile: job.agent.profile.clone(),
        version: identity.as_ref().and_then(|identity| identity.version.clone()),
        measured_version: profile.measured_version().map(str::to_owned),
        unverified: !profile.is_verified(),
        program: program.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        sha256: identity.map(|identity| identity.sha256),
        arguments,
        transport: job.agent.transport.word().to_owned(),
    }
}
