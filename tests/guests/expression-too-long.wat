;; An expression of 5,000 bytes is refused, and the guest told why: it passes when it was.
(func $describing)
(func $checking (result i32)
  (call $read)
  (memory.fill (i32.const 8192) (i32.const 32) (i32.const 5000))
  (call $count (i32.const 8192) (i32.const 5000) (i32.const 4096))
  (call $say (i32.eqz (i32.load8_u (i32.const 4096))))
  (call $ok))
