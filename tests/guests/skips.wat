;; Skips.
(func $describing)
(func $checking (result i32) (call $say (i32.const 2)) (call $ok))
