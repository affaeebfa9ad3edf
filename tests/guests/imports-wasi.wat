;; Wants a clock.
(import "wasi:clocks/wall-clock@0.2.0" "now" (func $now (param i32)))
(func $describing)
(func $checking (result i32) (call $ok))
