//! Modules by digest: compiled once per process, described once.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Take};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use wasmtime::Engine;

use super::cache::{Cache, Content};
use super::code::Code;
use super::compile::{code_name, compile};
use super::door::{self, Door, Way};
use super::earlier;
use super::engine::{self, THREAD_STACK_BYTES};
use super::guest;
use super::judge::JudgeSettings;
use super::limits::{Limits, Shape, size};
use super::message::{Description, ModuleSource};
use super::stop::Stop;
use super::ticker::Ticker;
use crate::document::{SECTIONS, VARYING};
use crate::value::{Digest, ErrorClass, Unjudged, excerpt};

/// More compiled code than this is not taken, wherever it is from.
pub(super) const CODE_LIMIT_BYTES: u64 = 1 << 30;

/// Room that is made for a module before it is read.
const RESERVED_BYTES: u64 = 64 << 20;

/// A module's compiled code, and which way it is entered.
pub(super) struct Handed {
    pub way: Way,
    pub code: Code,
}

/// A module ready to be instantiated.
pub(super) struct Loaded {
    pub door: Box<dyn Door>,
    descriptions: Mutex<BTreeMap<Limits, Described>>,
}

impl Loaded {
    /// What it offers; asked once for each set of limits. A module that can't say is one assertion of the name given,
    /// without parameters, that reads all that is the same in every run.
    pub fn descriptions(&self, ticker: &Ticker, limits: &Limits, name: &str) -> Described {
        let described = self.described(ticker, limits);
        match &*described {
            Ok(descriptions) if descriptions.is_empty() => Arc::new(Ok(vec![Description {
                name: word(name),
                summary: String::new(),
                parameters_schema: String::new(),
                reads: SECTIONS
                    .iter()
                    .filter(|section| !VARYING.contains(section))
                    .map(|s| (*s).to_owned())
                    .collect(),
            }])),
            _ => described,
        }
    }

    fn described(&self, ticker: &Ticker, limits: &Limits) -> Described {
        let kept = || self.descriptions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(described) = kept().get(limits) {
            return Arc::clone(described);
        }
        let described =
            Arc::new(on_big_stack(|| guest::describe(&*self.door, ticker, limits)).and_then(|d| d));
        // That the machine was too slow says nothing about the next time.
        if !matches!(&*described, Err(unjudged) if unjudged.class == ErrorClass::Host) {
            kept().insert(limits.clone(), Arc::clone(&described));
        }
        described
    }
}

type Described = Arc<Result<Vec<Description>, Unjudged>>;

type Slot = Arc<OnceLock<Result<Arc<Loaded>, Unjudged>>>;

/// All modules of one judge.
pub(super) struct Modules {
    engine: Engine,
    embedded: BTreeMap<String, &'static [u8]>,
    cache: Option<Cache>,
    handed: Mutex<BTreeMap<Digest, Result<Handed, Unjudged>>>,
    /// By digest and shape allowed.
    loaded: Mutex<BTreeMap<(Digest, Shape), Slot>>,
}

impl Modules {
    pub fn new(settings: JudgeSettings) -> wasmtime::Result<Self> {
        let engine = engine::new(settings.back_end, &settings.limits)?;
        let cache = settings.code_cache();
        let (handed, loaded) = (Mutex::default(), Mutex::default());
        Ok(Self { engine, embedded: settings.embedded, cache, handed, loaded })
    }

    /// Takes a module with its compiled code, or why there is none; what was known of it before is forgotten.
    pub fn hand_over(&self, module: Digest, made: Result<Handed, Unjudged>) {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).retain(|(digest, _), _| *digest != module);
        self.handed.lock().unwrap_or_else(PoisonError::into_inner).insert(module, made);
    }

    /// The bytes of a module and their digest; of one that was handed over, only the digest.
    pub fn read(
        &self,
        source: &ModuleSource,
        limits: &Limits,
    ) -> Result<(Cow<'static, [u8]>, Digest), Unjudged> {
        match source {
            ModuleSource::Handed(digest) => Ok((Cow::Borrowed(&[]), *digest)),
            _ => {
                let bytes = read(&self.embedded, source, limits)?;
                let digest = match &bytes {
                    Cow::Borrowed(embedded) => digest_of_embedded(embedded),
                    Cow::Owned(read) => Digest::of(read),
                };
                Ok((bytes, digest))
            }
        }
    }

    /// The module of these bytes, compiled now, earlier in this process, or by an earlier one.
    pub fn load(&self, bytes: &[u8], digest: Digest, limits: &Limits) -> Result<Arc<Loaded>, Unjudged> {
        let slot = Slot::clone(
            self.loaded
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .entry((digest, limits.shape.clone()))
                .or_default(),
        );
        slot.get_or_init(|| on_big_stack(|| self.link(bytes, &digest, limits)).and_then(|loaded| loaded))
            .clone()
    }

    fn handed(&self, bytes: &[u8], digest: &Digest, limits: &Limits) -> Result<Handed, Unjudged> {
        if let Some(handed) = self.handed.lock().unwrap_or_else(PoisonError::into_inner).remove(digest) {
            return handed;
        }
        let name = code_name(&self.engine, &Content::of(bytes), limits);
        if let Some((account, code)) = self.cache.as_ref().and_then(|cache| earlier::find(cache, &name)) {
            return Ok(Handed { way: account.way, code });
        }
        let compiled = compile(&self.engine, bytes, limits)?;
        let code = Code::read(&mut compiled.as_slice(), CODE_LIMIT_BYTES, |chunk, _| chunk)
            .map_err(|error| Stop::host("module", format!("its compiled code can't be kept: {error}")).0)?;
        let account = earlier::account(self.cache.as_ref(), &name, bytes, *digest, &code)?;
        Ok(Handed { way: account.way, code })
    }

    fn link(&self, bytes: &[u8], digest: &Digest, limits: &Limits) -> Result<Arc<Loaded>, Unjudged> {
        let handed = self.handed(bytes, digest, limits)?;
        let compiled = handed
            .code
            .load(&self.engine)
            .ok_or_else(|| Stop::host("module", "its compiled code is not for this machine").0)?;
        let door = door::open(&compiled, handed.way)
            .map_err(|error| Stop::guest(error.code(), error.to_string()).0)?;
        Ok(Arc::new(Loaded { door, descriptions: Mutex::default() }))
    }
}

