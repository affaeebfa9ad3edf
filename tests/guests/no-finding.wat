;; Reads, and says nothing.
(func $describing)
(func $checking (result i32) (call $read) (call $ok))
