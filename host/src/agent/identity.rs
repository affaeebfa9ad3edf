//! Version and digest of an agent's program, remembered from run to run: a program of 300 MB takes longer to hash
//! than to run, so the answer is kept under the file's device, inode, size and time of change. So many answers, no more.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::root::{HOST_MARKER, MARKER_VARIABLE};
use crate::value::{Digest, excerpt};

/// How long a program may take to say its version: on a busy machine some take longer than 10 seconds.
const VERSION_LIMIT: Duration = Duration::from_secs(60);

/// Programs remembered; of more, those that were asked for longest ago are forgotten.
const REMEMBERED_LIMIT: usize = 200;

/// What a program is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Digest of its bytes.
    pub sha256: Digest,
    /// The first line it printed for its version.
    pub version: Option<String>,
}

/// What the program at `path` is. Answers are kept below `cache`; without one, or when it can't be written, the
/// program is hashed every time.
///
/// # Errors
/// When the program can't be read.
pub async fn identify(
    path: &Path,
    version_arguments: &[&str],
    cache: Option<&Path>,
) -> std::io::Result<Identity> {
    let metadata = std::fs::metadata(path)?;
    let key = format!(
        "{}\0{}\0{}\0{}\0{}\0{}\0{}",
        path.display(),
        metadata.dev(),
        metadata.ino(),
        metadata.size(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        version_arguments.join("\0"),
    );
    let remembered =
        cache.map(|folder| folder.join("programs").join(format!("{}.json", Digest::of(key).hex())));
    if let Some(file) = &remembered
        && let Ok(text) = std::fs::read(file)
        && let Ok(identity) = serde_json::from_slice(&text)
    {
        return Ok(identity);
    }

    let program = path.to_owned();
    let hash = tokio::task::spawn_blocking(move || Digest::of_reader(std::fs::File::open(program)?));
    let version = version(path, version_arguments);
    let (hash, version) = tokio::join!(hash, version);
    let identity = Identity { sha256: hash.map_err(std::io::Error::other)??, version };
    // One that said nothing may have been too slow, and is asked again.
    let is_whole = identity.version.is_some() || version_arguments.is_empty();
    if let Some(file) = remembered.filter(|_| is_whole) {
        remember(&file, &identity);
    }
    Ok(identity)
}

/// The first line a program prints for its version, in an empty environment.
async fn version(path: &Path, arguments: &[&str]) -> Option<String> {
    if arguments.is_empty() {
        return None;
    }
    let mut command = tokio::process::Command::new(path);
    command.args(arguments).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command.env(MARKER_VARIABLE, HOST_MARKER);
    command.stdin(std::process::Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(VERSION_LIMIT, command.output()).await.ok()?.ok()?;
    let line = String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned();
    (output.status.success() && !line.is_empty()).then(|| excerpt(&line, 100))
}

/// Losing the answer only costs time, so nothing here is an error.
fn remember(file: &Path, identity: &Identity) {
    let Some(folder) = file.parent() else { return };
    let Ok(text) = serde_json::to_vec(identity) else { return };
    if std::fs::create_dir_all(folder).is_ok()
        && let Ok(mut temporary) = tempfile::NamedTempFile::new_in(folder)
        && std::io::Write::write_all(&mut temporary, &text).is_ok()
    {
        let _ = temporary.persist(file);
        forget_oldest(folder);
    }
}

/// Removes the oldest answers beyond the limit, half of the limit at once, so that it is seldom done.
fn forget_oldest(folder: &Path) {
    let answers = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut answers: Vec<_> = answers
        .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "json"))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .collect();
    if answers.len() <= REMEMBERED_LIMIT {
        return;
    }
    answers.sort();
    for (_, answer) in &answers[..answers.len() - REMEMBERED_LIMIT / 2] {
        let _ = std::fs::remove_file(answer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_long_ago_are_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let identity = Identity { sha256: Digest::of("x"), version: None };
        let answer = |number: usize| folder.path().join(format!("{number}.json"));
        let began = std::time::SystemTime::UNIX_EPOCH;
        for number in 0..REMEMBERED_LIMIT {
            remember(&answer(number), &identity);
            let file = std::fs::File::options().write(true).open(answer(number)).unwrap();
            file.set_modified(began + Duration::from_secs(number as u64)).unwrap();
        }
        assert!(answer(0).exists(), "the limit is not exceeded yet");
        remember(&answer(REMEMBERED_LIMIT), &identity);
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, REMEMBERED_LIMIT / 2);
        assert!(answer(REMEMBERED_LIMIT).exists() && !answer(REMEMBERED_LIMIT / 2).exists());
    }

    #[tokio::test]
    async fn one_that_said_nothing_is_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let said = folder.path().join("said");
        let said = said.to_str().unwrap();
        let cat = Path::new("/bin/cat");
        let first = identify(cat, &[said], Some(folder.path())).await.unwrap();
        assert_eq!(first.version, None);
        std::fs::write(said, "agent 1\n").unwrap();
        let second = identify(cat, &[said], Some(folder.path())).await.unwrap();
        assert_eq!(second.version.as_deref(), Some("agent 1"));
    }

    #[tokio::test]
    async fn a_changed_program_is_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("agent");
        // Written by another process: a file this one has open for writing can't be executed ("text file busy"), and
        // a test that forks meanwhile holds it open.
        let write = |version: &str| {
            let script = format!("#!/bin/sh\necho {version}\n");
            let written = std::process::Command::new("sh")
                .args(["-c", "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"", "sh", &script])
                .arg(&program)
                .status();
            assert!(written.unwrap().success());
        };
        write("agent 1");
        let first = identify(&program, &["--version"], Some(folder.path())).await.unwrap();
        assert_eq!(first.version.as_deref(), Some("agent 1"));
        assert_eq!(identify(&program, &["--version"], Some(folder.path())).await.unwrap(), first);
        write("agent 2.0");
        let second = identify(&program, &["--version"], Some(folder.path())).await.unwrap();
        assert_eq!(second.version.as_deref(), Some("agent 2.0"));
        assert_ne!(first.sha256, second.sha256);
    }
}
