//! What the double has: three services of a shop, one of which began to fail twelve minutes ago.

use crate::Loki;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

/// A stream's labels.
fn labels<'a>(service: &'a str, pod: &'a str) -> [(&'a str, &'a str); 4] {
    [("app", service), ("namespace", "shop"), ("pod", pod), ("service_name", service)]
}

pub(crate) fn fill(loki: &Loki, now: i64) {
    let (first, second) = (labels("checkout", "checkout-1"), labels("checkout", "checkout-2"));
    for minute in 1..=120 {
        let at = now - minute * MINUTE;
        loki.push(&first, at, &format!("level=info msg=\"order placed\" order={minute}"));
        loki.push(&second, at + SECOND, &format!("level=info msg=\"order placed\" order={}", minute + 1000));
    }
    for minute in [40, 55] {
        loki.push(
            &first,
            now - minute * MINUTE,
            "level=error msg=\"payment gateway timeout\" order=7 took=5003ms",
        );
    }
    for step in 0..36 {
        let line = format!(
            "level=error msg=\"payment gateway timeout\" order={} took={}ms",
            200 + step,
            5000 + step
        );
        loki.push(
            if step % 3 == 0 { &second } else { &first },
            now - 12 * MINUTE + step * 20 * SECOND,
            &line,
        );
    }
    for step in 0..4 {
        loki.push(&first, now - 5 * MINUTE + step * MINUTE, "panic: payment client is nil");
    }
    let cart = labels("cart", "cart-1");
    for step in 0..12 {
        let line = format!("ERROR could not load cart {step}: not found");
        loki.push(&cart, now - 58 * MINUTE + step * 5 * MINUTE, &line);
    }
    let web = labels("web", "web-1");
    for minute in 1..=60 {
        let line = format!("{{\"level\":\"info\",\"status\":200,\"path\":\"/\",\"took_ms\":{minute}}}");
        loki.push(&web, now - minute * MINUTE, &line);
    }
    loki.push(
        &web,
        now - 3 * MINUTE,
        "{\"level\":\"warn\",\"status\":503,\"path\":\"/pay\",\"took_ms\":5001}",
    );
    // A batch whose lines share an instant, in two streams.
    let (batch, other) = (labels("batch", "batch-1"), labels("batch", "batch-2"));
    for item in 0..25 {
        loki.push(
            if item % 2 == 0 { &batch } else { &other },
            now - 10 * MINUTE + 7,
            &format!("item {item} done"),
        );
    }
    loki.push(&batch, now - 10 * MINUTE + 6, "begin");
    loki.push(&other, now - 10 * MINUTE + 8, "end");
}
