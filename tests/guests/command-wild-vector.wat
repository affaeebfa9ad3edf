;; A list of places to read to that is not in its memory.
(func $checking (drop (call $fd_read (i32.const 0) (i32.const -4) (i32.const 1) (i32.const 1032))))
