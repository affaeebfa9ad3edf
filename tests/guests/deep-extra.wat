;; An `extra` of 40 arrays within each other.
(data (i32.const 3000) "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]")
(func $describing)
(func $checking (result i32)
  (call $read)
  (call $emit (i32.const 0) (i32.const 2120) (i32.const 5) (i32.const 2048) (i32.const 1)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3000) (i32.const 81))
  (call $ok))
