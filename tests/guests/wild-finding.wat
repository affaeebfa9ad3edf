;; A message that starts in its memory and ends outside.
(func $describing)
(func $checking (result i32)
  (call $read)
  (call $emit (i32.const 0) (i32.const 131000) (i32.const 1000) (i32.const 2048) (i32.const 1)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
  (call $ok))
