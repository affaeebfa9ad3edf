//! A judge with one worker process that has the standard pack: what several benches measure.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wassert::sandbox::{Judge, JudgeSettings, WorkerSettings};

/// It reads what is below the folder, and keeps compiled code there.
pub fn judge(folder: &Path) -> Judge {
    let standard = wassert::pack::embedded("std").unwrap().module;
    Judge::new(JudgeSettings {
        cache_directory: Some(folder.join("cache")),
        embedded: BTreeMap::from([("std".to_owned(), standard)]),
        workers: Some(WorkerSettings {
            program: PathBuf::from(env!("CARGO_BIN_EXE_wassert")),
            most: 1,
            roots: vec![folder.to_owned()],
            cross_check: false,
            second_opinion: None,
        }),
        ..JudgeSettings::default()
    })
    .unwrap()
}
