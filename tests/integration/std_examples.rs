//! Every assertion of the standard pack says pass on its passing example and fail on its failing one.

use crate::harness::{Project, root, verdict};

#[test]
fn every_example_is_judged_as_its_name_says() {
    let project = Project::new();
    let examples = root().join("assertions/std/examples");
    let mut judged = 0;
    for folder in std::fs::read_dir(&examples).unwrap() {
        let folder = folder.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let with = std::fs::read_to_string(folder.join("with.json")).unwrap();
        for expected in ["pass", "fail"] {
            let document = folder.join(format!("{expected}.json"));
            let assertion = format!("std/{name}");
            let said = project.wassert(&[
                "judge",
                "--format",
                "json",
                document.to_str().unwrap(),
                "--use",
                &assertion,
                "--with",
                &with,
            ]);
            let results: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
            let verdict = verdict(&results["scenarios"][0], &assertion);
            assert_eq!(verdict["outcome"], expected, "{}: {verdict:#}", document.display());
            let findings = verdict["findings"].as_array().unwrap();
            assert!(
                findings
                    .iter()
                    .any(|finding| finding["outcome"] == expected && finding["at"][0]["actual"].is_string()),
                "{verdict:#}"
            );
            judged += 1;
        }
    }
    assert_eq!(judged, 24, "twelve assertions, two examples each");
}
