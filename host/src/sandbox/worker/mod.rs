//! A judge worker: a process of this program that answers its supervisor, line by line, and can do nothing else.
//!
//! It has no environment, no descriptors but its socket and its roots, and where the kernel can, Landlock and seccomp
//! (`confine`). It compiles nothing and starts nothing: compiled code is handed over by the supervisor, sealed.

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;

use super::channel::Channel;
use super::code::Code;
use super::confine;
use super::engine::THREAD_STACK_BYTES;
use super::judge::{BackEnd, JudgeSettings, LocalJudge, Prepared};
use super::module::{Handed, has_big_stack};
use super::roots::Roots;
use crate::value::Verdict;

pub(super) mod lines;
mod own;

use lines::{Begin, FromWorker, ToWorker};
pub(super) use own::give_up;

/// Judges until the supervisor goes away. Standard input is the socket.
///
/// # Errors
/// When the socket breaks, or what comes out of it is not understood.
pub fn worker() -> io::Result<()> {
    give_up();
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut channel = Channel::new(socket);
    let Some(ToWorker::Begin(begin)) = channel.receive()? else {
        return Err(io::Error::other("expected to be told where to begin"));
    };
    // The fences are a thread's own and inherited: this one must be the only one, and nothing from outside was looked at
    // until here.
    let judge = begun(begin)?;
    std::thread::Builder::new()
        .name("judge".to_owned())
        .stack_size(THREAD_STACK_BYTES)
        .spawn(move || serve(channel, &judge))?
        .join()
        .unwrap_or_else(|_| Err(io::Error::other("the judge panicked")))
}

fn serve(mut channel: Channel, judge: &LocalJudge) -> io::Result<()> {
    has_big_stack();
    while let Some(told) = channel.receive()? {
        match told {
            ToWorker::Begin(_) => return Err(io::Error::other("it has begun")),
            ToWorker::Module { digest, made } => {
                let made = match made {
                    Err(unjudged) => Err(unjudged),
                    Ok(way) => Ok(Handed { way, code: handed(&mut channel)? }),
                };
                judge.hand_over(digest, made);
            }
            ToWorker::Describe { module, name } => {
                let answer = match judge.described_as(&module, &name) {
                    Ok(descriptions) => FromWorker::Descriptions(descriptions),
                    Err(unjudged) => FromWorker::Unjudged(unjudged),
                };
                channel.send(&answer, &[])?;
            }
            ToWorker::Judge { questions, ask_first: false } => {
                for request in questions.each() {
                    say(&mut channel, judge.judged(&request))?;
                }
            }
            ToWorker::Judge { questions, ask_first: true } => {
                let asked: Vec<_> = questions.each().collect();
                let prepared: Vec<_> = asked.iter().map(|request| judge.prepared(request)).collect();
                let are_known = known(&mut channel, &prepared)?;
                for ((request, prepared), is_known) in asked.iter().zip(prepared).zip(are_known) {
                    match prepared {
                        _ if is_known => {}
                        Ok(prepared) => say(&mut channel, judge.finished(request, prepared))?,
                        Err(verdict) => say(&mut channel, *verdict)?,
                    }
                }
            }
            ToWorker::GoOn { .. } => return Err(io::Error::other("nothing was asked")),
        }
    }
    Ok(())
}

/// The descriptor that came with a module's line.
fn handed(channel: &mut Channel) -> io::Result<Code> {
    let missing = || io::Error::other("a descriptor is missing");
    channel.descriptor().ok_or_else(missing).and_then(Code::take)
}

fn say(channel: &mut Channel, verdict: Verdict) -> io::Result<()> {
    channel.send(&FromWorker::Verdict(Box::new(verdict)), &[])
}

/// For each question, whether the supervisor has a verdict for what goes into it.
fn known(channel: &mut Channel, prepared: &[Result<Prepared, Box<Verdict>>]) -> io::Result<Vec<bool>> {
    let inputs = prepared.iter().map(|prepared| Some(prepared.as_ref().ok()?.inputs.clone())).collect();
    channel.send(&FromWorker::Inputs(inputs), &[])?;
    match channel.receive()? {
        Some(ToWorker::GoOn { are_known }) if are_known.len() == prepared.len() => Ok(are_known),
        _ => Err(io::Error::other("expected an answer for each question")),
    }
}

fn begun(begin: Begin) -> io::Result<LocalJudge> {
    let settings = JudgeSettings {
        back_end: if begin.is_interpreter { BackEnd::Interpreter } else { BackEnd::Native },
        limits: begin.limits,
        ..JudgeSettings::default()
    };
    let judge = LocalJudge::new(settings).map_err(io::Error::other)?.within(Roots::open(&begin.roots));
    confine::confine(&begin.roots);
    Ok(judge)
}
