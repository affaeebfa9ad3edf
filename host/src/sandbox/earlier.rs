//! What an earlier process made of a module: its compiled code, and what was found out by looking through it, so that
//! a large module is neither looked through nor digested again.
//!
//! Both lie in the cache under names made from all that the module holds; a file that does not count there is none.

use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::code::Code;
use super::door::Way;
use super::module::CODE_LIMIT_BYTES;
use super::stop::Stop;
use crate::value::{Digest, Unjudged};

/// A longer account is not kept: it describes a command's assertions.
const ACCOUNT_LIMIT_BYTES: usize = 1 << 20;

/// Files in the cache for one module.
pub(super) const FILES: usize = 2;

/// What is known of a module besides its code.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Account {
    pub digest: Digest,
    pub way: Way,
}

/// All of it, or nothing.
pub(super) fn find(cache: &Cache, name: &str) -> Option<(Account, Code)> {
    let account = cache.bytes(&account_name(name), ACCOUNT_LIMIT_BYTES as u64)?;
    let account = serde_json::from_slice(&account).ok()?;
    Some((account, cache.code(name, CODE_LIMIT_BYTES)?))
}

/// Looks through a module that was just compiled, and keeps what came of it.
///
/// # Errors
/// Why there is no way into the module.
pub(super) fn account(
    cache: Option<&Cache>,
    name: &str,
    module: &[u8],
    digest: Digest,
    code: &Code,
) -> Result<Account, Unjudged> {
    let way = Way::of(module).map_err(|error| Stop::guest(error.code(), error.to_string()).0)?;
    let account = Account { digest, way };
    if let (Some(cache), Ok(code)) = (cache, code.bytes()) {
        keep(cache, name, &account, &code);
    }
    Ok(account)
}

fn keep(cache: &Cache, name: &str, account: &Account, code: &[u8]) {
    let Ok(account) = serde_json::to_vec(account) else { return };
    if account.len() <= ACCOUNT_LIMIT_BYTES {
        cache.put(name, code);
        cache.put(&account_name(name), &account);
        cache.prune();
    }
}

fn account_name(name: &str) -> String {
    format!("{name}.account")
}
