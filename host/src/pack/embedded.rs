//! The packs that are part of the program.

use std::sync::LazyLock;

use super::Manifest;

/// A pack that needs no file.
#[derive(Clone, Debug)]
pub struct EmbeddedPack {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its module, a component.
    pub module: &'static [u8],
}

/// The embedded pack of that name.
pub fn embedded(name: &str) -> Option<&'static EmbeddedPack> {
    static STANDARD: LazyLock<EmbeddedPack> = LazyLock::new(|| EmbeddedPack {
        manifest: Manifest::parse(include_str!("../../../assertions/std/pack.toml"))
            .expect("a test parses every embedded manifest"),
        module: include_bytes!("../../../assertions/std/std.wasm"),
    });
    (name == "std").then(|| &*STANDARD)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use wasmparser::{Parser, Payload};

    use super::*;
    use crate::pack::{digest_sources, source_digest_of};

    /// What `assertions/build` names too; when the two differ, the digests differ.
    const SHARED_SOURCES: [&str; 6] = [
        "assertions/Cargo.lock",
        "assertions/Cargo.toml",
        "assertions/rust-toolchain.toml",
        "guest-sdk/rust/Cargo.toml",
        "guest-sdk/rust/src",
        "guest-sdk/wit",
    ];

    fn root() -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
    }

    fn digest_of(own: &[&str]) -> crate::value::Digest {
        let root = cap_std::fs::Dir::open_ambient_dir(root(), cap_std::ambient_authority()).unwrap();
        let sources: Vec<&str> = own.iter().chain(&SHARED_SOURCES).copied().collect();
        digest_sources(&root, &sources).unwrap()
    }

    #[test]
    fn the_standard_module_was_built_from_the_source_beside_it() {
        let module = embedded("std").unwrap().module;
        let now = digest_of(&["assertions/std/Cargo.toml", "assertions/std/schemas", "assertions/std/src"]);
        assert_eq!(source_digest_of(module), Some(now), "assertions/build makes std.wasm anew");
    }

    #[test]
    fn the_own_check_was_built_from_the_source_beside_it() {
        let folder = "scenarios/quickstart/own-check";
        let module = std::fs::read(root().join(folder).join("check.wasm")).unwrap();
        let now = digest_of(&[&format!("{folder}/check/Cargo.toml"), &format!("{folder}/check/src")]);
        assert_eq!(source_digest_of(&module), Some(now), "assertions/build makes check.wasm anew");
    }

    #[test]
    fn the_standard_module_is_a_component_that_asks_for_evidence_and_nothing_else() {
        let (mut depth, mut imports, mut exports) = (0, Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(embedded("std").unwrap().module) {
            match payload.unwrap() {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth -= 1,
                Payload::ComponentImportSection(section) if depth == 0 => {
                    imports.extend(section.into_iter().map(|import| import.unwrap().name.name.to_owned()));
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    exports.extend(section.into_iter().map(|export| export.unwrap().name.name.to_owned()));
                }
                _ => {}
            }
        }
        assert_eq!(exports, ["wassert:pack/assertions@0.1.0"]);
        imports.sort();
        assert_eq!(imports, ["wassert:pack/evidence@0.1.0", "wassert:pack/report@0.1.0"]);
    }

    #[test]
    fn every_assertion_has_a_schema_and_a_row_in_the_readme() {
        let folder = root().join("assertions/std");
        let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
        for assertion in &embedded("std").unwrap().manifest.assertions {
            let name: &str = assertion.name.as_ref();
            let json = |path: String| -> serde_json::Value {
                let text =
                    std::fs::read(folder.join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
                serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
            };
            json(format!("schemas/{name}.json"));
            json(format!("examples/{name}/with.json"));
            let row = format!("| [`{name}`](src/{}.rs) | {} |", name.replace('-', "_"), assertion.summary);
            assert!(readme.contains(&row), "the README has no row `{row}`");
            assert!(readme.contains(&format!("use = \"std/{name}\"")), "the README shows no use of {name}");
        }
        assert!(embedded("other").is_none());
    }
}
