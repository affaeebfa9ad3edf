;; A query that would be polynomial work of a high degree, and one that is cheap but asked without end.
(data (i32.const 3000) "$..[?$..[?$..zz]]")
(data (i32.const 3100) "$..*")
(func $describing)
(func $checking (result i32)
  (call $count (i32.const 3000) (i32.const 17) (i32.const 4096))
  (if (i32.eqz (i32.load8_u (i32.const 4096))) (then (return (call $ok))))
  (loop $again (call $count (i32.const 3100) (i32.const 4) (i32.const 4096)) (br $again))
  (unreachable))
