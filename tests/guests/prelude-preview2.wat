;; The common part of WASI commands, preview 2, wrapped by the tests with `preview2.wit`. A guest adds `$checking`.
(import "wasi:cli/environment@0.2.0" "get-environment" (func $get_environment (param i32)))
(import "wasi:cli/environment@0.2.0" "get-arguments" (func $get_arguments (param i32)))
(import "wasi:cli/environment@0.2.0" "initial-cwd" (func $initial_cwd (param i32)))
(import "wasi:cli/exit@0.2.0" "exit" (func $exit (param i32)))
(import "wasi:cli/stdin@0.2.0" "get-stdin" (func $get_stdin (result i32)))
(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $get_stdout (result i32)))
(import "wasi:cli/stderr@0.2.0" "get-stderr" (func $get_stderr (result i32)))
(import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $monotonic_now (result i64)))
(import "wasi:clocks/wall-clock@0.2.0" "now" (func $wall_now (param i32)))
(import "wasi:io/streams@0.2.0" "[method]input-stream.blocking-read" (func $blocking_read (param i32 i64 i32)))
(import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush" (func $blocking_write (param i32 i32 i32 i32)))
(import "wasi:random/insecure-seed@0.2.0" "insecure-seed" (func $insecure_seed (param i32)))
(import "wasi:random/random@0.2.0" "get-random-bytes" (func $random_bytes (param i64 i32)))
(import "wasi:random/random@0.2.0" "get-random-u64" (func $random_u64 (result i64)))

(memory (export "memory") 2)
(global $heap (mut i32) (i32.const 65536))
(func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
  (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
  (global.set $heap (i32.add (local.get $at) (local.get $size)))
  (local.get $at))
(func (export "wasi:cli/run@0.2.0#run") (result i32) (call $checking) (i32.const 0))

;; A finding, its line end included.
(data (i32.const 2200) "{\"outcome\":\"pass\",\"message\":\"found\",\"at\":[{\"path\":\"$.turns[0].exit\"}]}\n")
;; Reads up to 4,096 bytes of standard input.
(func $read (call $blocking_read (call $get_stdin) (i64.const 4096) (i32.const 1024)))
;; Writes bytes to a stream: 1 is standard output, 2 standard error.
(func $write (param $stream i32) (param $at i32) (param $length i32)
  (call $blocking_write
    (if (result i32) (i32.eq (local.get $stream) (i32.const 1)) (then (call $get_stdout)) (else (call $get_stderr)))
    (local.get $at) (local.get $length) (i32.const 1024)))
(func $say (call $write (i32.const 1) (i32.const 2200) (i32.const 71)))
