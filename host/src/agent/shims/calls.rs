//! What stand-ins wrote down of their calls, read from a folder that the agent may write, too.

use cap_std::fs::Dir;

use super::FOLDER;
use crate::agent::plain_file;
use crate::agent::root::Root;
use crate::document::Call;
use crate::scenario::Shim;

/// Calls that are kept, and bytes of each text of one.
const CALLS_LIMIT: usize = 1000;
const TEXT_LIMIT_BYTES: u64 = 64 * 1024;

/// Every call of `shims` in the order it was made.
pub fn calls(root: &Root, shims: &[Shim]) -> Vec<Call> {
    let Ok(folder) = root.whole.open_dir(format!("{FOLDER}/calls")) else { return Vec::new() };
    (1..=CALLS_LIMIT)
        .map_while(|number| folder.open_dir(number.to_string()).ok())
        .map(|call| read(&call, shims))
        .collect()
}

fn read(call: &Dir, shims: &[Shim]) -> Call {
    let text = |name: &str| {
        let bytes = plain_file::read(call, name.as_ref(), TEXT_LIMIT_BYTES).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    };
    let number = |name: &str| text(name).trim().parse::<u32>().ok();
    let (arguments, program, reply) = (text("arguments"), text("program"), number("reply"));
    let set = shims.iter().find(|shim| shim.name == program).zip(reply).and_then(|(shim, reply)| {
        let replied = reply.checked_sub(1).map(|position| shim.replies.get(position as usize));
        let answer = match replied {
            Some(reply) => &reply?.answer,
            None => shim.otherwise.as_ref()?,
        };
        Some(
            answer
                .set
                .keys()
                .enumerate()
                .map(|(index, name)| (name.clone(), text(&format!("set-{index}"))))
                .collect(),
        )
    });
    Call {
        turn: number("turn").unwrap_or_default(),
        program,
        arguments: arguments.split_terminator('\0').map(str::to_owned).collect(),
        directory: text("directory").trim_end_matches('\n').to_owned(),
        stdin: call.exists("stdin").then(|| text("stdin")),
        reply: reply.filter(|reply| *reply > 0),
        set: set.unwrap_or_default(),
        exit: number("exit").map(|exit| exit as i32),
    }
}
