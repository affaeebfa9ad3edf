//! Modules as the supervisor has them: read, compiled in a forge or kept from an earlier time, ready to be handed to
//! workers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use wasmtime::Engine;

use crate::sandbox::cache::{Cache, Content};
use crate::sandbox::code::Code;
use crate::sandbox::compile::code_name;
use crate::sandbox::door::Way;
use crate::sandbox::earlier;
use crate::sandbox::engine;
use crate::sandbox::forge::compile_apart;
use crate::sandbox::judge::{BackEnd, JudgeError, JudgeSettings};
use crate::sandbox::limits::Limits;
use crate::sandbox::message::ModuleSource;
use crate::sandbox::module::{content, read};
use crate::sandbox::stop::Stop;
use crate::value::{Digest, ErrorClass, Unjudged};

/// Modules kept at a time: each holds a descriptor.
const KEPT_MODULES: usize = 128;

/// Places of modules of which is known what they hold.
const KEPT_CONTENTS: usize = 4_096;

/// A module and what was made of it, or why nothing can be.
pub(super) struct Shelved {
    pub digest: Digest,
    /// The limits it was made under.
    pub limits: Limits,
    pub made: Result<Made, Unjudged>,
}

/// A module's compiled code, sealed, and which way it is entered.
pub(super) struct Made {
    pub way: Way,
    pub code: Code,
}

type Slot = Arc<Mutex<Option<Arc<Shelved>>>>;

/// Size and time of last change of a file.
type Stamp = Option<(u64, SystemTime)>;

pub(super) struct Shelf {
    engine: Engine,
    back_end: BackEnd,
    program: PathBuf,
    embedded: BTreeMap<String, &'static [u8]>,
    cache: Option<Cache>,
    /// Files that were read before need not be read again to know what they hold.
    contents: Mutex<BTreeMap<ModuleSource, (Stamp, Content)>>,
    /// And by the limits that a module may be refused by.
    shelved: Mutex<BTreeMap<(Content, Limits), Slot>>,
}

impl Shelf {
    pub fn new(settings: &JudgeSettings, program: PathBuf, back_end: BackEnd) -> Result<Self, JudgeError> {
        Ok(Self {
            engine: engine::for_compiling(back_end, &settings.limits)
                .map_err(|error| JudgeError::new(&error))?,
            back_end,
            program,
            embedded: settings.embedded.clone(),
            cache: settings.code_cache(),
            contents: Mutex::default(),
            shelved: Mutex::default(),
        })
    }

    /// The module, compiled now or before.
    pub fn find(&self, source: &ModuleSource, limits: &Limits) -> Result<Arc<Shelved>, Unjudged> {
        let stamp = stamp(source);
        let known = self.contents.lock().unwrap_or_else(PoisonError::into_inner).get(source).copied();
        if let Some((_, content)) = known.filter(|(then, _)| stamp.is_some() && *then == stamp)
            && let Some(shelved) = &*self.slot(content, limits).lock().unwrap_or_else(PoisonError::into_inner)
        {
            return Ok(Arc::clone(shelved));
        }
        let content = content(&self.embedded, source, limits)?;
        self.noted(source, stamp, content);
        let slot = self.slot(content, limits);
        // Held while it is made: who asks for the same module waits, and nobody else.
        let mut shelved = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shelved) = &*shelved {
            return Ok(Arc::clone(shelved));
        }
        let made = Arc::new(self.made(source, &content, limits)?);
        *shelved = Some(Arc::clone(&made));
        Ok(made)
    }

    fn noted(&self, source: &ModuleSource, stamp: Stamp, content: Content) {
        let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
        if contents.len() >= KEPT_CONTENTS {
            contents.clear();
        }
        contents.insert(source.clone(), (stamp, content));
    }

    fn slot(&self, content: Content, limits: &Limits) -> Slot {
        let key = (content, limits.clone());
        let mut shelved = self.shelved.lock().unwrap_or_else(PoisonError::into_inner);
        if shelved.len() >= KEPT_MODULES && !shelved.contains_key(&key) {
            // Workers have what they were handed; what is asked for again comes from the cache.
            shelved.clear();
        }
        Slot::clone(shelved.entry(key).or_default())
    }

    /// What becomes of a module. That the machine failed says nothing about it: the next question tries again.
    fn made(&self, source: &ModuleSource, content: &Content, limits: &Limits) -> Result<Shelved, Unjudged> {
        let name = code_name(&self.engine, content, limits);
        let shelved = |digest, made| Ok(Shelved { digest, limits: limits.clone(), made });
        if let Some((account, code)) = self.cache.as_ref().and_then(|cache| earlier::find(cache, &name)) {
            return shelved(account.digest, Ok(Made { way: account.way, code }));
        }
        let bytes = read(&self.embedded, source, limits)?;
        if Content::of(&bytes) != *content {
            return Err(Stop::host("module", "the module changed while it was read").0);
        }
        let digest = Digest::of(&bytes);
        match self.compiled(&name, &bytes, digest, limits) {
            Err(unjudged) if unjudged.class == ErrorClass::Host => Err(unjudged),
            made => shelved(digest, made),
        }
    }

    fn compiled(&self, name: &str, bytes: &[u8], digest: Digest, limits: &Limits) -> Result<Made, Unjudged> {
        let code = compile_apart(&self.program, self.back_end, bytes, limits)?;
        let account = earlier::account(self.cache.as_ref(), name, bytes, digest, &code)?;
        Ok(Made { way: account.way, code })
    }
}

/// Embedded modules never change while a program runs.
fn stamp(source: &ModuleSource) -> Stamp {
    match source {
        ModuleSource::Path(path) => {
            let metadata = path.metadata().ok()?;
            Some((metadata.len(), metadata.modified().ok()?))
        }
        ModuleSource::Embedded(_) | ModuleSource::Handed(_) => Some((0, SystemTime::UNIX_EPOCH)),
    }
}
