;; Crashes after it has passed at something: what it found is kept.
(func $checking (result i64) (call $read) (call $say) (unreachable))
