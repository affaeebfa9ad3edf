//! Landlock: what is not below a root can't be opened, and nothing can be written.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, LandlockStatus, PathBeneath, PathFd, RestrictionStatus,
    Ruleset, RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};

use super::Fence;

/// The newest rules known here; an older kernel takes those it knows.
const ABI: ABI = ABI::V6;

pub(super) fn confine(roots: &[PathBuf]) -> Fence {
    match restrict(roots) {
        Ok(status) => fence(&status),
        Err(error) => Fence::Missing(format!("Landlock: {error}")),
    }
}

fn restrict(roots: &[PathBuf]) -> Result<RestrictionStatus, RulesetError> {
    let mut ruleset = Ruleset::default()
        .handle_access(AccessFs::from_all(ABI))?
        .handle_access(AccessNet::from_all(ABI))?
        .scope(Scope::from_all(ABI))?
        .create()?;
    for root in roots {
        // A root that is gone can't be read either way.
        if let Ok(handle) = PathFd::new(root) {
            ruleset = ruleset.add_rule(PathBeneath::new(handle, reading(root)))?;
        }
    }
    ruleset.restrict_self()
}

fn reading(root: &Path) -> BitFlags<AccessFs> {
    if root.is_dir() { AccessFs::ReadFile | AccessFs::ReadDir } else { AccessFs::ReadFile.into() }
}

fn fence(status: &RestrictionStatus) -> Fence {
    let abi = match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => format!("Landlock {effective_abi:?}"),
        LandlockStatus::NotEnabled => {
            return Fence::Missing("Landlock is not enabled in this kernel".to_owned());
        }
        LandlockStatus::NotImplemented => {
            return Fence::Missing("this kernel has no Landlock; Linux 5.13 and later do".to_owned());
        }
    };
    match status.ruleset {
        RulesetStatus::FullyEnforced => Fence::Whole(abi),
        RulesetStatus::PartiallyEnforced => Fence::Partial(format!("{abi}; a newer kernel knows more rules")),
        RulesetStatus::NotEnforced => Fence::Missing(format!("{abi}, but nothing was enforced")),
    }
}
