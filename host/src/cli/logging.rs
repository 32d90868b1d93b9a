//! Logs on stderr. They are set up before the configuration is read, and follow it once it is: [`apply`] may be
//! called again at any time.

use std::{
    fmt,
    io::IsTerminal,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use bulkhead::config::telemetry::{Format, Level, Logging};
use tracing::{Event, Subscriber, field::Field, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    field::Visit,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Full, Json, Writer},
    },
    layer::{Context, Layered, SubscriberExt},
    registry::LookupSpan,
    reload,
    util::SubscriberInitExt,
};

use super::{Cli, dev::lines};

/// rmcp logs an error whenever a client goes away, which is none, and its spans at `info` cost a fifth of the
/// throughput.
const QUIET: &str = "rmcp=warn,rmcp::service=off";
/// The target of what guests say; the event's `service` says whose.
const GUEST: &str = "guest";

/// What is logged, and how to change it.
static LOG: OnceLock<Log> = OnceLock::new();

#[derive(Debug)]
struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    guests: reload::Handle<Guests, Layered<reload::Layer<EnvFilter, Registry>, Registry>>,
    json: &'static AtomicBool,
    /// What flags or the environment say: they win.
    flags: Logging,
    usual: &'static str,
}

/// Sets up logging for this run.
pub(crate) fn init(cli: &Cli) {
    static JSON: AtomicBool = AtomicBool::new(false);
    let usual = cli.usual_log();
    let format = cli.options.json.then_some(Format::Json);
    let flags = Logging { format, level: cli.options.log.clone(), ..Logging::default() };
    let (filter, filter_handle) = reload::Layer::new(EnvFilter::new(usual));
    let (guests, guests_handle) = reload::Layer::new(Guests::default());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .event_format(Lines { for_author: cli.for_author(), ..Lines::new(&JSON) });
    tracing_subscriber::registry().with(filter).with(guests).with(lines).init();
    let log = Log { filter: filter_handle, guests: guests_handle, json: &JSON, flags, usual };
    if LOG.set(log).is_ok() {
        apply(&Logging::default());
    }
}

/// Follows the configuration, where no flag and no environment variable says otherwise.
pub(crate) fn apply(config: &Logging) {
    let Some(log) = LOG.get() else { return };
    let json = log.flags.format.or(config.format).unwrap_or_default() == Format::Json;
    log.json.store(json, Ordering::Relaxed);
    let asked = log.flags.level.as_ref().or(config.level.as_ref()).map_or(log.usual, String::as_str);
    let (filter, guests) = filters(asked, config).unwrap_or_else(|error| {
        eprintln!("warning: --log {asked}: {error}; logging {}", log.usual);
        filters(log.usual, config).unwrap_or_default()
    });
    // They fail only after the subscriber is gone, which is never.
    let _ = (log.filter.reload(filter), log.guests.reload(guests));
}

/// What passes: a filter that lets everything through that any service may say, and one that knows which.
fn filters(asked: &str, config: &Logging) -> Result<(EnvFilter, Guests), String> {
    let usual = || EnvFilter::try_new(format!("{QUIET},{asked}")).map_err(|error| error.to_string());
    let services: Vec<_> =
        config.services.iter().map(|(name, level)| (name.clone(), level_filter(*level))).collect();
    let Some(loudest) = services.iter().map(|(_, level)| *level).max() else {
        return Ok((usual()?, Guests::default()));
    };
    let quiet = usual()?;
    // At least as much as without: the others are held back by what is asked for.
    let loudest = loudest.max(quiet.max_level_hint().unwrap_or(LevelFilter::TRACE));
    let filter = usual()?.add_directive(format!("{GUEST}={loudest}").parse().map_err(|e| format!("{e}"))?);
    Ok((filter, Guests { services, others: Some(quiet) }))
}