/// The name of an assertion, from that of a file.
fn word(name: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let word: String = name.chars().take(128).map(|c| if fits(c) { c } else { '-' }).collect();
    if word.is_empty() { "check".to_owned() } else { word }
}

/// The bytes of a module.
pub(super) fn read(
    embedded: &BTreeMap<String, &'static [u8]>,
    source: &ModuleSource,
    limits: &Limits,
) -> Result<Cow<'static, [u8]>, Unjudged> {
    let bytes = match found(embedded, source)? {
        Found::Embedded(bytes) => Cow::Borrowed(bytes),
        Found::File(path) => {
            Cow::Owned(read_file(path, limits.file_bytes).map_err(|error| unreadable(path, &error))?)
        }
    };
    fits(bytes.len() as u64, limits)?;
    Ok(bytes)
}

/// What a module holds, without having all of it in memory.
pub(super) fn content(
    embedded: &BTreeMap<String, &'static [u8]>,
    source: &ModuleSource,
    limits: &Limits,
) -> Result<Content, Unjudged> {
    let (content, bytes) = match found(embedded, source)? {
        Found::Embedded(bytes) => (Content::of(bytes), bytes.len() as u64),
        Found::File(path) => open_file(path, limits.file_bytes)
            .and_then(|(file, _)| Content::of_reader(file))
            .map_err(|error| unreadable(path, &error))?,
    };
    fits(bytes, limits)?;
    Ok(content)
}

enum Found<'s> {
    Embedded(&'static [u8]),
    File(&'s Path),
}

fn found<'s>(
    embedded: &BTreeMap<String, &'static [u8]>,
    source: &'s ModuleSource,
) -> Result<Found<'s>, Unjudged> {
    match source {
        ModuleSource::Handed(digest) => {
            Err(Stop::host("module", format!("the module {digest} was not handed over")).0)
        }
        ModuleSource::Embedded(name) => match embedded.get(name) {
            Some(bytes) => Ok(Found::Embedded(bytes)),
            None => Err(Stop::host("module", format!("there is no embedded module `{name}`")).0),
        },
        ModuleSource::Path(path) => Ok(Found::File(path)),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Unjudged {
    let path = excerpt(&path.display().to_string(), 300);
    Stop::host("module", format!("cannot read the module {path}: {error}")).0
}

fn fits(bytes: u64, limits: &Limits) -> Result<(), Unjudged> {
    if bytes > limits.file_bytes {
        let message = format!("the module is larger than {} (limits.file_bytes)", size(limits.file_bytes));
        return Err(Stop::host("too-large", message).0);
    }
    Ok(())
}

/// The digest of bytes that never change, computed once: by their address.
fn digest_of_embedded(bytes: &'static [u8]) -> Digest {
    static KNOWN: Mutex<BTreeMap<(usize, usize), Digest>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    *known.entry((bytes.as_ptr().addr(), bytes.len())).or_insert_with(|| Digest::of(bytes))
}

fn read_file(path: &Path, most: u64) -> std::io::Result<Vec<u8>> {
    let (mut file, bytes) = open_file(path, most)?;
    // Room for all of it at once, and for finding out that this was all; a file says what it likes.
    let mut read = Vec::with_capacity(bytes.min(most).min(RESERVED_BYTES) as usize + 1);
    file.read_to_end(&mut read)?;
    Ok(read)
}

/// The file, and how large it says it is. One byte more than allowed is enough to know.
fn open_file(path: &Path, most: u64) -> std::io::Result<(Take<File>, u64)> {
    let metadata = path.metadata()?;
    if !metadata.is_file() {
        // A pipe would block, a device never end.
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok((File::open(path)?.take(most.saturating_add(1)), metadata.len()))
}

thread_local! {
    static HAS_BIG_STACK: Cell<bool> = const { Cell::new(false) };
}

/// This thread has room for deep recursion: what asks for it runs right here.
pub(super) fn has_big_stack() {
    HAS_BIG_STACK.set(true);
}

/// Runs something that recurses on a thread with room for it.
///
/// # Errors
/// A host error when there can be no such thread, or something panics on it.
pub fn on_big_stack<T: Send>(run: impl FnOnce() -> T + Send) -> Result<T, Unjudged> {
    let failed = |what: &str| Stop::host("host", format!("the judge's thread {what}")).0;
    if HAS_BIG_STACK.get() {
        // What it was about is dropped with it.
        return catch_unwind(AssertUnwindSafe(run)).map_err(|_| failed("panicked"));
    }
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("judge".to_owned())
            .stack_size(THREAD_STACK_BYTES)
            .spawn_scoped(scope, || {
                has_big_stack();
                run()
            })
            .map_err(|_| failed("could not be started"))?
            .join()
            .map_err(|_| failed("panicked"))
    })
}
