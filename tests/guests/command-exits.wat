;; Says on standard error why it can't judge, and ends with a code.
(data (i32.const 3000) "no \1b[31mreference\0a")
(func $checking (call $read) (call $write (i32.const 2) (i32.const 3000) (i32.const 18)) (call $proc_exit (i32.const 3)))
