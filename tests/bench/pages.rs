//! Puts the figures of a run between the markers of the README and of `docs/performance.md`; they get there in no other
//! way.

use crate::{
    CLIENTS,
    account::Account,
    curves::Curve,
    figures::{Figures, Spread, hundredths, tenths, whole},
    neighbours::ATTACKS,
    policy::RULES,
    swap::CHANGES,
    tenants::{SERVICES, TENANTS},
};

pub(crate) fn update(figures: &Figures, account: &Account, curves: &[Curve]) {
    between("README.md", &beside_native(figures));
    let sections = [
        format!("## Next to a native server\n\n{}", beside_native(figures)),
        format!("## Where each microsecond of a call goes\n\n{}", stages(account)),
        format!("## What becomes of it as things grow\n\n{}", growth(curves)),
        format!("## What else it costs\n\n{}", rest(figures)),
    ];
    between("docs/performance.md", &sections.join("\n"));
}

/// Replaces what is between the markers of a file.
fn between(file: &str, text: &str) {
    let file = crate::root().join(file);
    let page = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = page.split_once("<!-- bench -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- /bench -->").unwrap();
    std::fs::write(file, format!("{before}<!-- bench -->\n{text}<!-- /bench -->{after}")).unwrap();
}

fn beside_native(figures: &Figures) -> String {
    let f = |key: &str| figures.told(key);
    let mut text = format!(
        "{} cores ({}), the clients on the same; median (slowest–fastest of {} rounds):\n\n\
         | | everything on | nothing around the service | native rmcp server |\n|---|---|---|---|\n",
        figures.text("cores"),
        figures.text("cpu"),
        figures.text("rounds"),
    );
    let mut row = |what: &str, key: &str| {
        let cells = ["", "bare_", "native_"].map(|server| f(&format!("{server}{key}")));
        text += &format!("| {what} | {} |\n", cells.join(" | "));
    };
    row(&format!("calls per second, {CLIENTS} connections"), "calls_per_second");
    row("p50, µs", "p50_us");
    row("p99, µs", "p99_us");
    let rate = figures.text("half_load_calls_per_second");
    row(&format!("p99 at {rate} calls a second (half of native), µs"), "half_load_p99_us");
    row("p50, one client, µs", "one_client_p50_us");
    text += &format!(
        "| start to first answer, ms | {}, 8 services; {}, 1 | | {} |\n| idle memory (resident, half a second after that), MiB | {}, 8 services; {}, 1 | | {} |\n\n\
         Sandboxed over native: **{}** of the throughput, **{}** times the p99 at half load.\n",
        f("warm_start_ms"),
        f("one_service_warm_start_ms"),
        f("native_start_ms"),
        f("idle_rss_mib"),
        f("one_service_idle_rss_mib"),
        f("native_idle_rss_mib"),
        f("sandboxed_over_native"),
        f("p99_over_native"),
    );
    text
}

fn told(spread: Spread, round: impl Fn(f64) -> f64) -> String {
    format!("{} ({}–{})", round(spread.median), round(spread.min), round(spread.max))
}

fn stages(account: &Account) -> String {
    let mut text =
        "One client, everything on, in microseconds. What is worked out as a difference may come out below \
                    zero where it is smaller than the noise.\n\n| | µs |\n|---|---|\n"
            .to_owned();
    for row in &account.rows {
        text += &format!("| {} | {} |\n", row.what, told(Spread::of(&row.us), hundredths));
    }
    text + &format!(
        "| **together** | **{}** |\n| the call as its client sees it, measured | {} |\n| the same call of the native server | {} |\n",
        hundredths(account.sum()),
        told(Spread::of(&account.whole), hundredths),
        told(Spread::of(&account.native), hundredths),
    )
}

fn growth(curves: &[Curve]) -> String {
    let mut text = "![calls per second over connections, tenants, services and bytes](cost.svg)\n".to_owned();
    for curve in curves {
        let said = match curve.name {
            "connections" => "More connections, one call after another on each.",
            "tenants" => {
                "More tenants, each with ten services and a key; no audit log. The native server has none."
            }
            "services" => {
                "More services called at once, each with compiled code of its own. The native server has one."
            }
            "bytes" => "Larger results, as text, of a component that is larger than `add`.",
            other => panic!("nothing is said of `{other}`"),
        };
        text += &format!(
            "\n{said}\n\n| {} | calls per second | native | over native | p50 / native, µs |\n|---|---|---|---|---|\n",
            curve.name
        );
        for point in &curve.points {
            let [p50, native_p50] = point.p50_us().map(tenths);
            text += &format!(
                "| {} | {} | {} | {} | {p50} / {native_p50} |\n",
                point.x,
                told(point.host(), whole),
                told(point.native(), whole),
                told(point.ratio(), hundredths),
            );
        }
    }
    text
}

