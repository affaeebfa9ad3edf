;; A finding that points at what is not there.
(data (i32.const 2100) "$.turns[7].exit")
(func $describing)
(func $checking (result i32) (call $read) (call $say (i32.const 0)) (call $ok))