fn level_filter(level: Level) -> LevelFilter {
    match level {
        Level::Off => LevelFilter::OFF,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

/// Decides about what guests say, by service.
#[derive(Debug, Default)]
struct Guests {
    services: Vec<(String, LevelFilter)>,
    /// For services that are not named.
    others: Option<EnvFilter>,
}

impl<S: Subscriber> Layer<S> for Guests {
    fn event_enabled(&self, event: &Event<'_>, context: Context<'_, S>) -> bool {
        let Some(others) = self.others.as_ref().filter(|_| event.metadata().target() == GUEST) else {
            return true;
        };
        let mut said_by = Service(String::new());
        event.record(&mut said_by);
        match self.services.iter().find(|(name, _)| *name == said_by.0) {
            Some((_, level)) => event.metadata().level() <= level,
            None => others.enabled(event.metadata(), context),
        }
    }
}

/// The event's `service`.
struct Service(String);

impl Visit for Service {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "service" {
            self.0 = format!("{value:?}");
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "service" {
            value.clone_into(&mut self.0);
        }
    }
}

/// Lines for people, or for programs.
struct Lines {
    json: &'static AtomicBool,
    /// Short ones, for somebody who looks on.
    for_author: bool,
    for_people: format::Format<Full>,
    for_programs: format::Format<Json>,
}

impl Lines {
    fn new(json: &'static AtomicBool) -> Self {
        // The host has no spans; those of libraries are made for people.
        let for_programs =
            format::format().json().flatten_event(true).with_current_span(false).with_span_list(false);
        Self { json, for_author: false, for_people: format::format(), for_programs }
    }
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if self.json.load(Ordering::Relaxed) {
            self.for_programs.format_event(context, writer, event)
        } else if self.for_author {
            lines::write(event, writer)
        } else {
            self.for_people.format_event(context, writer, event)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use bulkhead::secret::Secret;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is written while `say` runs.
    fn log(asked: &str, services: &[(&str, Level)], json: bool, say: impl FnOnce()) -> String {
        static HUMAN: AtomicBool = AtomicBool::new(false);
        static MACHINE: AtomicBool = AtomicBool::new(true);
        let services = services.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect();
        let (filter, guests) = filters(asked, &Logging { services, ..Logging::default() }).unwrap();
        let (written, lines) = (Written::default(), Lines::new(if json { &MACHINE } else { &HUMAN }));
        let out = written.clone();
        let lines = tracing_subscriber::fmt::layer()
            .with_writer(move || out.clone())
            .with_ansi(false)
            .event_format(lines);
        let subscriber = tracing_subscriber::registry().with(filter).with(guests).with(lines);
        tracing::subscriber::with_default(subscriber, say);
        let written = written.0.lock().unwrap().clone();
        String::from_utf8(written).unwrap()
    }

    fn guests_speak() {
        for service in ["loud", "usual", "silent"] {
            tracing::debug!(target: "guest", %service, "{service} debug");
            tracing::warn!(target: "guest", service, "{service} warn");
        }
        tracing::debug!("host debug");
        tracing::info!("host info");
    }

    #[test]
    fn each_service_has_its_own_level() {
        let services = [("loud", Level::Debug), ("silent", Level::Off)];
        let text = log("info", &services, false, guests_speak);
        let said: Vec<&str> = [
            "loud debug",
            "loud warn",
            "usual debug",
            "usual warn",
            "silent debug",
            "silent warn",
            "host debug",
            "host info",
        ]
        .into_iter()
        .filter(|words| text.contains(words))
        .collect();
        assert_eq!(said, ["loud debug", "loud warn", "usual warn", "host info"]);
    }

    #[test]
    fn without_levels_of_services_the_filter_decides_alone() {
        let text = log("info,guest=error", &[], false, guests_speak);
        assert!(text.contains("host info") && !text.contains("warn"), "{text}");
    }

    #[test]
    fn a_quiet_service_is_quiet_on_a_loud_host() {
        let text = log("debug", &[("loud", Level::Warn)], false, guests_speak);
        assert!(!text.contains("loud debug") && text.contains("usual debug"), "{text}");
    }

    #[test]
    fn programs_get_json_and_nobody_a_secret() {
        let text = log("info", &[], true, || {
            tracing::info!(secret = ?Secret::new("canary".into()), n = 3, "hello");
        });
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&line["message"], &line["n"], &line["level"]),
            (&"hello".into(), &3.into(), &"INFO".into())
        );
        assert!(!text.contains("canary"));
    }

    #[test]
    fn an_author_reads_short_lines() {
        static HUMAN: AtomicBool = AtomicBool::new(false);
        let written = Written::default();
        let (out, lines) = (written.clone(), Lines { for_author: true, ..Lines::new(&HUMAN) });
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(move || out.clone())
            .with_ansi(false)
            .event_format(lines);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            const EGRESS: &str = "bulkhead::egress";
            let request = "GET http://h/x";
            tracing::info!(target: "guest", service = "w", data = Some("{\"n\":1}"), "hello");
            tracing::info!(target: "guest", service = "w", stream = "stdout", "printed");
            tracing::debug!(target: EGRESS, service = "w", request, status = 200_u16, took_us = 7_u64, "outbound request");
            tracing::debug!(target: EGRESS, request, "outbound request answered by what is kept");
            tracing::warn!(target: EGRESS, request, reason = "no_rule", "outbound request refused");
            tracing::warn!(target: EGRESS, request, reason = ?Some("circuit"), "outbound request not sent now");
            tracing::warn!(target: EGRESS, request, error = "refused", took_us = 3_u64, "outbound request failed");
            tracing::debug!(target: "call", tool = "w_current", outcome = "ok", took_us = 9_u64);
            tracing::error!(service = "w", error = "broken", "a service is left out");
        });
        let written = written.0.lock().unwrap().clone();
        let expected = [
            "  log     info hello {\"n\":1}",
            "  stdout  printed",
            "  egress  GET http://h/x 200 7 µs",
            "  egress  GET http://h/x answered by what is kept",
            "  egress  GET http://h/x REFUSED: no rule allows this method on this URL (no_rule)",
            "  egress  GET http://h/x REFUSED: the upstream keeps failing and is left alone for a while (circuit)",
            "  egress  GET http://h/x FAILED: refused 3 µs",
            "  call    w_current ok 9 µs",
            "error: a service is left out error=broken service=w",
        ];
        assert_eq!(String::from_utf8(written).unwrap().lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_told() {
        assert!(filters("info,=,[", &Logging::default()).is_err());
    }
}
