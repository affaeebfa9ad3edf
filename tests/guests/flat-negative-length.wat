;; A length below zero.
(func $checking (result i64) (call $read) (call $emit (i32.const 2200) (i32.const -1)) (i64.const 0))
