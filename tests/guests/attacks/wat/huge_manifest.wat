;; Describes itself in 20 megabytes.
(memory (export "memory") 400)
(func (export "bulkhead:service/lifecycle@0.1.0#describe") (result i32)
  (i32.store (i32.const 2072) (i32.const 65536))
  (i32.store (i32.const 2076) (i32.const 20000000))
  (memory.fill (i32.const 65536) (i32.const 0x78) (i32.const 20000000))
  (i32.const 2048))
