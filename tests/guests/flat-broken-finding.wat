;; Emits what is no finding.
(func $checking (result i64) (call $read) (call $emit (i32.const 2048) (i32.const 15)) (i64.const 0))
