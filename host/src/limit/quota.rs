//! How many calls a day. The day is the UTC day of the system's clock; the count is one word, so that
//! thousands of quotas cost nothing while nobody calls.

use std::{
    num::NonZeroU32,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const DAY: u64 = 24 * 60 * 60;

/// A number of calls for each UTC day.
#[derive(Debug)]
pub(super) struct Quota {
    per_day: NonZeroU32,
    /// The day in the upper half, since 1970; the calls of that day in the lower.
    used: AtomicU64,
}

/// One call that was counted. Dropped, it is given back, unless the day is over by then.
#[derive(Debug)]
pub(super) struct Charge<'a> {
    quota: &'a Quota,
    day: u32,
}

impl Quota {
    pub(super) fn new(per_day: NonZeroU32) -> Self {
        Self { per_day, used: AtomicU64::new(0) }
    }

    pub(super) fn per_day(&self) -> NonZeroU32 {
        self.per_day
    }

    /// Counts one call, or says how long it is until the next day.
    pub(super) fn charge(&self, now: SystemTime) -> Result<Charge<'_>, Duration> {
        let today = day(now);
        let count = |word| {
            let (day, used) = on(word, today);
            (used < self.per_day.get()).then(|| join(day, used.saturating_add(1)))
        };
        match self.used.fetch_update(Relaxed, Relaxed, count) {
            Ok(before) => Ok(Charge { quota: self, day: on(before, today).0 }),
            Err(full) => Err(until_end_of(on(full, today).0, now)),
        }
    }

    /// The calls counted today.
    pub(super) fn used(&self, now: SystemTime) -> u32 {
        on(self.used.load(Relaxed), day(now)).1
    }

    /// Today had at least as many calls, before a restart.
    pub(super) fn restore(&self, used: u32, now: SystemTime) {
        self.used.fetch_max(join(day(now), used), Relaxed); // a later day is the greater word
    }
}

impl Charge<'_> {
    /// The call goes ahead: nothing is given back.
    pub(super) fn keep(self) {
        std::mem::forget(self); // it owns nothing
    }
}

impl Drop for Charge<'_> {
    fn drop(&mut self) {
        let give_back = |word| {
            let (day, used) = split(word);
            (day == self.day).then(|| join(day, used.saturating_sub(1)))
        };
        let _ = self.quota.used.fetch_update(Relaxed, Relaxed, give_back);
    }
}

/// The count that holds today. A clock that is set back does not bring back a day that was counted.
fn on(word: u64, today: u32) -> (u32, u32) {
    let (day, used) = split(word);
    if day < today { (today, 0) } else { (day, used) }
}

fn join(day: u32, used: u32) -> u64 {
    u64::from(day) << 32 | u64::from(used)
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves of the word")]
fn split(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

fn since_epoch(now: SystemTime) -> Duration {
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// When the day of `now` began, in UTC.
pub(super) fn midnight(now: SystemTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::from(day(now)) * DAY)
}

fn day(now: SystemTime) -> u32 {
    u32::try_from(since_epoch(now).as_secs() / DAY).unwrap_or(u32::MAX)
}

fn until_end_of(day: u32, now: SystemTime) -> Duration {
    Duration::from_secs((u64::from(day) + 1) * DAY).saturating_sub(since_epoch(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(per_day: u32) -> Quota {
        Quota::new(NonZeroU32::new(per_day).unwrap())
    }

    /// 2026-03-01T23:59:58Z.
    fn late() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_772_409_598)
    }

    #[test]
    fn a_used_up_quota_is_there_again_at_midnight_utc() {
        let quota = quota(2);
        quota.charge(late()).unwrap().keep();
        quota.charge(late()).unwrap().keep();
        assert_eq!(quota.charge(late()).unwrap_err(), Duration::from_secs(2));
        let just_before = late() + Duration::from_millis(1999);
        assert_eq!(quota.charge(just_before).unwrap_err(), Duration::from_millis(1));
        let midnight = late() + Duration::from_secs(2);
        quota.charge(midnight).unwrap().keep();
        assert_eq!(quota.used(midnight), 1);
    }

    #[test]
    fn a_charge_that_is_not_kept_is_given_back() {
        let quota = quota(1);
        drop(quota.charge(late()).unwrap());
        assert_eq!(quota.used(late()), 0);
        quota.charge(late()).unwrap().keep();
        quota.charge(late()).unwrap_err();
    }

    #[test]
    fn yesterdays_charge_is_not_given_back_to_today() {
        let quota = quota(5);
        let midnight = late() + Duration::from_secs(2);
        let yesterday = quota.charge(late()).unwrap();
        quota.charge(midnight).unwrap().keep();
        drop(yesterday);
        assert_eq!(quota.used(midnight), 1);
    }

    #[test]
    fn a_quota_survives_a_restart() {
        let quota = quota(10);
        quota.restore(9, late());
        quota.restore(3, late()); // told later, and less: nothing is given back
        quota.charge(late()).unwrap().keep();
        quota.charge(late()).unwrap_err();
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_back() {
        let quota = quota(1);
        let midnight = late() + Duration::from_secs(2);
        quota.charge(midnight).unwrap().keep();
        assert_eq!(quota.charge(late()).unwrap_err(), Duration::from_secs(DAY + 2));
    }
}
