;; Crashes when it is asked what it is.
(func (export "bulkhead:service/lifecycle@0.1.0#describe") (result i32) (unreachable))
