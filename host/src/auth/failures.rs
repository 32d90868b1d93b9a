//! Failed attempts, counted by where they come from, so that keys and passwords cannot be tried at leisure.
//! Good credentials pass at any time.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZero,
    time::Duration,
};

use governor::{
    Quota,
    clock::{Clock, DefaultClock},
};

/// So many failures at once are somebody mistyping; then one in two seconds.
const BURST: NonZero<u32> = NonZero::new(20).unwrap();
const EVERY: Duration = Duration::from_secs(2);
/// Addresses remembered before those that have been quiet are forgotten.
const ADDRESSES: usize = 10_000;

type Limiter = governor::RateLimiter<
    IpAddr,
    governor::state::keyed::HashMapStateStore<IpAddr>,
    DefaultClock,
    governor::middleware::NoOpMiddleware<<DefaultClock as Clock>::Instant>,
>;

/// Failures by peer.
pub struct Failures {
    limiter: Limiter,
}

impl fmt::Debug for Failures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failures").field("peers", &self.limiter.len()).finish()
    }
}

impl Default for Failures {
    fn default() -> Self {
        let quota = Quota::with_period(EVERY).map(|quota| quota.allow_burst(BURST));
        Self { limiter: Limiter::hashmap(quota.unwrap_or(Quota::per_second(BURST))) }
    }
}

impl Failures {
    /// Notes a failure of a peer; how long it should wait, if it has failed too often.
    #[must_use]
    pub fn note(&self, peer: IpAddr) -> Option<Duration> {
        if self.limiter.len() >= ADDRESSES {
            self.limiter.retain_recent();
        }
        let late = self.limiter.check_key(&origin(peer)).err()?;
        Some(late.wait_time_from(DefaultClock::default().now()))
    }
}

/// What one client can hardly have many of: an IPv4 address, or an IPv6 /64 (RFC 6177 gives each site that much).
fn origin(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_too_often_is_told_to_wait() {
        let failures = Failures::default();
        let peer = "192.0.2.1".parse().unwrap();
        for _ in 0..BURST.get() {
            assert_eq!(failures.note(peer), None);
        }
        assert!(failures.note(peer).is_some_and(|wait| wait <= EVERY));
        assert_eq!(failures.note("192.0.2.2".parse().unwrap()), None);
    }

    #[test]
    fn an_ipv6_network_is_one_peer_and_a_mapped_address_is_the_ipv4_one() {
        let of = |text: &str| origin(text.parse().unwrap()).to_string();
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
