;; A component whose strings are UTF-16.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "describe") (result i32) (i32.const 0))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func $describe (result string)
    (canon lift (core func $i "describe") (memory $memory) (realloc (core func $i "realloc")) string-encoding=utf16))
  (instance $assertions (export "describe" (func $describe)))
  (export "wassert:pack/assertions@0.1.0" (instance $assertions)))
