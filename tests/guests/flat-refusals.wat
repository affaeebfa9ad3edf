;; What can't be had is a number below zero, and no crash: absent bytes, a broken expression, a small place.
(func $checking (result i64)
  (if (i32.ne (call $open (i32.const 2048) (i32.const 15)) (i32.const -1)) (then (return (i64.const 0))))
  (if (i64.ne (call $count (i32.const 2100) (i32.const 8)) (i64.const -2)) (then (return (i64.const 0))))
  (i32.store (i32.const 4096) (i32.const 77))
  (if (i64.ne (call $query (i32.const 2048) (i32.const 15) (i32.const 0) (i32.const 1) (i32.const 4096) (i32.const 3)) (i64.const 44)) (then (return (i64.const 0))))
  (if (i32.ne (i32.load (i32.const 4096)) (i32.const 77)) (then (return (i64.const 0))))
  (call $say)
  (i64.const 0))
