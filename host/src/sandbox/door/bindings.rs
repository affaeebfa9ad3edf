//! The host's side of `guest-sdk/wit/pack.wit`, generated.
#![allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    reason = "generated from the contract, which has the words"
)]

wasmtime::component::bindgen!({
    path: "../guest-sdk/wit",
    world: "wassert:pack/pack",
    imports: { default: trappable },
    with: { "wassert:pack/evidence.blob": super::super::imports::Blob },
});
