;; Reads its input, and passes at a place in it.
(func $checking (call $read) (call $say))
