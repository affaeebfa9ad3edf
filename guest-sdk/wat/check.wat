;; Every turn ended with exit code 0. The flat ABI, complete: see ABI.md.
(module
  (import "wassert_v1" "count" (func $count (param i32 i32) (result i64)))
  (import "wassert_v1" "emit" (func $emit (param i32 i32)))

  (memory (export "memory") 2)

  ;; What the module offers.
  (data (i32.const 0) "[{\"name\":\"exit-zero\",\"summary\":\"ended every turn with exit code 0\",\"reads\":[\"turns\"]}]")
  ;; JSONPath: all turns, and those that ended otherwise.
  (data (i32.const 256) "$.turns[*]")
  (data (i32.const 288) "$.turns[?@.exit != 0]")
  ;; The two findings. Both point at the container that was searched.
  (data (i32.const 512) "{\"outcome\":\"pass\",\"message\":\"every turn ended with exit code 0\",\"at\":[{\"path\":\"$.turns\"}]}")
  (data (i32.const 768) "{\"outcome\":\"fail\",\"message\":\"a turn ended with another exit code than 0\",\"at\":[{\"path\":\"$.turns\"}]}")
  (data (i32.const 1024) "the run has no turns")

  (func (export "wassert_abi") (result i32) (i32.const 1))

  ;; The second page is for what the host hands over.
  (func (export "wassert_alloc") (param $length i32) (result i32) (i32.const 65536))

  (func (export "wassert_describe") (result i64) (call $text (i32.const 0) (i32.const 86)))

  (func (export "wassert_check") (param $pointer i32) (param $length i32) (result i64)
    (if (i64.lt_s (call $count (i32.const 256) (i32.const 10)) (i64.const 1))
      (then (return (call $text (i32.const 1024) (i32.const 20)))))
    (if (i64.eqz (call $count (i32.const 288) (i32.const 21)))
      (then (call $emit (i32.const 512) (i32.const 90)))
      (else (call $emit (i32.const 768) (i32.const 99))))
    (i64.const 0))

  ;; pointer << 32 | length
  (func $text (param $pointer i32) (param $length i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $pointer)) (i64.const 32)) (i64.extend_i32_u (local.get $length)))))
