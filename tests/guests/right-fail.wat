;; Reads, and fails at what it read.
(func $describing)
(func $checking (result i32) (call $read) (call $say (i32.const 1)) (call $ok))
