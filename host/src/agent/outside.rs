//! What an agent left around its workspace: in its home, in its temporary folder, beside the workspace, and in the
//! repository the host was started in.
//!
//! Home and temporary folder are made empty, so whatever is there is new. Links are not followed, files not read.
//! What the profile says is the agent's own is not looked into.

use cap_std::fs::{Dir, FileType};

use super::launching::LaunchingChanges;
use super::root::Root;
use super::shims::Laid;
use super::workspace::shown_name;
use crate::document::{Change, FileKind, Home, HomeChange, NAMES_LIMIT};
use crate::value::glob_matches;

/// Names looked at; an agent that makes more is told that there are more.
const ENTRIES_LIMIT: usize = 50_000;

/// Folders in folders.
const DEPTH_LIMIT: usize = 64;

/// The parts of a run's folder, and where the document says they are. The workspace has a section of its own.
const PARTS: [(&str, &str); 2] = [("home", "~"), ("tmp", "tmp")];
const WORKSPACE: &str = "workspace";

/// What became of everything around the workspace. `own` are the profile's patterns; of the stand-ins that were laid
/// only what they write down themselves is not told.
pub fn look_outside(root: &Root, own: &[&str], shims: &Laid, launching: LaunchingChanges) -> Home {
    let mut walk = Walk { home: Home::default(), root, own, shims, entries: 0 };
    walk.look(&root.whole, "..", 0);
    for (path, kind) in shims.gone(root) {
        walk.change(path, Change::Removed, kind);
    }
    for (part, place) in PARTS {
        // A part that is gone, or is no folder any more, has been told as a change beside the workspace.
        let is_folder = root.whole.symlink_metadata(part).is_ok_and(|metadata| metadata.is_dir());
        match (is_folder, root.whole.open_dir(part)) {
            (true, Ok(folder)) => walk.look(&folder, place, 0),
            _ => walk.change(format!("../{part}"), Change::Modified, FileKind::Other),
        }
    }
    if !root.whole.symlink_metadata(WORKSPACE).is_ok_and(|metadata| metadata.is_dir()) {
        walk.change(format!("../{WORKSPACE}"), Change::Modified, FileKind::Other);
    }
    let mut home = walk.home;
    home.repository = launching.watch;
    for (path, change, kind) in launching.changes {
        if home.changes.len() >= NAMES_LIMIT {
            home.more = home.more.saturating_add(1);
            continue;
        }
        let change = HomeChange { change, kind, shared: launching.is_shared };
        home.changes.insert(format!("repository/{path}"), change);
    }
    home
}

struct Walk<'a> {
    home: Home,
    root: &'a Root,
    own: &'a [&'a str],
    shims: &'a Laid,
    entries: usize,
}

impl Walk<'_> {
    fn look(&mut self, folder: &Dir, below: &str, depth: usize) {
        let Ok(entries) = folder.entries() else {
            // What can't be listed is a change in itself: it was not so when the run began.
            return self.change(format!("{below}/"), Change::Modified, FileKind::Folder);
        };
        let mut entries: Vec<_> = entries
            .filter_map(|entry| entry.ok())
            .map(|entry| (entry.file_name(), entry.file_type().ok()))
            .collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (name, kind) in entries {
            let is_beside = below == "..";
            let is_part = PARTS.iter().any(|(part, _)| name == *part);
            if is_beside && (is_part || name == WORKSPACE) {
                continue;
            }
            self.entries += 1;
            if self.entries > ENTRIES_LIMIT {
                self.home.more = self.home.more.saturating_add(1);
                return;
            }
            let path = format!("{below}/{}", shown_name(&name));
            match self.shims.became(self.root, &path, kind) {
                None => {}
                Some(Change::Unchanged) => continue,
                Some(change) => {
                    self.change(path, change, of(kind));
                    continue;
                }
            }
            if let Some(pattern) = self.own.iter().find(|pattern| glob_matches(pattern, &path)) {
                self.home.own.insert((*pattern).to_owned());
                continue;
            }
            match kind {
                Some(kind) if kind.is_dir() => self.folder(folder, &name, path, depth),
                kind => self.change(path, Change::Added, of(kind)),
            }
        }
    }

    /// A folder with something in it is told by that.
    fn folder(&mut self, parent: &Dir, name: &std::ffi::OsStr, path: String, depth: usize) {
        let folder = parent.open_dir(name).ok().filter(|_| depth < DEPTH_LIMIT);
        match folder {
            Some(folder) if folder.entries().is_ok_and(|mut entries| entries.next().is_some()) => {
                self.look(&folder, &path, depth + 1);
            }
            _ => self.change(path, Change::Added, FileKind::Folder),
        }
    }

    fn change(&mut self, path: String, change: Change, kind: FileKind) {
        if self.home.changes.len() < NAMES_LIMIT {
            self.home.changes.insert(path, HomeChange { change, kind, shared: false });
        } else {
            self.home.more = self.home.more.saturating_add(1);
        }
    }
}

fn of(kind: Option<FileType>) -> FileKind {
    match kind {
        Some(kind) if kind.is_dir() => FileKind::Folder,
        Some(kind) if kind.is_file() => FileKind::File,
        Some(kind) if kind.is_symlink() => FileKind::Link,
        _ => FileKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(root: &Root, own: &[&str]) -> (Vec<(String, FileKind)>, Vec<String>) {
        let home = look_outside(root, own, &Laid::default(), LaunchingChanges::default());
        (
            home.changes.into_iter().map(|(name, change)| (name, change.kind)).collect(),
            home.own.into_iter().collect(),
        )
    }

    #[test]
    fn names_are_told_but_for_the_agents_own() {
        let root = Root::create().unwrap();
        assert_eq!(names(&root, &[]), (vec![], vec![]));
        let at = |path: &str| root.folder().join(path);
        for folder in ["home/.agent/deep", "home/.cache/empty", "other/sub", "workspace/inside"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        for file in ["home/.agent/deep/a", "home/x", "tmp/agent-7.lock", "other/sub/f", "workspace/inside/f"]
        {
            std::fs::write(at(file), "").unwrap();
        }
        std::os::unix::fs::symlink("/", at("home/everything")).unwrap();
        let (told, own) = names(&root, &["~/.agent/**", "tmp/agent-*.lock", "~/never/**"]);
        let told: Vec<_> = told.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        assert_eq!(
            told,
            [
                ("../other/sub/f", FileKind::File),
                ("~/.cache/empty", FileKind::Folder),
                ("~/everything", FileKind::Link),
                ("~/x", FileKind::File),
            ]
        );
        assert_eq!(own, ["tmp/agent-*.lock", "~/.agent/**"]);
    }

    #[test]
    fn a_part_that_became_a_link_is_told_and_not_followed() {
        let root = Root::create().unwrap();
        for part in ["home", "workspace"] {
            std::fs::remove_dir(root.folder().join(part)).unwrap();
            std::os::unix::fs::symlink("/etc", root.folder().join(part)).unwrap();
        }
        let told = ["../home", "../workspace"].map(|part| (part.to_owned(), FileKind::Other));
        assert_eq!(names(&root, &[]).0, told);
    }

    #[test]
    fn a_flood_of_names_is_counted() {
        let root = Root::create().unwrap();
        for index in 0..NAMES_LIMIT + 5 {
            std::fs::write(root.folder().join(format!("tmp/{index}")), "").unwrap();
        }
        let home = look_outside(&root, &[], &Laid::default(), LaunchingChanges::default());
        assert_eq!((home.changes.len(), home.more), (NAMES_LIMIT, 5));
    }
}
