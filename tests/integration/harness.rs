//! Runs the binary in a folder of its own and reads what it says.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("host lies in the repository")
}

/// A project of its own, empty at first.
pub struct Project {
    folder: tempfile::TempDir,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Project {
    pub fn new() -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        project.write("wassert.toml", "");
        project
    }

    /// One with a recording of the quickstart's edit, and that recording's path.
    pub fn recorded() -> (Self, String) {
        let project = Self::new();
        let (code, results) =
            project.run_json(&[root().join("scenarios/quickstart/edit-file.toml").to_str().unwrap()]);
        assert_eq!(code, 0, "{}", not_passed(&results));
        let recording = results["scenarios"][0]["recording"].as_str().unwrap().to_owned();
        (project, recording)
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, path: &str, text: &str) -> &Self {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// A program that can stand in for an agent. Another process writes it: a file that this one has open for writing
    /// can't be executed ("text file busy"), and a test that forks meanwhile holds it open.
    pub fn program(&self, name: &str, text: &str) -> PathBuf {
        let source = format!("{name}.source");
        self.write(&source, text);
        let path = self.path().join(name);
        let copied =
            Command::new("install").args(["-m", "755"]).arg(self.path().join(source)).arg(&path).status();
        assert!(copied.unwrap().success());
        path
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wassert"));
        command.args(arguments).current_dir(self.path()).env_remove("NO_COLOR");
        command
    }

    pub fn wassert(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().unwrap().into()
    }

    /// `wassert run` with JSON results, and its exit code.
    pub fn run_json(&self, arguments: &[&str]) -> (i32, Value) {
        let said = self.wassert(&[&["run", "--format", "json"], arguments].concat());
        let value = serde_json::from_str(&said.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}\n{}", said.stdout, said.stderr));
        (said.code, value)
    }

    /// The run document of a result's scenario, as assertions see it.
    pub fn document(&self, result: &Value) -> Value {
        let recording = result["recording"].as_str();
        let path = self.path().join(recording.unwrap_or_else(|| panic!("nothing was recorded: {result:#}")));
        wassert::recording::open(&path).unwrap().document
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Starts a verb that serves, and gives what its first line says: where it listens.
pub fn serving(command: &mut Command) -> (Child, BufReader<ChildStdout>, Value) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let said = serde_json::from_str(&line).unwrap_or_else(|error| {
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        panic!("{error}: {line}{stderr}")
    });
    (child, stdout, said)
}

/// The result of one scenario by name.
pub fn result<'a>(results: &'a Value, name: &str) -> &'a Value {
    results["scenarios"]
        .as_array()
        .unwrap()
        .iter()
        .find(|scenario| scenario["name"] == name)
        .unwrap_or_else(|| panic!("no scenario `{name}` in {results:#}"))
}

/// The verdict of one assertion by name.
pub fn verdict<'a>(scenario: &'a Value, assertion: &str) -> &'a Value {
    scenario["verdicts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|verdict| verdict["assertion"] == assertion)
        .unwrap_or_else(|| panic!("no verdict on `{assertion}` in {scenario:#}"))
}

/// Every scenario that did not pass, with what its verdicts say: short enough to be read in a log.
pub fn not_passed(results: &Value) -> String {
    let mut told = String::new();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for scenario in list(&results["scenarios"]) {
        if scenario["outcome"] == "pass" {
            continue;
        }
        let name = |member: &str| scenario[member].as_str().unwrap_or("?").to_owned();
        told += &format!("\n{}@{}: {}", name("name"), name("agent"), name("outcome"));
        if !scenario["problem"].is_null() {
            told += &format!("\n  {}", scenario["problem"]);
        }
        for verdict in list(&scenario["verdicts"]).iter().filter(|verdict| verdict["outcome"] != "pass") {
            told += &format!("\n  {}: {}", verdict["assertion"], verdict["outcome"]);
            for finding in list(&verdict["findings"]) {
                told += &format!("\n    {}", finding["message"]);
            }
        }
    }
    told
}

/// A scenario that expects one plain answer and asserts the exit code.
pub const PLAIN: &str = r#"
summary = "A plain answer."
[[turn]]
prompt = "Say hello."
[[step]]
text = "Hello."
[[assert]]
use = "std/exit"
with = { code = 0 }
"#;
