;; Says that it can't judge, and why.
(func $checking (result i64) (i64.const 0x83400000008))
