;; Writes words where findings are read.
(data (i32.const 3000) "all is well\0a")
(func $checking (call $read) (call $say) (call $write (i32.const 1) (i32.const 3000) (i32.const 12)))
