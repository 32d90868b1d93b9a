//! How many connections, and how many of them from one peer. Only what is
//! open is in memory, so a table is no larger than its limit.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Counts what is open for each `K`.
#[derive(Debug)]
pub struct Table<K: Eq + Hash> {
    most: u32,
    most_each: u32,
    open: Mutex<Counts<K>>,
}

#[derive(Debug)]
struct Counts<K> {
    all: u32,
    each: HashMap<K, u32>,
}

/// Something that is open. Counts until it is dropped.
#[derive(Debug)]
pub struct Seat<K: Eq + Hash> {
    table: Arc<Table<K>>,
    key: Option<K>,
}

/// Why nothing more is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// There is no room for anybody.
    All,
    /// This one has as many as it may.
    One,
}

impl Full {
    /// The key of the limit.
    #[must_use]
    pub fn key(self) -> &'static str {
        match self {
            Self::All => "connections",
            Self::One => "connections_per_peer",
        }
    }
}

impl<K: Clone + Eq + Hash> Table<K> {
    /// Room for `most` in all, and for `most_each` of one key.
    #[must_use]
    pub fn new(most: u32, most_each: u32) -> Arc<Self> {
        let open = Mutex::new(Counts { all: 0, each: HashMap::new() });
        Arc::new(Self { most, most_each, open })
    }

    /// Takes a seat.
    ///
    /// # Errors
    /// When there is none left, for anybody or for this key.
    pub fn open(self: &Arc<Self>, key: K) -> Result<Seat<K>, Full> {
        let mut counts = self.counts();
        if counts.all >= self.most {
            return Err(Full::All);
        }
        let one = counts.each.get(&key).copied().unwrap_or_default();
        if one >= self.most_each {
            return Err(Full::One);
        }
        counts.all += 1;
        counts.each.insert(key.clone(), one + 1);
        Ok(Seat { table: self.clone(), key: Some(key) })
    }
}

impl<K: Eq + Hash> Table<K> {
    /// How many are open.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.counts().all
    }

    /// Whether nothing is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn counts(&self) -> MutexGuard<'_, Counts<K>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self, key: K) {
        let mut counts = self.counts();
        counts.all = counts.all.saturating_sub(1);
        if let Entry::Occupied(mut entry) = counts.each.entry(key) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.table.close(key);
        }
    }
}

/// Who is at the other end of a connection: an IPv4 address, or the /64 of an IPv6 one, which is what one
/// customer of a provider has at least (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// An IPv4 address; also one that is mapped into IPv6 (RFC 4291 §2.5.5.2).
    V4(u32),
    /// The upper half of an IPv6 address.
    V6(u64),
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4.to_bits()),
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.segments();
                Self::V6([a, b, c, d].into_iter().fold(0, |half, part| half << 16 | u64::from(part)))
            }
        }
    }
}

/// The open connections by peer.
pub type PeerTable = Table<Peer>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peer(address: &str) -> Peer {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn one_peer_cannot_take_all_connections() {
        let table = PeerTable::new(3, 2);
        let first = table.open(peer("192.0.2.1")).unwrap();
        let _second = table.open(peer("192.0.2.1")).unwrap();
        assert_eq!(table.open(peer("192.0.2.1")).unwrap_err(), Full::One);
        let _other = table.open(peer("192.0.2.2")).unwrap();
        assert_eq!(table.open(peer("192.0.2.3")).unwrap_err(), Full::All);
        drop(first);
        table.open(peer("192.0.2.3")).unwrap();
    }

    #[test]
    fn an_ipv6_peer_is_its_64() {
        assert_eq!(peer("2001:db8:0:1::1"), peer("2001:db8:0:1:ffff::2"));
        assert_ne!(peer("2001:db8:0:1::1"), peer("2001:db8:0:2::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
    }

    proptest! {
        #[test]
        fn what_is_closed_is_forgotten(keys in proptest::collection::vec(0..5_u32, 0..50)) {
            let table: Arc<Table<u32>> = Table::new(20, 4);
            let seats: Vec<_> = keys.into_iter().filter_map(|key| table.open(key).ok()).collect();
            assert_eq!(usize::try_from(table.len()).unwrap(), seats.len());
            assert!(table.counts().each.values().all(|count| (1..=4).contains(count)));
            drop(seats);
            assert!(table.is_empty() && table.counts().each.is_empty());
        }
    }
}
