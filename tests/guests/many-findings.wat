;; 1,500 passes, and a failure when nobody may be looking any more.
(func $describing)
(func $checking (result i32)
  (local $left i32)
  (call $read)
  (local.set $left (i32.const 1500))
  (loop $again
    (call $say (i32.const 0))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (call $say (i32.const 1))
  (call $ok))
