//! `pause` and `sleep`: progress, cancellation, deadlines.

use std::time::Duration;

use bulkhead_sdk::testing::{self, Mock};
use serde_json::json;

use super::{Utilities, mock, refusal};

#[test]
fn a_pause_waits_and_reports_each_second() {
    let mock = mock();
    let output = testing::call::<Utilities>(json!({}), &mock, "pause", json!({"seconds": 2.5})).unwrap();
    assert_eq!(output.structured(), Some(&json!({"waited_seconds": 2.5, "complete": true})));
    assert_eq!(mock.slept(), Duration::from_millis(2500));
    let reported: Vec<f64> = mock.progress().iter().map(|progress| progress.done).collect();
    assert_eq!(reported, [1.0, 2.0, 2.5]);
}

#[test]
fn a_sleep_takes_units() {
    for (arguments, expected) in [
        (json!({"duration": 3}), 3000),
        (json!({"duration": 250, "unit": "ms"}), 250),
        (json!({"duration": 0.1, "unit": "minutes"}), 6000),
    ] {
        let mock = Mock::new();
        testing::call::<Utilities>(json!({}), &mock, "sleep", arguments.clone()).unwrap();
        assert_eq!(mock.slept().as_millis(), expected, "{arguments}");
    }
}

#[test]
fn a_wait_that_does_not_fit_is_refused_at_once() {
    let mock = Mock::new().deadline(Duration::from_secs(10));
    let error = testing::call::<Utilities>(json!({}), &mock, "pause", json!({"seconds": 20}))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("arguments.seconds: 20 s do not fit: the call has 9.")
            && error.ends_with("wait less and call again"),
        "{error}"
    );
    assert_eq!(mock.slept(), Duration::ZERO);
    assert_eq!(refusal("pause", json!({"seconds": 301})), "arguments.seconds: is 301; expected 0 to 300");
    assert_eq!(refusal("pause", json!({"seconds": -1})), "arguments.seconds: is -1; expected 0 to 300");
    assert_eq!(
        refusal("sleep", json!({"duration": 6, "unit": "minutes"})),
        "arguments.duration: is 6; expected 0 to 5 minutes"
    );
}

#[test]
fn a_cancelled_wait_ends() {
    let mock = Mock::new().cancel_after(Duration::from_secs(2));
    let output = testing::call::<Utilities>(json!({}), &mock, "pause", json!({"seconds": 20})).unwrap();
    assert_eq!(output.text_content(), "Waited 2 s, then the call was cancelled.");
}
