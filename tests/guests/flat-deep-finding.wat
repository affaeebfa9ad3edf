;; JSON nested a hundred thousand times.
(func $checking (result i64)
  (call $read)
  (memory.fill (i32.const 8192) (i32.const 91) (i32.const 100000))
  (call $emit (i32.const 8192) (i32.const 100000))
  (i64.const 0))
