//! From the start of a process to its first answer, and what it weighs afterwards: a host with eight services, one
//! with a single service, and the native server.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use bulkhead::auth::key;
use serde_json::json;

use crate::{
    Guests,
    config::Front,
    figures::{Figures, tenths, whole},
    load::{self, Target},
    process::{Serving, written},
};

/// Warm starts; cold ones take a second each.
const STARTS: usize = 9;

/// Whoever has not been asked anything for so long is idle.
const IDLE: Duration = Duration::from_millis(500);

/// Eight services as somebody would have them: three times `prometheus`, each with its upstream, three times the
/// built-in `utilities`, a shop, and the one that is called. Four components.
fn eight(guests: &Guests) -> String {
    let one = |name: &str, tool: &str, component: &Path| Front::Everything.service(name, tool, component);
    let mut services = vec![one("bench", "add", &guests.add)];
    for number in 1..=3 {
        let prometheus = one(&format!("prometheus{number}"), "query", &guests.prometheus);
        let upstream = format!(", config: {{ url: 'http://127.0.0.1:900{number}' }} }}");
        services.push(prometheus.strip_suffix(" }").unwrap().to_owned() + &upstream);
        services.push(one(&format!("utilities{number}"), "get_time", Path::new("utilities")));
    }
    let shop = one("shop", "who", &guests.shop);
    services.push(shop.strip_suffix(" }").unwrap().to_owned() + ", config: { sign: open } }");
    assert_eq!(services.len(), 8);
    services.join(", ")
}

pub(crate) fn add_to(figures: &mut Figures, guests: &Guests) {
    eprintln!("start-up");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let timed = |serving: &dyn Fn() -> Serving, target: &Target| {
        let start = Instant::now();
        let serving = serving();
        runtime.block_on(load::check_all(serving.address, std::slice::from_ref(target)));
        let took = start.elapsed().as_secs_f64() * 1e3;
        std::thread::sleep(IDLE);
        (took, serving.rss_mib())
    };
    let secret = key::generate().unwrap();
    for (name, services) in
        [("", eight(guests)), ("one_service_", Front::Everything.service("bench", "add", &guests.add))]
    {
        let dir = tempfile::tempdir().unwrap();
        let file = written(dir.path(), &Front::Everything.config(&services, &secret));
        let target = Target::add("bench_add", Front::Everything.key(&secret));
        let serving = || Serving::host(&file, tempfile::tempdir().unwrap());
        let (cold, _) = timed(&serving, &target);
        figures.insert(format!("{name}cold_start_ms"), json!(whole(cold)));
        let (warm, idle): (Vec<_>, Vec<_>) = (0..STARTS).map(|_| timed(&serving, &target)).unzip();
        figures.spread(&format!("{name}warm_start_ms"), &warm, tenths);
        figures.spread(&format!("{name}idle_rss_mib"), &idle, tenths);
    }
    let native = Target::add("bench_add", None);
    let (started, idle): (Vec<_>, Vec<_>) =
        (0..STARTS).map(|_| timed(&|| Serving::role("native"), &native)).unzip();
    figures.spread("native_start_ms", &started, tenths);
    figures.spread("native_idle_rss_mib", &idle, tenths);
}
