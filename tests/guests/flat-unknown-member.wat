;; A finding with a member that does not exist, which would otherwise be lost silently.
(data (i32.const 3000) "{\"outcome\":\"pass\",\"massage\":\"found\",\"at\":[]}")
(func $checking (result i64) (call $read) (call $emit (i32.const 3000) (i32.const 46)) (i64.const 0))
