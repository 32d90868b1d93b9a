;; Crashes once its answer is read, when it may tidy up.
(func (export "cabi_post_bulkhead:service/tools@0.1.0#call-tool") (param i32) (unreachable))
