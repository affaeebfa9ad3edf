;; Asks for memory until it is told no.
(func $describing)
(func $checking (result i32) (loop $again (drop (memory.grow (i32.const 100))) (br $again)) (unreachable))
