;; Searches the same bytes without end.
(func $checking (result i64)
  (local $blob i32)
  (local.set $blob (call $open (i32.const 2100) (i32.const 8)))
  (loop $again (drop (call $find (local.get $blob) (i32.const 2100) (i32.const 8) (i64.const 0))) (br $again))
  (unreachable))
