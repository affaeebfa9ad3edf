;; The common part of every hostile guest: the canonical ABI of `wassert:pack/pack` by hand. A guest adds
;; `$describing`, run in `describe`, and `$checking`, run in `check`, which returns the address of its result.
(import "wassert:pack/evidence@0.1.0" "query" (func $query (param i32 i32 i32 i32 i32)))
(import "wassert:pack/evidence@0.1.0" "count" (func $count (param i32 i32 i32)))
(import "wassert:pack/evidence@0.1.0" "[static]blob.open" (func $open (param i32 i32 i32)))
(import "wassert:pack/evidence@0.1.0" "[method]blob.size" (func $size (param i32) (result i64)))
(import "wassert:pack/evidence@0.1.0" "[method]blob.find" (func $find (param i32 i32 i32 i64 i32)))
(import "wassert:pack/report@0.1.0" "emit" (func $emit (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
(import "wassert:pack/report@0.1.0" "log" (func $log (param i32 i32 i32)))

(memory (export "memory") 2)
(global $heap (mut i32) (i32.const 65536))
(func (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
  (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
  (global.set $heap (i32.add (local.get $at) (local.get $size)))
  (local.get $at))

;; One description: name, summary, no schema, reads.
(data (i32.const 1024) "\10\04\00\00\01\00\00\00")
(data (i32.const 1040) "\4c\04\00\00\04\00\00\00\56\04\00\00\09\00\00\00\01\00\00\00\00\00\00\00\38\04\00\00\01\00\00\00")
(data (i32.const 1080) "\6a\04\00\00\05\00\00\00")
(data (i32.const 1100) "test")
(data (i32.const 1110) "A summary")
(data (i32.const 1130) "turns")

;; One place without a byte range: its path of 15 bytes stands at 2100.
(data (i32.const 2048) "\34\08\00\00\0f\00\00\00")
(data (i32.const 2100) "$.turns[0].exit")
(data (i32.const 2120) "found")

(func (export "wassert:pack/assertions@0.1.0#describe") (result i32)
  (call $describing)
  (i32.const 1024))
(func (export "wassert:pack/assertions@0.1.0#check") (param i32 i32 i32 i32) (result i32)
  (call $checking))

;; Reads the place.
(func $read (call $query (i32.const 2100) (i32.const 15) (i32.const 0) (i32.const 10) (i32.const 4096)))
;; Reports `found` there: 0 is pass, 1 fail, 2 skip.
(func $say (param $outcome i32)
  (call $emit (local.get $outcome) (i32.const 2120) (i32.const 5) (i32.const 2048) (i32.const 1)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0)))
;; The result `ok`: zeros.
(func $ok (result i32) (i32.const 512))
