;; Wants to read while it is asked what it offers.
(func $describing (call $read))
(func $checking (result i32) (call $ok))
