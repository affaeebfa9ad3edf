//! What of the machine is seen inside a namespace, and under which paths.
//!
//! Beside the system's programs that is the agent's own program with what it was installed with, and the folders of
//! `PATH`. A home is never among it.

use std::path::{Path, PathBuf};

use super::message::{Exposed, Plan};
use super::mounts::{RUN, is_seen_anyway, keeps_its_path};

/// Where an agent's program is seen that lies in a folder which is another one inside, such as `/run`.
const MOVED: &str = "/agent";

/// The place of one run.
#[derive(Clone, Debug)]
pub struct Place {
    folder: PathBuf,
    base: PathBuf,
    program: PathBuf,
    has_own_network: bool,
    exposed: Vec<Exposed>,
    hidden: Vec<PathBuf>,
}

impl Place {
    /// `folder` is the run's, `host` a folder of the host's own, `program` the agent's; `readable` are more files and
    /// folders the user exposes, `hidden` what must not be seen whatever is exposed.
    pub fn new(
        folder: &Path,
        host: &Path,
        program: &Path,
        has_own_network: bool,
        readable: &[PathBuf],
        hidden: &[PathBuf],
    ) -> Self {
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let on_path = std::env::var_os("PATH").unwrap_or_default();
        let mut exposed = Vec::new();
        let mut expose = |path: &Path| {
            if keeps_its_path(path) && path.exists() && !is_seen_anyway(path) {
                exposed.push(Exposed { source: path.to_owned(), target: path.to_owned() });
            }
        };
        readable.iter().for_each(|path| expose(path));
        for folder in std::env::split_paths(&on_path) {
            if Some(&folder) != home.as_ref() {
                expose(&folder);
            }
        }
        let program = see(program, home.as_deref(), hidden, &mut exposed);
        exposed.sort();
        exposed.dedup();
        // What lies below another one is seen with it.
        let all = exposed.clone();
        exposed.retain(|one| !all.iter().any(|other| other != one && one.target.starts_with(&other.target)));
        Self {
            folder: folder.to_owned(),
            base: host.to_owned(),
            program,
            has_own_network,
            exposed,
            hidden: hidden.to_vec(),
        }
    }

    /// The agent's program as it is seen inside.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Whether the network is its own.
    pub fn has_own_network(&self) -> bool {
        self.has_own_network
    }

    /// A path below the run's folder as it is seen inside; others as they are.
    pub fn seen(&self, path: &Path) -> PathBuf {
        match path.strip_prefix(&self.folder) {
            Ok(below) => Path::new(RUN).join(below),
            Err(_) => path.to_owned(),
        }
    }

    /// Where outside the mount points in the run's temporary folder lie: what of the machine's `/tmp` is exposed is
    /// mounted there.
    pub(super) fn mount_points(&self) -> Vec<PathBuf> {
        let temporary = self.folder.join("tmp");
        let below = self.exposed.iter().filter_map(|exposed| exposed.target.strip_prefix("/tmp").ok());
        below.map(|below| temporary.join(below)).collect()
    }

    pub(super) fn plan(&self) -> Plan {
        Plan {
            own_network: self.has_own_network,
            folder: self.folder.clone(),
            base: self.base.clone(),
            exposed: self.exposed.clone(),
            hidden: self.hidden.clone(),
        }
    }
}

/// Exposes a program with what it was installed with; returns where it is seen.
fn see(program: &Path, home: Option<&Path>, hidden: &[PathBuf], exposed: &mut Vec<Exposed>) -> PathBuf {
    // A link on PATH may lead anywhere; what it leads to is what runs.
    let real = program.canonicalize().unwrap_or_else(|_| program.to_owned());
    if is_seen_anyway(&real) {
        return real;
    }
    let whole = installed(&real, home, hidden);
    if keeps_its_path(&whole) {
        exposed.push(Exposed { source: whole.clone(), target: whole });
        return real;
    }
    let name = whole.file_name().unwrap_or(whole.as_os_str());
    let target = Path::new(MOVED).join(name);
    let seen = match real.strip_prefix(&whole) {
        Ok(below) if !below.as_os_str().is_empty() => target.join(below),
        _ => target.clone(),
    };
    exposed.push(Exposed { source: whole, target });
    seen
}

/// What belongs to a program: the outermost `node_modules` around it, or the folder above its `bin`, or nothing but
/// itself. Never a folder that holds a home, or something hidden.
fn installed(program: &Path, home: Option<&Path>, hidden: &[PathBuf]) -> PathBuf {
    let modules = program
        .ancestors()
        .filter(|folder| folder.file_name().is_some_and(|name| name == "node_modules"))
        .last();
    let prefix = program
        .parent()
        .filter(|folder| folder.file_name().is_some_and(|name| name == "bin"))
        .and_then(Path::parent);
    [modules, prefix]
        .into_iter()
        .flatten()
        .find(|folder| {
            let holds = |path: &Path| path.starts_with(folder);
            let is_local = folder.file_name().is_some_and(|name| name == ".local" || name == ".cargo");
            folder.parent().is_some()
                && !is_local
                && !home.is_some_and(holds)
                && !hidden.iter().any(|path| holds(path))
        })
        .unwrap_or(program)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_seen_with_what_it_was_installed_with() {
        let home = Path::new("/home/me");
        let runs = [PathBuf::from("/home/me/project/.wassert/runs")];
        for (program, whole) in [
            ("/w/tests/node_modules/@x/y/node_modules/z/bin/agent", "/w/tests/node_modules"),
            ("/home/me/project/venv/bin/agent", "/home/me/project/venv"),
            ("/home/me/.local/bin/agent", "/home/me/.local/bin/agent"),
            ("/home/me/bin/agent", "/home/me/bin/agent"),
            ("/home/me/project/bin/agent", "/home/me/project/bin/agent"),
            ("/srv/agent", "/srv/agent"),
            ("/bin/agent", "/bin/agent"),
        ] {
            assert_eq!(installed(Path::new(program), Some(home), &runs), Path::new(whole), "{program}");
        }
    }

    #[test]
    fn a_program_in_a_folder_that_is_another_one_inside_is_moved() {
        let mut exposed = Vec::new();
        let seen = see(Path::new("/run/build/x/bin/agent"), None, &[], &mut exposed);
        assert_eq!(seen, Path::new("/agent/x/bin/agent"));
        let moved = Exposed { source: "/run/build/x".into(), target: "/agent/x".into() };
        assert_eq!(exposed, [moved]);
    }
}
