//! Write wassert assertions in Rust: one trait, one macro, and the three things a check talks to
//! ([`Evidence`], [`Report`], [`path`]).
//!
//! It is a thin binding over the world `wassert:pack/pack`. It also compiles natively, so that an author's own pure
//! functions can be unit-tested; the evidence itself exists only in the host, and a native call of it panics.

mod assertion;
#[doc(hidden)]
pub mod bindings;
mod evidence;
pub mod path;
mod reference;
mod report;

pub use assertion::{Assertion, NoParameters};
pub use evidence::{Blob, Evidence, Matches, Node, Refusal};
pub use report::{Place, Places, Report};

/// What [`pack!`] expands to uses these; authors do not.
#[doc(hidden)]
pub mod expansion {
    pub use crate::assertion::{describe, run};
    pub use crate::bindings::exports::wassert::pack::assertions::{Description, Guest};
}

/// Makes the crate a module with these assertions, in this order. Call it once, in `lib.rs`.
///
/// ```ignore
/// wassert_guest::pack![Exit, FileContent];
/// ```
#[macro_export]
macro_rules! pack {
    ($($assertion:ty),+ $(,)?) => {
        // Exporting a symbol is what makes a wasm module callable, and Rust counts it as unsafe code.
        #[allow(unsafe_code, reason = "the exports of a component")]
        const _: () = {
            struct Pack;

            impl $crate::expansion::Guest for Pack {
                fn describe() -> ::std::vec::Vec<$crate::expansion::Description> {
                    ::std::vec![$($crate::expansion::describe::<$assertion>()),+]
                }

                fn check(
                    name: ::std::string::String,
                    parameters: ::std::string::String,
                ) -> ::std::result::Result<(), ::std::string::String> {
                    $(
                        if name == <$assertion as $crate::Assertion>::NAME {
                            return $crate::expansion::run::<$assertion>(&parameters);
                        }
                    )+
                    ::std::result::Result::Err(::std::format!("this module has no assertion `{name}`"))
                }
            }

            $crate::bindings::export_pack!(Pack with_types_in $crate::bindings);
        };
    };
}
