;; A query that matches everything, a million times.
(data (i32.const 3100) "$..*")
(func $describing)
(func $checking (result i32)
  (local $left i32)
  (local.set $left (i32.const 1000000))
  (loop $again
    (call $query (i32.const 3100) (i32.const 4) (i32.const 0) (i32.const 0) (i32.const 4096))
    (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))
  (call $say (i32.const 0))
  (call $ok))
