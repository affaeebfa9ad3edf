//! How recordings lie on disk: complete or refused, long texts and repeated history once, kept only so long, in one file.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::{PLAIN, Project, Said, not_passed, verdict};

fn runs(project: &Project) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(project.path().join(".wassert/runs")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn bytes_below(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| match entry.file_type().unwrap().is_dir() {
            true => bytes_below(&entry.path()),
            false => entry.metadata().unwrap().len(),
        })
        .sum()
}

#[test]
fn an_archive_is_judged_as_its_folder_is() {
    let (project, recording) = Project::recorded();
    let said = project.wassert(&["show", &recording, "--export", "one.tar"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    assert_eq!(project.wassert(&["show", &recording, "--export", "two.tar"]).code, 0);
    let read = |name: &str| std::fs::read(project.path().join(name)).unwrap();
    assert_eq!(read("one.tar"), read("two.tar"));

    let verdicts = |of: &str| {
        let said = project.wassert(&["judge", "--format", "json", of]);
        assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
        let results: Value = serde_json::from_str(&said.stdout).unwrap();
        assert_eq!(results["scenarios"][0]["recording"], of);
        results["scenarios"][0]["verdicts"].clone()
    };
    let from_folder = verdicts(&recording);
    std::fs::remove_dir_all(project.path().join(".wassert")).unwrap();
    assert_eq!(verdicts("one.tar"), from_folder);
    let shown = project.wassert(&["show", "one.tar"]);
    assert!(shown.stdout.contains("pass std/file"), "{}", shown.stdout);

    std::fs::write(project.path().join("half.tar"), &read("one.tar")[..5000]).unwrap();
    let said = project.wassert(&["judge", "half.tar"]);
    assert_eq!(said.code, 2);
    assert!(said.stdout.contains("half.tar") && said.stdout.contains("truncated in"), "{}", said.stdout);
    let foreign = project.command(&[]).get_program().to_owned();
    let said = project.wassert(&["show", foreign.to_str().unwrap()]);
    assert_eq!(said.code, 2);
}

#[test]
fn what_became_of_a_recording_is_said() {
    let (project, recording) = Project::recorded();
    let folder = project.path().join(&recording);
    let refused = |named: &str, why: &str| {
        let said = project.wassert(&["judge", &recording]);
        assert_eq!(said.code, 2, "{}{}", said.stdout, said.stderr);
        assert!(said.stdout.contains(named) && said.stdout.contains(why), "{}", said.stdout);
        assert_eq!(project.wassert(&["show", &recording, "--export", "x.tar"]).code, 2);
        assert!(!project.path().join("x.tar").exists());
    };
    let blob = std::fs::read_dir(folder.join("blobs")).unwrap().next().unwrap().unwrap().path();
    let name = blob.file_name().unwrap().to_str().unwrap();
    let bytes = std::fs::read(&blob).unwrap();

    std::fs::write(&blob, vec![b'?'; bytes.len()]).unwrap();
    refused(name, "was changed since it was recorded");
    std::fs::remove_file(&blob).unwrap();
    refused(name, "is missing");
    std::fs::write(&blob, &bytes).unwrap();
    std::fs::write(folder.join("blobs/more"), "").unwrap();
    refused("blobs/more", "does not belong to the recording");
    std::fs::remove_file(folder.join("blobs/more")).unwrap();
    assert_eq!(project.wassert(&["judge", &recording]).code, 0, "it is whole again");
    std::fs::remove_file(folder.join("manifest.json")).unwrap();
    refused(&recording, "is no complete recording");
}

#[test]
fn a_document_of_many_gigabytes_is_refused_by_its_size() {
    let project = Project::new();
    let file = std::fs::File::create(project.path().join("huge.json")).unwrap();
    file.set_len(10 << 30).unwrap();
    let said = project.wassert(&["judge", "huge.json"]);
    assert_eq!(said.code, 2);
    assert!(said.stdout.contains("`huge.json` has 10737418240 bytes"), "{}", said.stdout);
}

#[test]
fn a_long_text_is_stored_beside_the_document_and_judged_like_any_other() {
    let project = Project::new();
    let long = |end: &str| format!("{} {end}", "word ".repeat(20_000));
    let scenario = PLAIN
        .replace("Say hello.", &long("END-OF-PROMPT"))
        .replace("text = \"Hello.\"", &format!("text = \"{}\"", long("END-OF-REPLY")));
    project.write("scenarios/long.toml", &scenario);
    let (code, results) = project.run_json(&[]);
    assert_eq!(code, 0, "{}", not_passed(&results));
    let document = project.document(&results["scenarios"][0]);
    assert_eq!(document["turns"][0]["prompt"]["$blob"], "turns/0/prompt");
    assert_eq!(document["turns"][0]["final_message"]["$blob"], "turns/0/final_message");
    let recording = results["scenarios"][0]["recording"].as_str().unwrap();
    assert!(project.wassert(&["show", recording]).stdout.contains("bytes, blob turns/0/prompt"));

    for (assertion, with, outcome) in [
        ("std/request-contains", r#"{"text":"END-OF-PROMPT"}"#, "pass"),
        ("std/request-omits", r#"{"text":"END-OF-PROMPT"}"#, "fail"),
        ("std/request-omits", r#"{"text":"turns/0/prompt"}"#, "pass"),
        ("std/final-message", r#"{"contains":"END-OF-REPLY"}"#, "pass"),
        ("std/event-count", r#"{"kind":"message","contains":"END-OF-REPLY","count":1}"#, "pass"),
    ] {
        let said =
            project.wassert(&["judge", "--format", "json", recording, "--use", assertion, "--with", with]);
        let results: Value = serde_json::from_str(&said.stdout).unwrap();
        let verdict = verdict(&results["scenarios"][0], assertion);
        assert_eq!(verdict["outcome"], outcome, "{with}: {verdict:#}");
    }
}

#[test]
fn a_full_disk_ends_in_an_error_that_names_the_file() {
    let project = Project::new();
    let agent = project.program("agent.sh", "#!/bin/sh\nhead -c 9000000 /dev/zero | tr '\\0' x\n");
    project.write(
        "scenarios/full.toml",
        &format!("agents = [\"odd\"]\n{PLAIN}\n[agent.odd]\nextends = \"example\"\n"),
    );
    // No file may grow beyond 6 MiB, as on a disk with no more room; compiled modules, which are handed to judges in
    // files without a name, are smaller.
    let script = format!(
        "ulimit -f 6144; exec {} run --agent-bin odd={}",
        env!("CARGO_BIN_EXE_wassert"),
        agent.display()
    );
    let mut command = std::process::Command::new("bash");
    let said: Said = command.args(["-c", &script]).current_dir(project.path()).output().unwrap().into();
    assert_eq!(said.code, 3, "{}{}", said.stdout, said.stderr);
    assert!(said.stdout.contains("File too large") && said.stdout.contains("/full@odd/"), "{}", said.stdout);
    let [run] = &runs(&project)[..] else { panic!("one run") };
    let said = project.wassert(&["judge", run.join("full@odd").to_str().unwrap()]);
    assert_eq!(said.code, 2);
    assert!(said.stdout.contains("is no complete recording"), "{}", said.stdout);
}

#[test]
fn two_runs_at_once_write_into_folders_of_their_own() {
    let project = Project::new();
    project.write("scenarios/plain.toml", PLAIN);
    let started: Vec<_> = (0..3).map(|_| project.command(&["run"]).spawn().unwrap()).collect();
    for mut run in started {
        assert!(run.wait().unwrap().success());
    }
    let runs = runs(&project);
    assert_eq!(runs.len(), 3);
    for run in runs {
        let recording = run.join("plain@example");
        assert_eq!(project.wassert(&["judge", recording.to_str().unwrap()]).code, 0);
        assert_eq!(std::fs::read_dir(run).unwrap().count(), 1, "no lock is left");
    }
}

#[test]
fn only_so_many_runs_are_kept_and_git_never_sees_them() {
    let project = Project::new();
    project.write("scenarios/plain.toml", PLAIN);
    project.write("wassert.toml", "[recordings]\nkeep-runs = 2\n");
    project.write(".wassert/runs/notes/mine.txt", "x");
    project.write(".wassert/runs/20200101-000000-abcd/plain@example/run.json", "x");
    for _ in 0..2 {
        assert_eq!(project.wassert(&["run"]).code, 0);
    }
    let kept = runs(&project);
    assert_eq!(kept.len(), 3, "two runs, and what is no run: {kept:?}");
    assert!(!project.path().join(".wassert/runs/20200101-000000-abcd").exists());
    assert_eq!(std::fs::read_to_string(project.path().join(".wassert/.gitignore")).unwrap(), "*\n");

    project.write("wassert.toml", "[recordings]\nkeep-run = 2\n");
    let said = project.wassert(&["run"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("keep-run") && said.stderr.contains("wassert.toml"), "{}", said.stderr);
    assert_eq!(runs(&project).len(), 3);
}

/// Fifty requests, each with the same image and one message more, over HTTP.
#[test]
fn a_replayed_image_costs_once_on_disk() {
    use wassert::document::{Document, SCHEMA};
    use wassert::server::{Server, ServerSettings};

    let image: String =
        (0..32_000).map(|block| wassert::value::Digest::of(format!("{block}")).hex()).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let profile = wassert::profile::by_name("example").unwrap();
    // Less than the requests have together: what they share counts once here, too.
    let capture_limit_bytes = 20 << 20;
    let settings = ServerSettings {
        steps: vec![],
        profile,
        accept_websocket: false,
        capture_limit_bytes,
        workspace: None,
        free: false,
        reception: wassert::scenario::Reception::default(),
        key: None,
    };
    let server = runtime.block_on(Server::start(settings)).unwrap();
    let address = server.base_url().strip_prefix("http://").unwrap().strip_suffix("/v1").unwrap().to_owned();
    let mut sent = Vec::new();
    for number in 0..50 {
        let mut input =
            vec![json!({ "role": "user", "content": [{ "type": "input_image", "image_url": image }] })];
        input
            .extend((0..number).map(|number| json!({ "role": "user", "content": format!("more {number}") })));
        let body = json!({ "model": "m", "input": input }).to_string();
        let head = format!(
            "POST /v1/responses HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = std::net::TcpStream::connect(&address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        stream.read_to_end(&mut Vec::new()).unwrap();
        sent.push(body);
    }
    let traffic = runtime.block_on(server.finish());
    assert!(traffic.requests.iter().all(|request| request.violations.is_empty()));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a@b");
    let mut writer = wassert::recording::Writer::create(&path).unwrap();
    for (number, body) in traffic.bodies.iter().enumerate() {
        writer.blob(format!("requests/{number}/body"), &body.to_vec()).unwrap();
    }
    let requests = traffic.requests;
    writer.document(&Document { schema: SCHEMA.to_owned(), requests, ..Document::default() }).unwrap();
    let (disk, all) = (bytes_below(&path), 50 * image.len() as u64);
    assert!(disk < image.len() as u64 + 50 * 128 * 1024, "{disk} bytes on disk for {all} sent");
    let opened = wassert::recording::open(&path).unwrap();
    for (number, body) in sent.iter().enumerate() {
        let kept = opened.blob(&format!("requests/{number}/body")).unwrap().unwrap();
        assert!(kept == body.as_bytes(), "request {number}");
    }
}
