//! Which addresses are public. One a line, as text; `allow RANGE` lines open ranges. Anything else is taken
//! for the bytes of an address.
#![no_main]

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::LazyLock,
};

use bulkhead::egress::address::{is_public, may_dial};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IANA's IPv4 special-purpose registry, with multicast, where it does not say "globally reachable".
const SPECIAL_V4: [&str; 15] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];
/// The same for IPv6, inside global unicast.
const SPECIAL_V6: [&str; 3] = ["2001::/23", "2001:db8::/32", "3fff::/20"];
const GLOBAL_V6: &str = "2000::/3";
/// Prefixes that carry an IPv4 address, and at which bit.
const CARRIERS: [(&str, u32); 5] =
    [("::/96", 96), ("::ffff:0:0/96", 96), ("::ffff:0:0:0/96", 96), ("64:ff9b::/96", 96), ("2002::/16", 16)];

struct Tables {
    v4: Vec<Ipv4Net>,
    v6: Vec<Ipv6Net>,
    global: Ipv6Net,
    carriers: Vec<(Ipv6Net, u32)>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    v4: SPECIAL_V4.map(|range| range.parse().unwrap()).into(),
    v6: SPECIAL_V6.map(|range| range.parse().unwrap()).into(),
    global: GLOBAL_V6.parse().unwrap(),
    carriers: CARRIERS.map(|(range, bit)| (range.parse().unwrap(), bit)).into(),
});

fn public(address: IpAddr) -> bool {
    let public_v4 = |address: &Ipv4Addr| !TABLES.v4.iter().any(|range| range.contains(address));
    let address = match address {
        IpAddr::V4(address) => return public_v4(&address),
        IpAddr::V6(address) => address,
    };
    match TABLES.carriers.iter().find(|(range, _)| range.contains(&address)) {
        Some((_, bit)) => public_v4(&Ipv4Addr::from_bits((address.to_bits() >> (96 - bit)) as u32)),
        None => TABLES.global.contains(&address) && !TABLES.v6.iter().any(|range| range.contains(&address)),
    }
}

fn bytes(line: &[u8]) -> IpAddr {
    let mut octets = [0; 16];
    octets.iter_mut().zip(line).for_each(|(octet, byte)| *octet = *byte);
    if line.len() < 16 {
        Ipv4Addr::from_octets([octets[0], octets[1], octets[2], octets[3]]).into()
    } else {
        Ipv6Addr::from_octets(octets).into()
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut allowed: Vec<IpNet> = Vec::new();
    for line in data.split(|b| *b == b'\n').take(64) {
        let text = std::str::from_utf8(line).unwrap_or_default();
        if let Some(range) = text.strip_prefix("allow ") {
            allowed.extend(range.parse::<IpNet>());
            continue;
        }
        let address = text.parse().unwrap_or_else(|_| bytes(line));
        assert_eq!(is_public(address), public(address), "{address}");
        let open = allowed.iter().any(|range| match (range, address) {
            (IpNet::V4(range), IpAddr::V4(address)) => range.contains(&address),
            (IpNet::V6(range), IpAddr::V6(address)) => range.contains(&address),
            _ => false,
        });
        assert_eq!(may_dial(address, &allowed), public(address) || open, "{address} with {allowed:?}");
        // However an IPv4 address is dressed, it is the same address.
        if let IpAddr::V4(v4) = address {
            let [a, b, c, d] = v4.octets().map(u128::from);
            let bits = a << 24 | b << 16 | c << 8 | d;
            for dressed in [bits, 0xffff << 32 | bits, 0x64_ff9b << 96 | bits, 0x2002 << 112 | bits << 80] {
                let dressed = Ipv6Addr::from_bits(dressed);
                assert_eq!(is_public(dressed.into()), is_public(address), "{address} as {dressed}");
            }
        }
    }
});
