;; An outcome that is none of the three.
(func $describing)
(func $checking (result i32) (call $read) (call $say (i32.const 7)) (call $ok))
