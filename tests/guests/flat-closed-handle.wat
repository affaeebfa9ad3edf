;; Closes a handle twice.
(func $checking (result i64)
  (local $blob i32)
  (local.set $blob (call $open (i32.const 2100) (i32.const 8)))
  (call $close (local.get $blob))
  (call $close (local.get $blob))
  (i64.const 0))
