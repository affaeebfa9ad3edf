;; Asks for table elements until it is told no.
(table $t 1 funcref)
(func $describing)
(func $checking (result i32) (loop $again (drop (table.grow $t (ref.null func) (i32.const 10000))) (br $again)) (unreachable))
