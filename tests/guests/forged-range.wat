;; Points at bytes of a number, which has none, to make a quotation look like something else.
(data (i32.const 2048) "\34\08\00\00\0f\00\00\00\01\00\00\00\00\00\00\00\00\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00\01\00\00\00\00\00\00\00")
(func $describing)
(func $checking (result i32) (call $read) (call $say (i32.const 0)) (call $ok))
