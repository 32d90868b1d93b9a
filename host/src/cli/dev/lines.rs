//! What is told live: one short line for what a guest says, for each request it sends, and for each call.

use std::fmt;

use tracing::{
    Event, Level,
    field::{Field, Visit},
};
use tracing_subscriber::fmt::format::Writer;

use crate::cli::explain;

/// What is told, unless --log says otherwise.
pub(crate) const FILTER: &str = "warn,guest=debug,call=debug,bulkhead::egress=debug";

/// The fields of an event that are told.
#[derive(Debug, Default)]
struct Fields {
    message: String,
    request: Option<String>,
    status: Option<u64>,
    took_us: Option<u64>,
    reason: Option<String>,
    error: Option<String>,
    tool: Option<String>,
    outcome: Option<String>,
    data: Option<String>,
    stream: Option<String>,
    rest: Vec<(&'static str, String)>,
}

impl Visit for Fields {
    fn record_u64(&mut self, field: &Field, value: u64) {
        match field.name() {
            "status" => self.status = Some(value),
            "took_us" => self.took_us = Some(value),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let text = || Some(value.to_owned());
        match field.name() {
            "request" => self.request = text(),
            "reason" => self.reason = text(),
            "error" => self.error = text(),
            "tool" => self.tool = text(),
            "outcome" => self.outcome = text(),
            "data" => self.data = text(),
            "stream" => self.stream = text(),
            name => self.rest.push((name, value.to_owned())),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        match field.name() {
            "message" => self.message = text,
            "request" => self.request = Some(text),
            "reason" => self.reason = Some(text),
            "error" => self.error = Some(text),
            name => self.rest.push((name, text)),
        }
    }
}

/// Writes an event as a line.
pub(crate) fn write(event: &Event<'_>, mut to: Writer<'_>) -> fmt::Result {
    let mut fields = Fields::default();
    event.record(&mut fields);
    let level = event.metadata().level();
    match event.metadata().target() {
        "guest" => match &fields.stream {
            Some(stream) => write!(to, "  {stream}  {}", fields.message)?,
            None => {
                write!(to, "  log     {} {}", level.as_str().to_lowercase(), fields.message)?;
                if let Some(data) = &fields.data {
                    write!(to, " {data}")?;
                }
            }
        },
        "call" => {
            let outcome = fields.outcome.as_deref().unwrap_or_default();
            write!(to, "  call    {} {outcome}", fields.tool.as_deref().unwrap_or_default())?;
            took(&mut to, fields.took_us)?;
        }
        "bulkhead::egress" if fields.request.is_some() => egress(&fields, &mut to)?,
        _ => {
            let known = [("error", &fields.error), ("reason", &fields.reason), ("request", &fields.request)];
            let known = known.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
            let what = if *level == Level::ERROR { "error" } else { "host" };
            write!(to, "{what}: {}", fields.message)?;
            for (name, value) in known.chain(fields.rest) {
                write!(to, " {name}={value}")?;
            }
        }
    }
    writeln!(to)
}

/// A request that was to be sent.
fn egress(fields: &Fields, to: &mut Writer<'_>) -> fmt::Result {
    write!(to, "  egress  {}", fields.request.as_deref().unwrap_or_default())?;
    if let Some(reason) = &fields.reason {
        // Some of them are headers of a response that the host made.
        let reason = reason.trim_start_matches("Some(\"").trim_end_matches("\")");
        return write!(to, " REFUSED: {} ({reason})", explain::words(reason));
    }
    if let Some(error) = &fields.error {
        write!(to, " FAILED: {error}")?;
        return took(to, fields.took_us);
    }
    match fields.status {
        Some(status) => write!(to, " {status}")?,
        None => write!(to, " answered by what is kept")?,
    }
    took(to, fields.took_us)
}

fn took(to: &mut Writer<'_>, took_us: Option<u64>) -> fmt::Result {
    took_us.map_or(Ok(()), |us| write!(to, " {us} µs"))
}
