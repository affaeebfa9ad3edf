;; Pointer and length whose sum is small when it wraps around.
(func $checking (result i64) (call $emit (i32.const -16) (i32.const 32)) (i64.const 0))
