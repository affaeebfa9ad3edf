//! Hostile guests too large to keep, made from a description.

use std::collections::BTreeMap;

use super::tests::text;

/// Every made guest by its name.
pub(super) fn all() -> BTreeMap<&'static str, Vec<u8>> {
    BTreeMap::from([
        ("made-empty", Vec::new()),
        ("made-text", b"hello, this is no module at all".to_vec()),
        ("made-random-bytes", random_bytes(4_096)),
        ("made-random-after-magic", [b"\0asm\x01\0\0\0".as_slice(), &random_bytes(4_096)].concat()),
        ("made-truncated", truncated()),
        ("made-compile-bomb", flat_with(&loops_and_locals(3_000, 3_000))),
        (
            "made-compile-bomb-flat",
            flat_with(&format!("(func (local {}) {})", "i64 ".repeat(1_000), "(loop)".repeat(1_000))),
        ),
        ("made-many-functions", flat_with(&"(func)".repeat(100_000))),
        ("made-large-body", flat_with(&format!("(func {})", "i32.const 1 drop ".repeat(200_000)))),
        (
            "made-deep-nesting",
            flat_with(&format!("(func {} {})", "block ".repeat(5_000), "end ".repeat(5_000))),
        ),
        ("made-many-locals", flat_with(&format!("(func (local {}))", "i64 ".repeat(50_001)))),
        ("made-many-tables", flat_with(&"(table 1 funcref)".repeat(17))),
        ("made-many-modules", many_modules()),
        ("made-large-memory", parsed(&text("flat-pass").replace("\"memory\") 2", "\"memory\") 5000"))),
        ("made-large-table", flat_with("(table 200000 funcref)")),
        ("made-every-wasi-function", every_wasi_function()),
        ("made-file-too-large", vec![0; (32 << 20) + 1]),
    ])
}

fn parsed(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A right guest of the flat ABI with something more in it.
fn flat_with(more: &str) -> Vec<u8> {
    let module = text("flat-pass");
    parsed(&format!("{}{more})", module.strip_suffix(')').unwrap()))
}

/// Every loop within the last, each with a local of its own that lives through all of them.
fn loops_and_locals(loops: usize, locals: usize) -> String {
    let starts: String = (0..loops)
        .map(|number| format!("loop local.get {0} i64.const 1 i64.add local.set {0} ", number % locals))
        .collect();
    format!("(func (local {}) {starts} {})", "i64 ".repeat(locals), "end ".repeat(loops))
}

fn random_bytes(count: usize) -> Vec<u8> {
    let mut state = 42_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..count).map(|_| next()).collect()
}

fn truncated() -> Vec<u8> {
    let mut bytes = parsed(&text("flat-pass"));
    bytes.truncate(bytes.len() * 2 / 3);
    bytes
}

fn many_modules() -> Vec<u8> {
    let modules = "(core module)".repeat(65);
    parsed(&text("component-command-exits").replacen("(component", &format!("(component {modules}"), 1))
}

/// Imports all of preview 1, calls everything with zeros, and passes when it is still there.
fn every_wasi_function() -> Vec<u8> {
    let functions = "args_get:ii args_sizes_get:ii environ_get:ii environ_sizes_get:ii clock_res_get:ii \
        clock_time_get:iIi fd_advise:iIIi fd_allocate:iII fd_close:i fd_datasync:i fd_fdstat_get:ii \
        fd_fdstat_set_flags:ii fd_fdstat_set_rights:iII fd_filestat_get:ii fd_filestat_set_size:iI \
        fd_filestat_set_times:iIIi fd_pread:iiiIi fd_prestat_get:ii fd_prestat_dir_name:iii fd_pwrite:iiiIi \
        fd_read:iiii fd_readdir:iiiIi fd_renumber:ii fd_seek:iIii fd_sync:i fd_tell:ii fd_write:iiii \
        path_create_directory:iii path_filestat_get:iiiii path_filestat_set_times:iiiiIIi path_link:iiiiiii \
        path_open:iiiiiIIii path_readlink:iiiiii path_remove_directory:iii path_rename:iiiiii path_symlink:iiiii \
        path_unlink_file:iii poll_oneoff:iiii proc_raise:i sched_yield: random_get:ii sock_accept:iii \
        sock_recv:iiiiii sock_send:iiiii sock_shutdown:ii";
    let (mut imports, mut calls) = (String::new(), String::new());
    for (name, parameters) in functions.split_whitespace().map(|f| f.split_once(':').unwrap()) {
        let kind = |parameter: char| if parameter == 'i' { "i32" } else { "i64" };
        let types: Vec<&str> = parameters.chars().map(kind).collect();
        let zeros: String = types.iter().map(|ty| format!("({ty}.const 0)")).collect();
        imports.push_str(&format!(
            "(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} (param {}) (result i32)))",
            types.join(" ")
        ));
        calls.push_str(&format!("(drop (call ${name} {zeros}))"));
    }
    let finding = r#"{\"outcome\":\"pass\",\"message\":\"all\",\"at\":[{\"path\":\"$.turns[0].exit\"}]}"#;
    parsed(&format!(
        "(module {imports} (memory (export \"memory\") 2)
        (data (i32.const 2200) \"{finding}\")
        (data (i32.const 1024) \"\\00\\20\\00\\00\\00\\10\\00\\00\")
        (data (i32.const 1040) \"\\98\\08\\00\\00\\44\\00\\00\\00\")
        (func (export \"_start\") {calls}
          (drop (call $fd_read (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 512)))
          (drop (call $fd_write (i32.const 1) (i32.const 1040) (i32.const 1) (i32.const 512)))))"
    ))
}
