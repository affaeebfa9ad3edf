//! The README's transcripts are what the program prints today: commands in its `console` blocks are run, their output
//! compared with durations and run names left out.

use crate::harness::{Project, Said, root};

/// Durations and run names differ from run to run.
fn normal(text: &str) -> String {
    let mut normal = String::new();
    for line in text.lines() {
        let line = line.trim_end();
        // `[  0.123s]` becomes `[#]`.
        match (line.find('['), line.find("s]")) {
            (Some(start), Some(end)) if start < end && line[start + 1..end].trim().parse::<f64>().is_ok() => {
                normal.push_str(&format!("{}[#]{}", &line[..start], &line[end + 2..]));
            }
            _ => normal.push_str(line),
        }
        normal.push('\n');
    }
    normal.trim().to_owned()
}

#[test]
fn the_transcripts_are_what_the_program_prints() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut tried = 0;
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        let (command, expected) = block.split_once('\n').unwrap();
        let words: Vec<&str> = match command
            .strip_prefix("$ cargo run --release -- ")
            .or_else(|| command.strip_prefix("$ wassert "))
        {
            Some(arguments) => arguments.split_whitespace().collect(),
            None => continue,
        };
        let project = Project::new();
        std::os::unix::fs::symlink(root().join("scenarios"), project.path().join("scenarios")).unwrap();
        let said: Said = project.wassert(&words);
        assert_eq!(
            normal(&said.stdout),
            normal(expected),
            "`{command}` prints something else\n{}",
            said.stderr
        );
        tried += 1;
    }
    assert!(tried >= 1, "the README shows no transcript");
}
