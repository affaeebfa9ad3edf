;; One message of 10,000 bytes, a little more than is kept.
(func $describing)
(func $checking (result i32)
  (call $read)
  (memory.fill (i32.const 8192) (i32.const 97) (i32.const 10000))
  (call $emit (i32.const 0) (i32.const 8192) (i32.const 10000) (i32.const 2048) (i32.const 1)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
  (call $ok))
