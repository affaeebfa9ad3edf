;; Offers nothing.
(data (i32.const 1024) "\10\04\00\00\00\00\00\00")
(func $describing)
(func $checking (result i32) (call $ok))
