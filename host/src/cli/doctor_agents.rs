//! What `wassert doctor` says of agents: how far they can be kept apart here, and which are found.

use super::doctor::{Level, Line};
use super::project;
use crate::agent::{Overrides, identify, locate};
use crate::profile::{NAMES, Profile, Program, Standing, by_name, standing};

/// The level of isolation this system gives, and why not more.
pub(super) fn isolation() -> Vec<Line> {
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
    else {
        return Vec::new();
    };
    let group = Line {
        what: "group".to_owned(),
        there: Level::Yes,
        text:
            "a process group, a home and an environment of their own; what goes around the proxy variables \
               is not seen, and files of the machine can be read"
                .to_owned(),
    };
    let full = |there, text| Line { what: "full".to_owned(), there, text };
    let said = "processes, files and network of their own; every way out is refused and told";
    #[cfg(target_os = "linux")]
    let full = match runtime.block_on(crate::agent::probe(true)) {
        Ok(()) => full(Level::Yes, said.to_owned()),
        Err(refusal) => full(
            Level::No,
            format!("{said}: refused at `{}` ({}); {}", refusal.step, refusal.error, advice(&refusal.step)),
        ),
    };
    #[cfg(not(target_os = "linux"))]
    let full = full(Level::No, format!("{said}: on Linux alone"));
    vec![full, group, total_limits()]
}

/// Whether the system holds limits of all processes of a turn together.
fn total_limits() -> Line {
    let said = "`total_…` limits of a turn, by control groups of version 2";
    let (there, text) = match crate::agent::probe_groups() {
        Ok(None) => (Level::Yes, format!("{said}: tried with one process")),
        Ok(Some(remark)) => (Level::Yes, format!("{said}: tried with one process; {remark}")),
        Err(reason) => {
            (Level::No, format!("{said}: not held here, and not verified on this machine: {reason}"))
        }
    };
    Line { what: "total limits".to_owned(), there, text }
}

/// What helps when the system refuses at a step.
#[cfg(target_os = "linux")]
fn advice(step: &str) -> &'static str {
    match step {
        "unshare the user namespace" | "write uid_map" | "write gid_map" | "write setgroups" => {
            "allow user namespaces: `sysctl user.max_user_namespaces=15000`, on Ubuntu also \
             `sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in a container, a seccomp profile that \
             allows `unshare`"
        }
        "mount /proc" => {
            "the container covers parts of /proc: start it with `--security-opt systempaths=unconfined`"
        }
        _ => "in a container, start it with the privileges that mounting in a user namespace needs",
    }
}

/// Each agent: found or not, its version, and whether that is the one its profile was measured with.
pub(super) fn agents() -> Vec<Line> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (Ok(runtime), Ok(project)) = (runtime, project::root()) else { return Vec::new() };
    let path = std::env::var("PATH").unwrap_or_default();
    let cache = project::cache();
    let described = project::agents(&project).unwrap_or_default();
    let is_described = |name: &str| described.iter().any(|known| known.0.name() == name);
    NAMES
        .into_iter()
        .filter(|name| !is_described(name))
        .filter_map(by_name)
        .chain(described.iter().map(|known| known.0))
        // Of `command`, only what a project makes of it is a program.
        .filter(|profile| profile.program() != Program::Unnamed)
        .map(|profile| {
            let found = locate(profile.name(), profile, &Overrides::new(), &project, &path);
            let (there, text) = match found {
                Err(_) => (Level::No, format!("not found; {}", install(profile))),
                Ok((program, _)) => {
                    let asked = identify(&program, profile.version_arguments(), cache.as_deref());
                    let version = runtime.block_on(asked).ok().and_then(|identity| identity.version);
                    let (there, said) = compared(version.as_deref(), profile);
                    (there, format!("{said}, `{}`", program.display()))
                }
            };
            Line { what: profile.name().to_owned(), there, text }
        })
        .collect()
}

fn install(profile: &dyn Profile) -> String {
    match profile.program() {
        Program::External { install, .. } => format!("`{install}`, or `--agent-bin {}=PATH`", profile.name()),
        Program::Named { build_hint: Some(command), .. } => format!("build it with `{command}`"),
        Program::Named { path, build_hint: None } => format!("wassert.toml names `{path}`"),
        Program::Unnamed => "name its program in wassert.toml".to_owned(),
        Program::Own { .. } => "it is a part of this program".to_owned(),
    }
}

fn compared(version: Option<&str>, profile: &dyn Profile) -> (Level, String) {
    let verified =
        if profile.is_verified() { "" } else { "; its profile was not verified against the real program" };
    match (version, profile.measured_version()) {
        (Some(version), Some(measured)) if standing(Some(version), Some(measured)) == Standing::Measured => {
            (Level::Yes, format!("{version}, which its profile was measured with{verified}"))
        }
        (Some(version), Some(measured)) => (
            Level::Partly,
            format!("{version}; its profile was measured with {measured}, so facts may be old{verified}"),
        ),
        (Some(version), None) => (Level::Yes, format!("{version}{verified}")),
        (None, Some(measured)) => (
            Level::Partly,
            format!("does not say its version; its profile was measured with {measured}{verified}"),
        ),
        (None, None) => (Level::Yes, format!("{}{verified}", env!("CARGO_PKG_VERSION"))),
    }
}
