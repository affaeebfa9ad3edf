//! Baselines, repositories and what differs.

use super::*;
use crate::scenario::Commit;

/// A repository without history.
async fn committed(directory: PathBuf, workspace: PathBuf) -> Baseline {
    Baseline::commit(directory, workspace, &Workspace { git: true, ..Workspace::default() }).await.unwrap()
}

#[tokio::test]
async fn changes_are_told_against_the_baseline() {
    let root = tempfile::tempdir().unwrap();
    let workspace = root.path().join("ws");
    std::fs::create_dir(&workspace).unwrap();
    std::fs::write(workspace.join("a"), "one\n").unwrap();
    let baseline = committed(root.path().join("git"), workspace.clone()).await;
    assert_eq!(baseline.compare(true).await.unwrap(), Compared::default());
    std::fs::write(workspace.join("a"), "two\n").unwrap();
    std::fs::write(workspace.join("new file"), "").unwrap();
    let git = baseline.compare(true).await.unwrap();
    let told: Vec<_> = git.status.iter().map(|change| (change.code.as_str(), change.path.as_str())).collect();
    assert_eq!(told, [(" M", "a"), ("??", "new file")]);
    assert!(git.diff.contains("-one\n+two\n"), "{}", git.diff);
}

#[tokio::test]
async fn a_diff_without_end_is_cut() {
    let root = tempfile::tempdir().unwrap();
    let workspace = root.path().join("ws");
    std::fs::create_dir(&workspace).unwrap();
    for index in 0..5 {
        std::fs::write(workspace.join(format!("{index}")), "").unwrap();
    }
    let baseline = committed(root.path().join("git"), workspace.clone()).await;
    for index in 0..5 {
        std::fs::write(workspace.join(format!("{index}")), "0123456\n".repeat(1024 * 1024)).unwrap();
    }
    let git = baseline.compare(true).await.unwrap();
    assert_eq!(git.status.len(), 5);
    assert!(git.diff.len() < DIFF_LIMIT_BYTES + 100, "{}", git.diff.len());
    assert!(git.diff.ends_with("\n[cut at 1 MiB]\n"));
}

