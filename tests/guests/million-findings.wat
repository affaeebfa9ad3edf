;; Reports until its work is used up; the first thousand are kept.
(func $describing)
(func $checking (result i32)
  (call $read)
  (loop $again (call $say (i32.const 1)) (br $again))
  (unreachable))
