//! A forge: a process of this program that compiles one module and ends. Compilers can be made to take minutes and
//! gigabytes by a few kilobytes; here that ends a process that nobody will miss.

mod child;
mod parent;

use serde::{Deserialize, Serialize};

pub use child::forge;
pub(super) use parent::compile_apart;

use super::judge::BackEnd;
use super::limits::Limits;
use crate::value::Unjudged;

/// The first line a forge reads; the module follows.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    is_interpreter: bool,
    limits: Limits,
}

impl Order {
    fn back_end(&self) -> BackEnd {
        if self.is_interpreter { BackEnd::Interpreter } else { BackEnd::Native }
    }
}

/// The first line it writes; the compiled code follows, unless the module was refused.
#[derive(Debug, Serialize, Deserialize)]
struct Made {
    refused: Option<Unjudged>,
}
