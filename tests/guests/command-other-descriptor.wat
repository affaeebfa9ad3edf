;; Writes to a descriptor that is not open; it is told so, and passes.
(func $checking
  (call $read)
  (if (i32.eq (call $fd_write (i32.const 3) (i32.const 1024) (i32.const 0) (i32.const 1032)) (i32.const 8)) (then (call $say))))
