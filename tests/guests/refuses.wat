;; Says that it can't judge: an error with the text `found`.
(data (i32.const 5000) "\01\00\00\00\48\08\00\00\05\00\00\00")
(func $describing)
(func $checking (result i32) (i32.const 5000))
