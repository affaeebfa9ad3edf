;; Never ends by itself.
(func $describing)
(func $checking (result i32) (loop $again (br $again)) (unreachable))
