;; The address of its result is outside of its memory.
(func $describing)
(func $checking (result i32) (i32.const 0x7ffffff0))
