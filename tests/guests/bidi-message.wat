;; A message that reads differently from what it is: U+202E turns the rest around, U+2066 isolates.
(data (i32.const 3000) "exit \e2\80\ae0 ssap\e2\81\a6")
(func $describing)
(func $checking (result i32)
  (call $read)
  (call $emit (i32.const 1) (i32.const 3000) (i32.const 17) (i32.const 2048) (i32.const 1)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0))
  (call $ok))
