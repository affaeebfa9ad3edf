//! Door D, what both previews share: what a command declares, and how its run becomes an answer.

use wasmparser::{Parser, Payload};

use super::{Declared, ModuleError, description, not_a_module};
use crate::sandbox::imports::State;
use crate::sandbox::limits::Limits;
use crate::sandbox::stop::Stop;

/// The custom section that describes a command's assertions, as JSON like `wassert_describe`'s.
pub(super) const SECTION: &str = "wassert:assertions";

/// The most of it that is read: it is read where no limits of memory hold.
const SECTION_LIMIT_BYTES: usize = 4 << 20;

/// What the section says, where there is one.
pub(super) fn declared(bytes: &[u8]) -> Result<Declared, ModuleError> {
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(not_a_module)? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if depth == 0 && section.name() == SECTION => {
                let what = format!("its custom section `{SECTION}`");
                if section.data().len() > SECTION_LIMIT_BYTES {
                    return Err(ModuleError::Contract(format!("{what} is larger than 4 MiB")));
                }
                return description::read(section.data(), &what, Limits::default().json_depth)
                    .map(Declared::Section)
                    .map_err(|stop| ModuleError::Contract(stop.0.message));
            }
            _ => {}
        }
    }
    Ok(Declared::Nothing)
}

/// A command ends itself with this error, whose number is its exit code.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("ended with exit code {0}")]
pub(super) struct Exit(pub i32);

/// What came of running it: its last line, its exit code.
pub(super) fn ended(state: &mut State, result: wasmtime::Result<()>) -> wasmtime::Result<Result<(), String>> {
    let code = match result {
        Ok(()) => 0,
        Err(error) => match error.downcast_ref::<Exit>() {
            Some(Exit(code)) => *code,
            None => return Err(error),
        },
    };
    state.end_output()?;
    if code == 0 {
        return Ok(Ok(()));
    }
    let last_words = state.last_words();
    let colon = if last_words.is_empty() { "" } else { ": " };
    Ok(Err(format!("ended with exit code {code}{colon}{last_words}")))
}

/// A command can't be asked anything.
pub(super) fn cannot_describe() -> wasmtime::Error {
    Stop::guest("contract", "a command has no `describe`").into()
}
