//! Finds an agent's program: the user's word first, then the pinned places below the project, then `PATH`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::profile::{Profile, Program};

/// Programs the user named: agent or profile name to path.
pub type Overrides = BTreeMap<String, PathBuf>;

/// No program to start.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// It is in none of the places.
    #[error("agent `{agent}` is missing: no program `{program}` below the project or on PATH")]
    Missing {
        /// The agent.
        agent: String,
        /// File name looked for.
        program: String,
        /// The command that installs it.
        install: String,
    },
    /// The path the user named is no executable file.
    #[error("agent `{agent}`: `{path}` is not an executable file")]
    NotExecutable {
        /// The agent.
        agent: String,
        /// As the user named it.
        path: PathBuf,
    },
    /// The program that the project names is not there.
    #[error("agent `{agent}` is missing: `{path}` is not an executable file")]
    NotBuilt {
        /// The agent.
        agent: String,
        /// As the project names it.
        path: String,
        /// The command that builds it.
        build_hint: Option<String>,
    },
    /// Nobody named a program.
    #[error("agent `{agent}` has no program")]
    Unnamed {
        /// The agent.
        agent: String,
    },
    /// This program's own path is unknown.
    #[error("the path of this program is unknown")]
    Own(#[source] std::io::Error),
}

impl LocateError {
    /// What to do about it.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Missing { agent, install, .. } => {
                Some(format!("install it with `{install}`, or name it with `--agent-bin {agent}=PATH`"))
            }
            Self::NotExecutable { .. } => {
                Some("name the agent's program with `--agent-bin NAME=PATH`".to_owned())
            }
            Self::NotBuilt { agent, build_hint, .. } => Some(match build_hint {
                Some(command) => format!("build it with `{command}`"),
                None => format!("name it as `program` of `[agent.{agent}]` in wassert.toml"),
            }),
            Self::Unnamed { agent } => Some(format!(
                "name one as `program` of `[agent.{agent}]` in wassert.toml, or with `--agent-bin {agent}=PATH`"
            )),
            Self::Own(_) => None,
        }
    }
}

/// The program of `agent` (a column of the matrix) with `profile`, and the arguments that come before the profile's.
///
/// # Errors
/// When there is no such program.
pub fn locate(
    agent: &str,
    profile: &dyn Profile,
    overrides: &Overrides,
    project: &Path,
    path_variable: &str,
) -> Result<(PathBuf, Vec<String>), LocateError> {
    if let Some(named) = overrides.get(agent).or_else(|| overrides.get(profile.name())) {
        let path = std::path::absolute(named).unwrap_or_else(|_| named.clone());
        return if is_executable(&path) {
            Ok((path, Vec::new()))
        } else {
            Err(LocateError::NotExecutable { agent: agent.to_owned(), path: named.clone() })
        };
    }
    match profile.program() {
        Program::Own { argument } => {
            Ok((std::env::current_exe().map_err(LocateError::Own)?, vec![argument.to_owned()]))
        }
        Program::Unnamed => Err(LocateError::Unnamed { agent: agent.to_owned() }),
        Program::Named { path, build_hint } => {
            let found = if path.contains('/') {
                Some(project.join(&path)).filter(|path| is_executable(path))
            } else {
                on_path(path_variable, &path)
            };
            found.map(|path| (path, Vec::new())).ok_or_else(|| LocateError::NotBuilt {
                agent: agent.to_owned(),
                path,
                build_hint,
            })
        }
        Program::External { name, pinned, install } => {
            let pinned = pinned.iter().map(|below| project.join(below));
            pinned
                .into_iter()
                .find(|path| is_executable(path))
                .or_else(|| on_path(path_variable, name))
                .map(|path| (path, Vec::new()))
                .ok_or_else(|| LocateError::Missing {
                    agent: agent.to_owned(),
                    program: name.to_owned(),
                    install: install.to_owned(),
                })
        }
    }
}

fn on_path(path_variable: &str, name: &str) -> Option<PathBuf> {
    let folders = std::env::split_paths(path_variable).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|path| is_executable(path))
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::by_name;

    fn codex(
        overrides: &Overrides,
        project: &Path,
        path: &str,
    ) -> Result<(PathBuf, Vec<String>), LocateError> {
        locate("codex-http", by_name("codex").unwrap(), overrides, project, path)
    }

    #[test]
    fn a_missing_agent_is_named_with_the_command_that_installs_it() {
        let error = codex(&Overrides::new(), Path::new("/nowhere"), "/nowhere/bin:relative").unwrap_err();
        assert!(error.to_string().contains("`codex-http`"), "{error}");
        assert!(error.help().unwrap().contains("npm install --global @openai/codex"));
    }

    #[test]
    fn the_users_word_comes_before_path() {
        let shell = Overrides::from([("codex".to_owned(), PathBuf::from("/bin/sh"))]);
        assert_eq!(codex(&shell, Path::new("/nowhere"), "/usr/bin").unwrap().0, Path::new("/bin/sh"));
        let folder = Overrides::from([("codex-http".to_owned(), PathBuf::from("/"))]);
        assert!(matches!(
            codex(&folder, Path::new("/nowhere"), "/usr/bin"),
            Err(LocateError::NotExecutable { .. })
        ));
    }

    #[test]
    fn a_projects_own_build_is_never_whatever_is_on_path() {
        let settings: crate::profile::AgentSettings =
            toml::from_str("program = 'bin/sh'\nbuild-hint = 'make sh'").unwrap();
        let mine = settings.profile("codex").unwrap().0;
        let find =
            |project: &str| locate("codex", mine, &Overrides::new(), Path::new(project), "/usr/bin:/bin");
        assert_eq!(find("/").unwrap().0, Path::new("/bin/sh"));
        assert_eq!(find("/nowhere").unwrap_err().help().unwrap(), "build it with `make sh`");
        let unnamed =
            locate("x", by_name("command").unwrap(), &Overrides::new(), Path::new("/"), "").unwrap_err();
        assert!(unnamed.help().unwrap().contains("`[agent.x]`"));
    }

    #[test]
    fn the_example_agent_is_this_program() {
        let (_, first) =
            locate("example", by_name("example").unwrap(), &Overrides::new(), Path::new("/"), "").unwrap();
        assert_eq!(first, ["example-agent"]);
    }
}
