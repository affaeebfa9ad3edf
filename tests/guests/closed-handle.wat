;; Uses a handle that nobody gave it.
(func $describing)
(func $checking (result i32) (drop (call $size (i32.const 77))) (call $ok))
