;; The name of its assertion moves the cursor.
(data (i32.const 1100) "\1b[Ax")
(func $describing)
(func $checking (result i32) (call $ok))
