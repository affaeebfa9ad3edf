;; Never ends by itself.
(func $checking (loop $again (br $again)))
