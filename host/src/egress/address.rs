//! Which resolved addresses may be dialled.
//!
//! A name may resolve to public addresses only, unless the operator opened a range with
//! `network.allow_addresses`. An IPv6 address that carries an IPv4 one is judged by that as well. Sources:
//! the IANA special-purpose registries for IPv4 and IPv6 (RFC 6890).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// Whether `address` may be dialled for a name.
#[must_use]
pub fn may_dial(address: IpAddr, allowed: &[IpNet]) -> bool {
    is_public(address) || allowed.iter().any(|range| range.contains(&address))
}

/// Whether an address belongs to the public internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Whether an address belongs to a private network or to this machine: where an upstream may be whose name the operator
/// says is internal. Nothing else that is not public is, and link-local addresses least: metadata services are there.
#[must_use]
pub fn is_internal(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let shared = matches!(address.octets(), [100, second, ..] if second & 0xc0 == 64);
            address.is_private() || address.is_loopback() || shared
        }
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let special = address.is_loopback()
        || address.is_private()
        || address.is_link_local() // with 169.254.169.254, the metadata services
        || address.is_documentation()
        || address.is_multicast();
    let range = match address.octets() {
        [0 | 240..=255, ..] => true,               // this network; reserved and broadcast
        [100, second, ..] => second & 0xc0 == 64,  // shared address space (CGNAT)
        [192, 0, 0, _] | [192, 88, 99, _] => true, // protocol assignments; 6to4 relays
        [198, second, ..] => second & 0xfe == 18,  // benchmarking
        _ => false,
    };
    !special && !range
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(embedded) = embedded_v4(address) {
        return is_public_v4(embedded);
    }
    // Only 2000::/3 is global unicast; the exceptions inside it follow.
    match address.segments() {
        [0x2001, 0x0000..=0x01ff, ..] => false, // protocol assignments: Teredo, ORCHID, benchmarking
        [0x2001, 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => false, // documentation
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

/// The IPv4 address inside an IPv6 one: v4-mapped, v4-compatible, NAT64, 6to4. Not that behind NAT64's prefix for
/// local use: where it stands there is the network's choice (RFC 8215), so none of these is public.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => from(high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => from(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => from(high, low),
        [0x2002, high, low, ..] => from(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_public() {
        for address in [
            "1.1.1.1",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "198.20.0.1",
            "2606:4700::1",
            "::ffff:1.1.1.1",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::a00:1",
            "64:ff9b:1:a00:0:100:808:808", // 10.0.0.1, as RFC 6052 has it in a prefix of 48 bits
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001::1",
            "2001:db8::1",
            "3fff::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "100::1",
            "::ffff:0:7f00:1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn private_networks_and_this_machine_are_internal() {
        for address in ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "::1", "fc00::1"]
        {
            assert!(is_internal(address.parse().unwrap()), "{address}");
        }
        for address in [
            "1.1.1.1",
            "0.0.0.0",
            "100.128.0.1",
            "169.254.169.254",
            "192.0.2.1",
            "198.18.0.1",
            "224.0.0.1",
            "::",
            "fe80::1",
            "::ffff:10.0.0.1",
            "2606:4700::1",
        ] {
            assert!(!is_internal(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn an_allowed_range_opens_itself_only() {
        let allowed = ["10.0.0.0/8".parse().unwrap()];
        assert!(may_dial("10.9.9.9".parse().unwrap(), &allowed));
        assert!(!may_dial("192.168.0.1".parse().unwrap(), &allowed));
        assert!(!may_dial("::ffff:10.0.0.1".parse().unwrap(), &allowed));
    }
}
