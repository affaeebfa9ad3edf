//! The generated bindings of the world `wassert:pack/pack`; nothing here is written by hand.
#![allow(unsafe_code, missing_docs, reason = "generated code crosses the canonical ABI over raw pointers")]
#![allow(unused_qualifications, reason = "generated code names everything in full")]

wit_bindgen::generate!({
    path: "../wit",
    world: "pack",
    pub_export_macro: true,
    export_macro_name: "export_pack",
});
