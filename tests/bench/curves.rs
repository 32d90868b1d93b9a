//! Cost curves: what becomes of the throughput as connections, tenants, services or results grow. Each point is
//! measured in rounds that alternate with those of the other points and of the native server.

use std::{path::Path, sync::Arc};

use bulkhead::auth::key;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{
    CLIENTS, Guests,
    calls::Servers,
    config::{Front, LIMITS},
    figures::{Spread, hundredths, pairs, tenths, whole},
    load::{self, Round, Target},
    process::{Serving, written},
    tenants,
};

const ROUNDS: usize = 3;

const CONNECTIONS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
const TENANTS: [usize; 4] = [1, 10, 100, 1000];
const SERVICES: [usize; 5] = [1, 2, 4, 8, 16];
const BYTES: [usize; 6] = [1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20];

/// A curve: what grows, and the host's and the native server's throughput at each step.
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<Point>,
}

pub(crate) struct Point {
    pub(crate) x: usize,
    host: Vec<Round>,
    /// Beside it. What the native server has no notion of, tenants say, leaves it as it is.
    native: Vec<Round>,
}

impl Point {
    fn at(x: usize) -> Self {
        Self { x, host: Vec::new(), native: Vec::new() }
    }

    pub(crate) fn host(&self) -> Spread {
        Spread::of(&throughput(&self.host))
    }

    pub(crate) fn native(&self) -> Spread {
        Spread::of(&throughput(&self.native))
    }

    /// Of rounds that followed each other.
    pub(crate) fn ratio(&self) -> Spread {
        let (host, native) = (throughput(&self.host), throughput(&self.native));
        Spread::of(&pairs(&host, &native, |host, native| host / native))
    }

    pub(crate) fn p50_us(&self) -> [f64; 2] {
        [&self.host, &self.native].map(|rounds| {
            let p50s: Vec<_> = rounds.iter().map(|round| round.p50_us).collect();
            Spread::of(&p50s).median
        })
    }

    fn as_json(&self) -> Value {
        let [p50_us, native_p50_us] = self.p50_us().map(tenths);
        json!({
            "x": self.x,
            "calls_per_second": self.host().as_json(whole),
            "native_calls_per_second": self.native().as_json(whole),
            "sandboxed_over_native": self.ratio().as_json(hundredths),
            "p50_us": p50_us,
            "native_p50_us": native_p50_us,
        })
    }
}

fn throughput(rounds: &[Round]) -> Vec<f64> {
    rounds.iter().map(|round| round.per_second).collect()
}

pub(crate) fn as_json(curves: &[Curve]) -> Value {
    let points = |curve: &Curve| curve.points.iter().map(Point::as_json).collect::<Value>();
    curves
        .iter()
        .map(|curve| (curve.name.to_owned(), points(curve)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

pub(crate) fn measure(runtime: &Runtime, servers: &Servers, guests: &Guests) -> Vec<Curve> {
    let time = crate::round() / 4;
    let native = |target: &Target, clients: usize| {
        runtime.block_on(load::run(servers.native.0.address, target, clients, time))
    };
    let mut curves = Vec::new();

    eprintln!("curve: connections");
    let mut points: Vec<_> = CONNECTIONS.into_iter().map(Point::at).collect();
    let (host, target) = &servers.host;
    for _ in 0..ROUNDS {
        for point in &mut points {
            point.host.push(runtime.block_on(load::run(host.address, target, point.x, time)));
            point.native.push(native(&servers.native.1, point.x));
        }
    }
    curves.push(Curve { name: "connections", points });

    eprintln!("curve: tenants");
    let cache = tempfile::tempdir().unwrap();
    let sides = TENANTS.map(|tenants| tenants::side(&guests.add, tenants, cache.path()));
    let hosts = sides.iter().map(|side| (side.server.address, side.targets.clone()));
    curves.push(against(runtime, servers, "tenants", &TENANTS, &hosts.collect::<Vec<_>>()));
    drop(sides);

    eprintln!("curve: services");
    let (secret, dir) = (key::generate().unwrap(), tempfile::tempdir().unwrap());
    let several = several(&guests.add, dir.path());
    let host = Serving::host(&written(dir.path(), &Front::Everything.config(&several, &secret)), dir);
    let hosts = SERVICES.map(|services| {
        let target = |n| Target::add(&format!("s{n}_add"), Front::Everything.key(&secret));
        (host.address, (0..services).map(target).collect::<Arc<[_]>>())
    });
    curves.push(against(runtime, servers, "services", &SERVICES, &hosts));
    drop(host);

    eprintln!("curve: bytes of a result");
    let (secret, dir) = (key::generate().unwrap(), tempfile::tempdir().unwrap());
    let talker = format!(
        "attack: {{ component: '{}', config: {{ guest: huge_result }}, {} }}",
        guests.attacks.display(),
        LIMITS.replace('}', ", result_bytes: 4MiB }")
    );
    let host = Serving::host(&written(dir.path(), &Front::Everything.config(&talker, &secret)), dir);
    let mut points: Vec<_> = BYTES.into_iter().map(Point::at).collect();
    for _ in 0..ROUNDS {
        for point in &mut points {
            let arguments = format!(r#"{{"bytes":{}}}"#, point.x);
            let mut target =
                Target { tool: "attack_run".to_owned(), arguments, key: Front::Everything.key(&secret) };
            runtime.block_on(full(host.address, &target, point.x));
            point.host.push(runtime.block_on(load::run(host.address, &target, CLIENTS, time)));
            target.key = None;
            runtime.block_on(full(servers.native.0.address, &target, point.x));
            point.native.push(native(&target, CLIENTS));
        }
    }
    curves.push(Curve { name: "bytes", points });
    curves
}

/// Hosts, or sets of targets of one, next to the native server under the same load.
fn against(
    runtime: &Runtime,
    servers: &Servers,
    name: &'static str,
    xs: &[usize],
    hosts: &[(std::net::SocketAddr, Arc<[Target]>)],
) -> Curve {
    let time = crate::round() / 4;
    for (address, targets) in hosts {
        runtime.block_on(load::check_all(*address, targets));
    }
    let mut points: Vec<_> = xs.iter().copied().map(Point::at).collect();
    let (native, target) = &servers.native;
    for _ in 0..ROUNDS {
        for (point, (address, targets)) in points.iter_mut().zip(hosts) {
            point.host.push(runtime.block_on(load::run_all(*address, targets, CLIENTS, time)));
            point.native.push(runtime.block_on(load::run(native.address, target, CLIENTS, time)));
        }
    }
    Curve { name, points }
}

/// Services of components that differ, though in nothing that runs: each has its own compiled code.
fn several(component: &Path, dir: &Path) -> String {
    let wasm = std::fs::read(component).unwrap();
    let service = |number: u8| {
        let file = dir.join(format!("s{number}.wasm"));
        // A custom section of its own at the end.
        std::fs::write(&file, [&wasm[..], &[0, 3, 1, b'v', number]].concat()).unwrap();
        Front::Everything.service(&format!("s{number}"), "add", &file)
    };
    (0..16).map(service).collect::<Vec<_>>().join(", ")
}

/// The answer is as long as it should be, and not cut.
async fn full(address: std::net::SocketAddr, target: &Target, bytes: usize) {
    let mut connection = load::Connection::open(address).await;
    let answer: Value = serde_json::from_slice(connection.call(target).await.unwrap()).unwrap();
    assert_eq!(
        answer["result"]["content"][0]["text"].as_str().map(str::len),
        Some(bytes),
        "the result was cut"
    );
}
