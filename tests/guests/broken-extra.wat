;; An `extra` that is not JSON.
(func $describing)
(func $checking (result i32)
  (call $read)
  (call $emit (i32.const 0) (i32.const 2120) (i32.const 5) (i32.const 2048) (i32.const 1)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2120) (i32.const 5))
  (call $ok))
