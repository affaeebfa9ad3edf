;; Writes one line that never ends.
(func $checking (call $read) (loop $again (call $write (i32.const 1) (i32.const 8192) (i32.const 65536)) (br $again)))