#[tokio::test]
async fn the_agent_gets_a_repository_of_its_own() {
    let root = tempfile::tempdir().unwrap();
    let workspace = root.path().join("ws");
    std::fs::create_dir(&workspace).unwrap();
    let baseline = committed(root.path().join("git"), workspace.clone()).await;
    let log = std::process::Command::new("git")
        .args(["log", "--format=%H %s"])
        .current_dir(&workspace)
        .output()
        .unwrap();
    assert!(String::from_utf8_lossy(&log.stdout).trim().ends_with(" baseline"));
    // What the agent does to its repository does not move the baseline.
    std::fs::write(workspace.join("b"), "b").unwrap();
    let commit = "git add b && git -c user.name=x -c user.email=x commit -qm b";
    assert!(
        std::process::Command::new("sh")
            .args(["-c", commit])
            .current_dir(&workspace)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(baseline.compare(true).await.unwrap().status[0].path, "b");
}

#[tokio::test]
async fn nothing_the_workspace_says_about_git_is_executed() {
    let root = tempfile::tempdir().unwrap();
    let workspace = root.path().join("ws");
    let proof = root.path().join("executed");
    let touch = format!("touch {}", proof.display());
    let lay = || {
        std::fs::create_dir_all(workspace.join(".git/hooks")).unwrap();
        let config = format!(
            "[core]\n\tfsmonitor = \"{touch}\"\n\thooksPath = .git/hooks\n[filter \"f\"]\n\tclean = \"{touch}\"\n[diff \"d\"]\n\tcommand = \"{touch}\"\n"
        );
        std::fs::write(workspace.join(".git/config"), config).unwrap();
        std::fs::write(workspace.join(".gitattributes"), "* filter=f diff=d\n").unwrap();
    };
    lay();
    let baseline = committed(root.path().join("git"), workspace.clone()).await;
    std::fs::write(workspace.join("a"), "a\n").unwrap();
    lay();
    assert_eq!(baseline.compare(true).await.unwrap().status.len(), 1);
    assert!(!proof.exists());
}

fn said_by_git(folder: &Path, arguments: &[&str]) -> String {
    let output = std::process::Command::new("git").args(arguments).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn commit(message: &str, files: &[(&str, &str)], removed: &[&str]) -> Commit {
    Commit {
        message: message.to_owned(),
        author: "Ada <ada@example.org>".to_owned(),
        date: "2024-05-01T09:30:00+02:00".to_owned(),
        files: files.iter().map(|(path, text)| ((*path).to_owned(), (*text).into())).collect(),
        removed: removed.iter().map(|path| (*path).to_owned()).collect(),
    }
}

#[tokio::test]
async fn a_history_is_the_same_on_every_machine() {
    let commits = vec![
        commit("one\n\nmore", &[("a \"b\" é.txt", "1\n"), ("deep/c", "")], &[]),
        commit("two", &[("deep/c", "data 3\nx")], &["a \"b\" é.txt"]),
    ];
    let wanted = Workspace { git: true, commits, ..Workspace::default() };
    let root = tempfile::tempdir().unwrap();
    let workspace = root.path().join("ws");
    std::fs::create_dir(&workspace).unwrap();
    let folder = cap_std::fs::Dir::open_ambient_dir(&workspace, cap_std::ambient_authority()).unwrap();
    crate::agent::populate(&folder, &wanted, root.path()).unwrap();
    let baseline = Baseline::commit(root.path().join("git"), workspace.clone(), &wanted).await.unwrap();
    assert_eq!(baseline.compare(true).await.unwrap(), Compared::default());
    let log = said_by_git(
        &workspace,
        &["-c", "core.quotePath=false", "log", "--format=%H %an %aI %cI %s", "--name-status"],
    );
    let when = "2024-05-01T09:30:00+02:00";
    let lines: Vec<&str> = log.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines[0].ends_with(&format!(" Ada {when} {when} two")), "{log}");
    assert_eq!(lines[1..3], ["D\t\"a \\\"b\\\" é.txt\"", "M\tdeep/c"]);
    assert_eq!(said_by_git(&workspace, &["rev-parse", "HEAD"]).trim(), HEAD_OF_THAT_HISTORY);
    assert_eq!(said_by_git(&workspace, &["status", "--short"]), "");
    assert_eq!(std::fs::read_to_string(workspace.join("deep/c")).unwrap(), "data 3\nx");
}

/// As git 2.47 makes it from the same commits by hand.
const HEAD_OF_THAT_HISTORY: &str = "9340625f7f3206641b69929e463e05ad3cd6ffa1";

#[tokio::test]
async fn the_agents_own_rules_hide_nothing_and_the_baselines_hold() {
    let root = tempfile::tempdir().unwrap();
    let workspace = root.path().join("ws");
    let lay = |path: &str, text: &str| {
        let path = workspace.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    lay("a", "one\n");
    lay(".gitignore", "target/\n*.log\n");
    lay("sub/.gitignore", "/x\nrepository/\n");
    let baseline = committed(root.path().join("git"), workspace.clone()).await;
    for path in ["new", "target/t", "sub/x/y", "sub/y", "sub/deep/a.log", "x"] {
        lay(path, "");
    }
    for nested in ["sub/repository", "other"] {
        said_by_git(root.path(), &["init", "-q", &workspace.join(nested).to_string_lossy()]);
        lay(&format!("{nested}/f"), "");
        said_by_git(&workspace.join(nested), &["add", "f"]);
    }
    let told = async || {
        let compared = baseline.compare(true).await.unwrap();
        let words = compared.status.iter().map(|change| format!("{} {}", change.code, change.path));
        (words.collect::<Vec<_>>().join(", "), compared.diff)
    };
    assert_eq!(told().await.0, "?? new, ?? other/, ?? sub/y, ?? x");
    lay(".gitignore", "*\n");
    lay("sub/.gitignore", "*\n");
    lay(".gitattributes", "* binary\n");
    lay("a", "two\n");
    let (status, diff) = told().await;
    let expected =
        "?? .gitattributes,  M .gitignore,  M a, ?? new, ?? other/,  M sub/.gitignore, ?? sub/y, ?? x";
    assert_eq!(status, expected);
    assert!(diff.contains("-one\n+two\n"), "{diff}");
}
