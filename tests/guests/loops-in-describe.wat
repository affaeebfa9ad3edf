;; Never ends by itself, before any check.
(func $describing (loop $again (br $again)))
(func $checking (result i32) (call $ok))
