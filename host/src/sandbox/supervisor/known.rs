//! Verdicts that were given before: the same inputs give the same verdict, so it need not be made again.
//!
//! Host errors are never kept. An entry counts for this very build of the program only: what surrounds an engine may
//! change without its identity.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sandbox::cache::Cache;
use crate::value::{ErrorClass, ReceiptInputs, Verdict, to_canonical_string};

/// Verdicts kept; the oldest go first.
const KEPT_FILES: usize = 4_096;

/// Verdicts put between two looks at how many there are.
const PUT_BETWEEN_PRUNINGS: usize = KEPT_FILES / 4;

/// A larger verdict is made again.
const VERDICT_LIMIT_BYTES: u64 = 64 << 10;

pub(super) struct Known {
    cache: Cache,
    /// Which build of the program.
    build: String,
    put: AtomicUsize,
}

impl Known {
    pub fn open(folder: &Path, secret: Option<&str>, program: &Path) -> Option<Self> {
        let cache = match secret {
            Some(secret) => Cache::open_with_key(folder, secret, KEPT_FILES),
            None => Cache::open(folder, KEPT_FILES),
        }?;
        let file = program.metadata().ok()?;
        let version = env!("CARGO_PKG_VERSION");
        let build = format!("{version} {} {}.{}", file.len(), file.mtime(), file.mtime_nsec());
        Some(Self { cache, build, put: AtomicUsize::new(0) })
    }

    /// The verdict on these inputs, under the name it is asked for now.
    pub fn get(&self, inputs: &ReceiptInputs, assertion: &str) -> Option<Verdict> {
        let bytes = self.cache.bytes(&self.name(inputs)?, VERDICT_LIMIT_BYTES)?;
        let kept: Verdict = serde_json::from_slice(&bytes).ok()?;
        let fits = kept.receipt.as_ref().is_some_and(|receipt| receipt.inputs == *inputs);
        fits.then(|| Verdict { assertion: assertion.to_owned(), ..kept })
    }

    /// Keeps a verdict that has a receipt.
    pub fn put(&self, verdict: &Verdict) {
        let is_host_error = verdict.error.as_ref().is_some_and(|error| error.class == ErrorClass::Host);
        let Some(receipt) = verdict.receipt.as_ref().filter(|_| !is_host_error) else { return };
        let (Some(name), Ok(bytes)) = (self.name(&receipt.inputs), serde_json::to_vec(verdict)) else {
            return;
        };
        if bytes.len() as u64 <= VERDICT_LIMIT_BYTES {
            self.cache.put(&name, &bytes);
            // A corpus may be larger than what is kept, and this process may be ended in the middle of it.
            if self.put.fetch_add(1, Ordering::Relaxed) % PUT_BETWEEN_PRUNINGS == PUT_BETWEEN_PRUNINGS - 1 {
                self.prune();
            }
        }
    }

    pub fn prune(&self) {
        self.cache.prune();
    }

    fn name(&self, inputs: &ReceiptInputs) -> Option<String> {
        let inputs = to_canonical_string(inputs).ok()?;
        Some(self.cache.name("verdict-", &format!("{}\n{inputs}", self.build)))
    }
}
