;; Wants something of a host it does not know.
(import "env" "system" (func $system (param i32) (result i32)))
(func $describing)
(func $checking (result i32) (call $ok))
