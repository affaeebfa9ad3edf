//! `wassert pack test` on the standard pack: every assertion says pass on its passing examples and fail on its failing
//! ones.

use crate::harness::{Project, root};

#[test]
fn every_example_is_judged_as_its_name_says() {
    let project = Project::new();
    let pack = root().join("assertions/std");
    let said = project.wassert(&["pack", "test", "--format", "json", pack.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}{}", said.stdout, said.stderr);
    let results: serde_json::Value = serde_json::from_str(&said.stdout).unwrap();
    let examples = results["examples"].as_array().unwrap();
    for example in examples {
        let expected = &example["expected"];
        let findings = example["verdict"]["findings"].as_array().unwrap();
        let points_at_evidence = findings
            .iter()
            .any(|finding| finding["outcome"] == *expected && finding["at"][0]["actual"].is_string());
        assert!(points_at_evidence, "{example:#}");
    }
    // Counted here too: a folder that nobody looked into would pass all by itself.
    let files = std::fs::read_dir(pack.join("examples")).unwrap().flat_map(|folder| {
        std::fs::read_dir(folder.unwrap().path()).unwrap().map(|file| file.unwrap().file_name())
    });
    let files = files.filter(|name| !name.to_str().unwrap().ends_with("with.json")).count();
    assert_eq!(examples.len(), files);
    assert!(files >= 24, "twelve assertions, two examples each: {files}");
}
