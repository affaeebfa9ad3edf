;; Its name is not UTF-8.
(data (i32.const 1100) "\ff\ff\ff\ff")
(func $describing)
(func $checking (result i32) (call $ok))
