;; Its last line has no end.
(func $checking (call $read) (call $write (i32.const 1) (i32.const 2200) (i32.const 70)))
