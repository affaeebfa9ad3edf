;; A command of preview 2 that wants a socket: it is linked, and ends when it calls.
(component
  (import "wasi:sockets/instance-network@0.2.0" (instance $network
    (export "network" (type $n (sub resource)))
    (export "instance-network" (func (result (own $n))))))
  (core func $dial (canon lower (func $network "instance-network")))
  (core module $m
    (import "network" "dial" (func $dial (result i32)))
    (func (export "run") (result i32) (drop (call $dial)) (i32.const 0)))
  (core instance $i (instantiate $m (with "network" (instance (export "dial" (func $dial))))))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.3" (instance $command)))
