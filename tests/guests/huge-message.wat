;; One message of 5 MiB.
(func $describing)
(func $checking (result i32)
  (call $read)
  (drop (memory.grow (i32.const 100)))
  (call $emit (i32.const 0) (i32.const 8192) (i32.const 5242880) (i32.const 2048) (i32.const 1)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
  (call $ok))
