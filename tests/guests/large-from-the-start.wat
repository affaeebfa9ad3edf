;; Wants a table of 200,000 elements before it does anything.
(table 200000 funcref)
(func $describing)
(func $checking (result i32) (call $ok))
