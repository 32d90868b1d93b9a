//! What the double has: a shop whose payments time out since ten minutes, and whose cart asks its database in a loop.

use serde_json::json;

use crate::{Jaeger, Span};

const MILLI: i64 = 1000;
const MINUTE: i64 = 60_000_000;

/// Builds the spans of a trace.
struct Trace {
    id: String,
    spans: Vec<Span>,
}

impl Trace {
    fn new(number: usize) -> Self {
        Self { id: format!("{number:032x}"), spans: Vec::new() }
    }

    /// Adds a span; gives its id.
    fn add(
        &mut self,
        parent: Option<&str>,
        (service, name, kind): (&str, &str, &str),
        start: i64,
        duration: i64,
    ) -> String {
        let id = format!("{:016x}", self.spans.len() + 1);
        self.spans.push(Span {
            trace: self.id.clone(),
            id: id.clone(),
            parent: parent.map(str::to_owned),
            service: service.into(),
            name: name.into(),
            kind: kind.into(),
            start,
            duration,
            ..Span::default()
        });
        id
    }

    fn last(&mut self) -> &mut Span {
        self.spans.last_mut().unwrap()
    }

    /// A request to check out; the payment takes so long, and fails if it says so.
    fn checkout(number: usize, start: i64, payment: i64, error: Option<&str>) -> Self {
        let mut trace = Self::new(number);
        let whole = payment + 30 * MILLI;
        let root = trace.add(None, ("frontend", "POST /checkout", "server"), start, whole);
        trace.last().attributes = vec![
            ("http.request.method".into(), json!("POST")),
            ("http.response.status_code".into(), json!(if error.is_some() { 504 } else { 200 })),
            ("http.request.header.authorization".into(), json!("Bearer s3cret")),
        ];
        let call = trace.add(
            Some(&root),
            ("frontend", "checkout.Place", "client"),
            start + 5 * MILLI,
            whole - 10 * MILLI,
        );
        let place = trace.add(
            Some(&call),
            ("checkout", "checkout.Place", "server"),
            start + 7 * MILLI,
            whole - 14 * MILLI,
        );
        trace.add(Some(&place), ("checkout", "SELECT orders", "client"), start + 8 * MILLI, 4 * MILLI);
        trace.add(Some(&place), ("payment", "payment.Charge", "server"), start + 15 * MILLI, payment);
        trace.last().exception = error.map(|words| format!("{words} (exception)"));
        if let Some(words) = error {
            for span in [0, 1, 2, 4] {
                trace.spans[span].error = Some(if span == 4 { words.to_owned() } else { String::new() });
            }
        }
        trace
    }

    /// A look at the cart, with a query for each of its items.
    fn cart(number: usize, start: i64, items: i64) -> Self {
        let mut trace = Self::new(number);
        let root = trace.add(None, ("cart", "GET /cart", "server"), start, (items * 3 + 2) * MILLI);
        for item in 0..items {
            trace.add(
                Some(&root),
                ("cart", "SELECT item", "client"),
                start + (item * 3 + 1) * MILLI,
                2 * MILLI,
            );
            trace.last().attributes = vec![("db.system".into(), json!("postgresql"))];
        }
        trace
    }
}

pub(crate) fn fill(jaeger: &Jaeger, now: i64) {
    for number in 1..=40 {
        let payment = 60 * MILLI + (number as i64 % 5) * 10 * MILLI;
        jaeger.push(Trace::checkout(number, now - 15 * MINUTE - number as i64 * MINUTE, payment, None).spans);
    }
    for number in 0..6 {
        let words = format!("gateway timeout after {} ms", 3000 + number);
        let start = now - MINUTE - number as i64 * MINUTE;
        jaeger
            .push(Trace::checkout(0xa0 + number, start, (3000 + number as i64) * MILLI, Some(&words)).spans);
    }
    jaeger.push(Trace::cart(0xc1, now - 2 * MINUTE, 25).spans);
    jaeger.push(Trace::cart(0xc2, now - 4 * MINUTE, 2).spans);
    let mut partial = Trace::new(0xd1);
    partial.add(Some("00000000000000ff"), ("stock", "reserve", "server"), now - 3 * MINUTE, 8 * MILLI);
    jaeger.push(partial.spans);
}
