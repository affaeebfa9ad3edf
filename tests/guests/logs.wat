;; Writes 200 KB of log, then passes.
(func $describing)
(func $checking (result i32)
  (local $left i32)
  (call $read)
  (memory.fill (i32.const 8192) (i32.const 97) (i32.const 2000))
  (local.set $left (i32.const 100))
  (loop $again
    (call $log (i32.const 1) (i32.const 8192) (i32.const 2000))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (call $say (i32.const 0))
  (call $ok))
