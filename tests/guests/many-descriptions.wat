;; A list of 268 million descriptions.
(data (i32.const 1024) "\00\00\00\00\ff\ff\ff\0f")
(func $describing)
(func $checking (result i32) (call $ok))
