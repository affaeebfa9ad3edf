//! The digest of a module's source: computed from the tree, and carried inside the module that is committed.

use std::collections::BTreeMap;
use std::io;

use cap_std::fs::Dir;
use wasm_encoder::{CustomSection, Section};
use wasmparser::{Parser, Payload};

use super::PackError;
use crate::value::Digest;

/// The custom section that holds the text of the source's digest.
pub const SOURCE_SECTION: &str = "wassert:source";

/// Folders below folders, in a source tree; deeper ones are refused.
const MOST_DEPTH: usize = 32;

/// A component with the digest of its source appended. The same bytes give the same bytes.
pub fn with_source_digest(mut component: Vec<u8>, source_digest: Digest) -> Vec<u8> {
    let data = source_digest.to_string();
    CustomSection { name: SOURCE_SECTION.into(), data: data.as_bytes().into() }.append_to(&mut component);
    component
}

/// The digest of the source that a module says it was built from; nothing when it does not say, says it twice, or is
/// not wasm.
pub fn source_digest_of(module: &[u8]) -> Option<Digest> {
    let mut depth = 0_usize;
    let mut found = None;
    for payload in Parser::new(0).parse_all(module) {
        match payload.ok()? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == SOURCE_SECTION => {
                let digest = std::str::from_utf8(section.data()).ok()?.parse().ok()?;
                if found.replace(digest).is_some() {
                    return None;
                }
            }
            _ => {}
        }
    }
    found
}

/// The digest of a module's source: of the files named in `sources` and of every file below the folders named there,
/// all relative to `root` and written with `/`.
///
/// It is SHA-256 over, for each file in byte order of its path: the path, a zero byte, the size in decimal digits, a
/// zero byte, the bytes. The order in `sources` is of no account, nor is naming a file twice. A link is an error: what
/// it leads to could lie elsewhere.
///
/// # Errors
/// [`PackError::Source`] for a path that is missing, unreadable, outside the root, or a link.
pub fn digest_sources(root: &Dir, sources: &[impl AsRef<str>]) -> Result<Digest, PackError> {
    let mut files = BTreeMap::new();
    for source in sources {
        let source = source.as_ref();
        if source.split('/').any(|part| matches!(part, "" | "." | "..")) {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "not a plain path below the root");
            return Err(PackError::Source { path: source.to_owned(), error });
        }
        collect(root, source, 0, &mut files)?;
    }
    let mut text = Vec::new();
    for (path, bytes) in files {
        text.extend_from_slice(path.as_bytes());
        text.push(0);
        text.extend_from_slice(bytes.len().to_string().as_bytes());
        text.push(0);
        text.extend(bytes);
    }
    Ok(Digest::of(text))
}

fn collect(
    root: &Dir,
    path: &str,
    depth: usize,
    files: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), PackError> {
    let wrong = |error| PackError::Source { path: path.to_owned(), error };
    let refused = |reason: &str| wrong(io::Error::new(io::ErrorKind::InvalidInput, reason));
    let kind = root.symlink_metadata(path).map_err(wrong)?.file_type();
    if kind.is_file() {
        files.insert(path.to_owned(), root.read(path).map_err(wrong)?);
        return Ok(());
    }
    if !kind.is_dir() {
        return Err(refused("neither a file nor a folder"));
    }
    if depth == MOST_DEPTH {
        return Err(refused("too many folders below folders"));
    }
    for entry in root.read_dir(path).map_err(wrong)? {
        let name = entry.map_err(wrong)?.file_name();
        let name = name.to_str().ok_or_else(|| refused("a file name in it is not UTF-8"))?;
        collect(root, &format!("{path}/{name}"), depth + 1, files)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Dir) {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let root = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        (folder, root)
    }

    #[test]
    fn a_digest_depends_on_names_and_bytes_and_on_nothing_else() {
        let (_one, one) = tree(&[("src/a.rs", "1"), ("src/deep/b.rs", "2"), ("other", "x")]);
        let (_same, same) = tree(&[("src/deep/b.rs", "2"), ("src/a.rs", "1"), ("other", "y")]);
        let digest = digest_sources(&one, &["src"]).unwrap();
        assert_eq!(digest_sources(&same, &["src/a.rs", "src"]).unwrap(), digest);
        let (_moved, moved) = tree(&[("src/a.rs", "1"), ("src/deep/c.rs", "2")]);
        assert_ne!(digest_sources(&moved, &["src"]).unwrap(), digest);
        let (_shifted, shifted) = tree(&[("src/a.rs", "12"), ("src/deep/b.rs", "")]);
        assert_ne!(digest_sources(&shifted, &["src"]).unwrap(), digest);
    }

    #[test]
    fn the_format_of_a_digest_is_the_documented_one() {
        let (_folder, root) = tree(&[("b", "two"), ("a", "")]);
        assert_eq!(
            digest_sources(&root, &["b", "a"]).unwrap(),
            Digest::of(["a", "0", "b", "3", "two"].join("\0"))
        );
    }

    #[test]
    fn what_is_missing_or_outside_or_a_link_is_an_error() {
        let (folder, root) = tree(&[("src/a.rs", "1")]);
        std::os::unix::fs::symlink("a.rs", folder.path().join("src/link.rs")).unwrap();
        for source in ["lib", "../src", "/src", "src/../src", "", "src"] {
            assert!(digest_sources(&root, &[source]).is_err(), "{source}");
        }
    }

    #[test]
    fn only_a_components_own_section_names_its_source() {
        let digest = Digest::of("source");
        let section = |digest: Digest| format!("(@custom \"{SOURCE_SECTION}\" \"{digest}\")");
        let inner = wat::parse_str(format!("(component (core module {}))", section(digest))).unwrap();
        assert_eq!(source_digest_of(&inner), None);
        let once = with_source_digest(wat::parse_str("(component)").unwrap(), digest);
        assert_eq!(source_digest_of(&once), Some(digest));
        assert_eq!(source_digest_of(&with_source_digest(once, digest)), None);
        assert_eq!(source_digest_of(b"text"), None);
    }
}
