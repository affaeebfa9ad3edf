;; The common part of guests with the flat ABI. A guest adds `$checking`, whose result is `wassert_check`'s.
(import "wassert_v1" "query" (func $query (param i32 i32 i32 i32 i32 i32) (result i64)))
(import "wassert_v1" "count" (func $count (param i32 i32) (result i64)))
(import "wassert_v1" "open" (func $open (param i32 i32) (result i32)))
(import "wassert_v1" "size" (func $size (param i32) (result i64)))
(import "wassert_v1" "read" (func $read_bytes (param i32 i64 i32 i32) (result i32)))
(import "wassert_v1" "find" (func $find (param i32 i32 i32 i64) (result i64)))
(import "wassert_v1" "close" (func $close (param i32)))
(import "wassert_v1" "emit" (func $emit (param i32 i32)))
(import "wassert_v1" "log" (func $log (param i32 i32 i32)))

(memory (export "memory") 2)
(func (export "wassert_abi") (result i32) (i32.const 1))
(func (export "wassert_alloc") (param $length i32) (result i32) (i32.const 65536))
(data (i32.const 1024) "[{\"name\":\"test\",\"summary\":\"A summary\",\"reads\":[\"turns\",\"stdout\"]}]")
(func (export "wassert_describe") (result i64) (i64.const 0x40000000042))
(func (export "wassert_check") (param i32 i32) (result i64) (call $checking))

(data (i32.const 2048) "$.turns[0].exit")
(data (i32.const 2100) "stdout/0")
(data (i32.const 2200) "{\"outcome\":\"pass\",\"message\":\"found\",\"at\":[{\"path\":\"$.turns[0].exit\"}]}")
;; Reads the place, and reports a pass there.
(func $read (drop (call $query (i32.const 2048) (i32.const 15) (i32.const 0) (i32.const 10) (i32.const 4096) (i32.const 4096))))
(func $say (call $emit (i32.const 2200) (i32.const 70)))
