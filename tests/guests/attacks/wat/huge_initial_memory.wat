;; Declares two gigabytes.
(memory (export "memory") 32768)
