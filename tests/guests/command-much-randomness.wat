;; Asks for randomness without end.
(func $checking (loop $again (drop (call $random_get (i32.const 8192) (i32.const 65536))) (br $again)))
