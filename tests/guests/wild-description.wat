;; What `describe` returns leads outside of its memory.
(data (i32.const 1024) "\00\00\ff\7f\ff\00\00\00")
(func $describing)
(func $checking (result i32) (call $ok))
