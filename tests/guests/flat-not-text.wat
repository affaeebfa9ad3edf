;; An expression that is not UTF-8.
(func $checking (result i64) (drop (call $count (i32.const 3000) (i32.const 4))) (i64.const 0))
(data (i32.const 3000) "\ff\fe\fd\fc")
