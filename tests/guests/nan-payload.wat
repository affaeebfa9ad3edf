;; Fails unless NaN has no payload: it is the same bits on every machine.
(func $describing)
(func $nan (param f64) (result i64) (i64.reinterpret_f64 (f64.div (local.get 0) (local.get 0))))
(func $sum (param f64) (result i64) (i64.reinterpret_f64 (f64.add (local.get 0) (f64.const nan:0x4567890123456))))
(func $checking (result i32)
  (call $read)
  (call $say (i32.or
    (i64.ne (call $nan (f64.const 0)) (i64.const 0x7ff8000000000000))
    (i64.ne (call $sum (f64.const 1)) (i64.const 0x7ff8000000000000))))
  (call $ok))
