;; Writes the same finding without end.
(func $checking (call $read) (loop $again (call $say) (br $again)))
