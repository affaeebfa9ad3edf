//! What a worker gives up before it listens: descriptors of whoever started the program, core dumps, files it could
//! write.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Called first in the process, when there is no other thread and nothing is open that it opened itself.
pub(in crate::sandbox) fn give_up() {
    close_inherited();
    let nothing = Rlimit { current: Some(0), maximum: Some(0) };
    for resource in [Resource::Core, Resource::Fsize] {
        // A kernel that refuses leaves the other fences.
        let _ = setrlimit(resource, nothing);
    }
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

/// Everything but standard input, output and error. This program marks its own descriptors close-on-exec; whoever
/// started it may not have.
fn close_inherited() {
    let Ok(folder) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers: Vec<i32> = folder
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|n| *n > 2)
        .collect();
    for number in numbers {
        // The folder's own descriptor is among them, and closed already.
        let _ = nix::unistd::close(number);
    }
}
