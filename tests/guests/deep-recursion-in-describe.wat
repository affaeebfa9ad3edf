;; Uses up the stack while it is asked what it offers.
(func $deep (param i32) (result i32) (i32.add (call $deep (i32.add (local.get 0) (i32.const 1))) (local.get 0)))
(func $describing (drop (call $deep (i32.const 0))))
(func $checking (result i32) (call $ok))
