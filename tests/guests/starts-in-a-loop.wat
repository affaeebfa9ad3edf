;; Never gets as far as being asked.
(func $spin (loop $again (br $again)))
(start $spin)
(func $describing)
(func $checking (result i32) (call $ok))
