;; Imports an interface that wassert does not have.
(component
  (import "wassert:pack/shell@0.1.0" (instance (export "run" (func (param "command" string)))))
  (core module $m (func (export "describe") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $describe (result u32) (canon lift (core func $i "describe")))
  (instance $assertions (export "describe" (func $describe)))
  (export "wassert:pack/assertions@0.1.0" (instance $assertions)))
