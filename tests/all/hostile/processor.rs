//! Guests that take time.

use super::trial::stopped;

const DEADLINE: &str = "limits: { deadline: 500ms }";
const STOPPED: &str = "the call was stopped at its deadline of 500ms";

pub(super) async fn spin() {
    stopped("spin", DEADLINE, "deadline_exceeded", STOPPED).await;
    let cpu = "the integration was stopped: it used up its processor time of 200ms";
    stopped("spin", "limits: { cpu: 200ms }", "cpu_exceeded", cpu).await;
}
