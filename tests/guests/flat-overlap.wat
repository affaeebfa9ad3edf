;; The answer is written over the question.
(func $checking (result i64)
  (drop (call $query (i32.const 2048) (i32.const 15) (i32.const 0) (i32.const 1) (i32.const 2048) (i32.const 60)))
  (if (i32.ne (i32.load8_u (i32.const 2048)) (i32.const 91)) (then (return (i64.const 0))))
  (call $say)
  (i64.const 0))
