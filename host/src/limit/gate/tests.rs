//! Gates, with a clock that the tests move.

use std::time::UNIX_EPOCH;

use proptest::prelude::*;

use super::*;

fn n(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn rate(per_second: u32, burst: u32) -> CallLimits {
    CallLimits { rate: Some(Rate { per_second: n(per_second), burst: n(burst) }), ..CallLimits::default() }
}

fn places(calls: u32) -> CallLimits {
    CallLimits { concurrent_calls: Some(n(calls)), ..CallLimits::default() }
}

fn quota(calls: u32) -> CallLimits {
    CallLimits { calls_per_day: Some(n(calls)), ..CallLimits::default() }
}

/// One second before a midnight.
fn late() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 - 1)
}

#[test]
fn a_gate_without_limits_is_one_null_pointer() {
    assert_eq!(size_of::<Gate>(), size_of::<usize>());
    assert!(Gate::new("x.limits", CallLimits::default()).0.is_none());
    Gate::default().enter().unwrap();
    // Thousands of tenants may have all limits.
    assert!(size_of::<Bars>() + size_of::<Semaphore>() <= 256);
}

#[tokio::test(start_paused = true)]
async fn a_burst_passes_and_the_next_call_is_told_its_moment() {
    let gate = Gate::new("tenants.acme.limits", rate(4, 3));
    for _ in 0..3 {
        gate.enter().unwrap();
    }
    let refused = gate.enter().unwrap_err();
    let expected = Refused {
        limit: Limit::Rate,
        key: "tenants.acme.limits.calls_per_second".into(),
        allowed: n(4),
        retry_after: Duration::from_millis(250),
    };
    assert_eq!(refused, expected);
    tokio::time::advance(Duration::from_millis(249)).await;
    assert_eq!(gate.enter().unwrap_err().retry_after, Duration::from_millis(1));
    tokio::time::advance(Duration::from_millis(1)).await;
    gate.enter().unwrap();
    gate.enter().unwrap_err();
}

#[test]
fn a_place_is_held_until_the_pass_is_dropped() {
    let gate = Gate::new("s.limits", places(2));
    let (first, _second) = (gate.enter().unwrap(), gate.enter().unwrap());
    let refused = gate.enter().unwrap_err();
    assert_eq!(refused.to_string(), "too many calls at once: 2 are allowed (`s.limits.concurrent_calls`)");
    drop(first);
    gate.enter().unwrap();
}

#[test]
fn a_quota_says_how_long_it_is_until_midnight() {
    let gate = Gate::new("t.limits", quota(1));
    enter_all_at(&[&gate], late()).unwrap();
    let refused = enter_all_at(&[&gate], late()).unwrap_err();
    assert_eq!((refused.limit, refused.retry_after), (Limit::Quota, Duration::from_secs(1)));
    enter_all_at(&[&gate], late() + Duration::from_secs(1)).unwrap();
}

#[test]
fn a_quota_goes_on_where_it_was_before_a_restart() {
    let gate = Gate::new("t.limits", quota(3));
    gate.restore(2, late());
    assert_eq!(gate.used_today(late()), Some(2));
    enter_all_at(&[&gate], late()).unwrap();
    enter_all_at(&[&gate], late()).unwrap_err();
    assert_eq!(Gate::default().used_today(late()), None);
}

#[tokio::test(start_paused = true)]
async fn who_is_over_its_own_limit_takes_nothing_of_what_it_shares() {
    let caller = Gate::new("caller.limits", rate(1, 1));
    let both = CallLimits { calls_per_day: Some(n(10)), concurrent_calls: Some(n(1)), ..rate(1, 2) };
    let tenant = Gate::new("tenant.limits", both);
    enter_all_at(&[&caller, &tenant], late()).unwrap();
    for _ in 0..5 {
        let refused = enter_all_at(&[&caller, &tenant], late()).unwrap_err();
        assert_eq!(refused.key, "caller.limits.calls_per_second");
    }
    assert_eq!(tenant.used_today(late()), Some(1));
    // The tenant's second token, and its only place, are still there for another caller.
    enter_all_at(&[&tenant], late()).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_refused_for_want_of_a_place_takes_no_token() {
    let caller = Gate::new("caller.limits", rate(1, 1));
    let tenant = Gate::new("tenant.limits", places(1));
    let held = tenant.enter().unwrap();
    enter_all(&[&caller, &tenant]).unwrap_err();
    drop(held);
    enter_all(&[&caller, &tenant]).unwrap();
}

#[test]
fn a_refusal_is_an_error_the_model_can_act_on() {
    let refused = Refused {
        limit: Limit::Quota,
        key: "t.limits.calls_per_day".into(),
        allowed: n(5),
        retry_after: Duration::from_secs(9),
    };
    let error = crate::error::CallError::Limited(refused);
    assert_eq!(error.to_string(), "5 calls a day (UTC) are used up (`t.limits.calls_per_day`)");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(9)));
}

fn limits() -> impl Strategy<Value = CallLimits> {
    let some = || proptest::option::of(1..6_u32);
    (some(), 1..6_u32, some(), some()).prop_map(|(per_second, burst, places, per_day)| CallLimits {
        rate: per_second.map(|per_second| Rate { per_second: n(per_second), burst: n(burst) }),
        concurrent_calls: places.map(n),
        calls_per_day: per_day.map(n),
    })
}

proptest! {
    /// At one moment, exactly as many calls pass as the tightest limit allows, and each gate counts those.
    #[test]
    fn as_many_calls_pass_as_the_tightest_limit_allows(limits in proptest::collection::vec(limits(), 1..5)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
        runtime.unwrap().block_on(async {
            let gates: Vec<Gate> = limits.iter().map(|limits| Gate::new("g", *limits)).collect();
            let gates: Vec<&Gate> = gates.iter().collect();
            let tightest = |l: &CallLimits| {
                let burst = l.rate.map(|rate| rate.burst);
                [burst, l.concurrent_calls, l.calls_per_day].into_iter().flatten().map(NonZeroU32::get).min()
            };
            let allowed = limits.iter().filter_map(tightest).min().unwrap_or(20);
            let tried = (0..20).filter_map(|_| enter_all_at(&gates, late()).ok());
            let passed: Vec<Pass> = tried.collect();
            assert_eq!(passed.len(), usize::try_from(allowed).unwrap());
            for used in gates.iter().filter_map(|gate| gate.used_today(late())) {
                assert_eq!(used, allowed);
            }
        });
    }
}

#[test]
fn whose_limit_it_is_does_not_depend_on_names() {
    for (key, scope) in [
        ("tenants.services.services.tools.limits.calls_per_day", "service"),
        ("tenants.services.limits.burst", "tenant"),
        ("tenants.acme.services.a.tools.limits.a_query.burst", "tool"),
        ("server.concurrent_calls", "host"),
        ("auth.api_keys.ci.limits.burst", "caller"),
    ] {
        let (limit, retry_after) = (Limit::Rate, Duration::ZERO);
        let refused = Refused { limit, key: key.into(), allowed: n(1), retry_after };
        assert_eq!(refused.scope(), scope, "{key}");
    }
}
