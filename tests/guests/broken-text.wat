;; A message that is not UTF-8.
(data (i32.const 2120) "\ff\ff")
(func $describing)
(func $checking (result i32) (call $read) (call $say (i32.const 0)) (call $ok))