fn rest(figures: &Figures) -> String {
    let mut text = "| | | beside it |\n|---|---|---|\n".to_owned();
    let mut row =
        |what: &str, ours: String, beside: String| text += &format!("| {what} | {ours} | {beside} |\n");
    let (t, f) = (|key: &str| figures.text(key), |key: &str| figures.told(key));
    row(
        "a call in process, from credentials to record, nothing around the service, µs",
        f("in_process_us"),
        format!("bare wasmtime (store, instantiate, call, drop): {}", f("floor_us")),
    );
    row(
        "API key, rights, limits, audit and metrics, of a call, µs",
        f("front_door_us"),
        format!("of that the audit log: {}", f("audit_us")),
    );
    row(
        "the same in process, µs",
        f("front_door_in_process_us"),
        format!("of that the audit log: {}", f("audit_in_process_us")),
    );
    row(&format!("whether a request may go out, {RULES} rules, µs"), f("policy_check_us"), String::new());
    row(
        "a request on its way out, µs",
        f("egress_us"),
        format!("a bare hyper client: {}; more: {}", f("bare_client_us"), f("egress_overhead_us")),
    );
    row(
        &format!("p50 over {TENANTS} tenants with {SERVICES} services each, µs"),
        f("tenants_p50_us"),
        format!("over 1 tenant: {}; ratio: {}", f("one_tenant_p50_us"), f("tenants_p50_ratio")),
    );
    row("memory of a service of a tenant, bytes", t("bytes_per_tenant_service"), String::new());
    row("start with all of them, ms", t("tenants_start_ms"), String::new());
    row(
        &format!(
            "`openapi`: a call on a document of {} operations and {} bytes, one client, µs",
            t("openapi_operations"),
            t("openapi_large_bytes")
        ),
        f("openapi_large_call_us"),
        format!("of 1 operation: {}; ratio: {}", f("openapi_small_call_us"), f("openapi_large_over_small")),
    );
    row(
        "start with that document, ms; memory then, and the most there was, MiB",
        format!(
            "{}; {}, {}",
            t("openapi_large_start_ms"),
            t("openapi_large_rss_mib"),
            t("openapi_large_peak_mib")
        ),
        format!(
            "with the small one: {}; {}, {}",
            t("openapi_small_start_ms"),
            t("openapi_small_rss_mib"),
            t("openapi_small_peak_mib")
        ),
    );
    row(
        "tokens of all its tools as a client is listed them, about",
        t("openapi_large_all_tokens"),
        format!("with `listing: search`: {}", t("openapi_large_search_tokens")),
    );
    row("memory of an idle session, bytes", t("bytes_per_session"), String::new());
    row(
        "start to first answer without compiled code on disk, 8 services, ms",
        t("cold_start_ms"),
        format!("with it: {}", f("warm_start_ms")),
    );
    row(
        &format!(
            "p99 of a neighbour's calls during the worst of {} attacks (`{}`), µs",
            ATTACKS.len(),
            t("neighbour_worst_attack")
        ),
        t("neighbour_worst_p99_us"),
        format!("quiet: {}; ratio: {}", t("neighbour_quiet_p99_us"), t("neighbour_p99_ratio")),
    );
    row(
        &format!(
            "calls that failed while a component was replaced {CHANGES} times and the configuration edited as often"
        ),
        t("swap_failed"),
        format!("of {} at {} a second", t("swap_calls"), t("swap_calls_per_second")),
    );
    row("memory that grew meanwhile, MiB", t("swap_rss_growth_mib"), String::new());
    row(
        "from a configuration that is written to its being in force, p50, ms",
        t("swap_config_p50_ms"),
        format!("worst: {}", t("swap_config_worst_ms")),
    );
    row(
        "from a compiled component that is dropped in to its first answer, p50, ms",
        t("swap_dropin_p50_ms"),
        format!("worst: {}", t("swap_dropin_worst_ms")),
    );
    text
}
