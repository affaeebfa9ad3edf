;; A path that would read like another one in a log.
(data (i32.const 2100) "$.turns[0]\e2\80\aetix")
(func $describing)
(func $checking (result i32) (call $read) (call $say (i32.const 0)) (call $ok))
