//! This machine's clock beside those of others: certificates, tokens and quotas go by it.

use std::time::{Duration, SystemTime};

use super::finding::Findings;

const AREA: &str = "clock";
/// What tokens forgive unless `leeway` says otherwise. Less, and a slow answer would be taken for a wrong clock.
const MOST: Duration = Duration::from_secs(60);

/// Somebody's clock, when it was read.
#[derive(Debug)]
pub(super) struct Clock {
    pub(super) whose: String,
    pub(super) theirs: SystemTime,
    pub(super) ours: SystemTime,
}

impl Clock {
    /// How far apart they are, and whether ours is ahead.
    fn apart(&self) -> (Duration, bool) {
        match self.ours.duration_since(self.theirs) {
            Ok(ahead) => (ahead, true),
            Err(error) => (error.duration(), false),
        }
    }
}

pub(super) fn look(clocks: &[Clock], findings: &mut Findings) {
    if clocks.is_empty() {
        return;
    }
    let wrong: Vec<_> = clocks.iter().filter(|clock| clock.apart().0 > MOST).collect();
    if wrong.is_empty() {
        findings
            .well(AREA, format!("this machine's clock agrees with others, to the minute: {}", clocks.len()));
    }
    for clock in &wrong {
        let (apart, ahead) = clock.apart();
        let apart = humantime::format_duration(Duration::from_secs(apart.as_secs()));
        let side = if ahead { "ahead of" } else { "behind" };
        let mend = if wrong.len() == clocks.len() && clocks.len() > 1 {
            "all agree but this machine: set its clock, and keep it with NTP"
        } else {
            "set the clock that is wrong, and keep both with NTP"
        };
        findings.wrong(AREA, format!("this machine is {apart} {side} {}", clock.whose), mend);
    }
}
