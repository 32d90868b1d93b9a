//! The meters of one service, resolved when it is loaded: recording a call takes no look-up and no lock.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use prometheus_client::metrics::{counter::Counter, gauge::Gauge};

use super::{
    Histogram, Metrics, OUTCOMES, Seconds,
    family::{CallLabels, Calls, PerUpstream, ServiceLabel, UpstreamLabels},
    labels::{OTHER, Owner},
    words::Words,
};

/// Classes of answers to a request of a guest.
const CLASSES: [&str; 9] = ["1xx", "2xx", "3xx", "4xx", "5xx", "refused", "failed", "reused", OTHER];

/// What became of a request of a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// The upstream answered with this status.
    Answered(u16),
    /// The host refused it; nothing was sent.
    Refused,
    /// It was sent, or meant to be, and failed.
    Failed,
    /// A response that is kept answered it; nothing was sent.
    Reused,
}

impl Upstream {
    fn class(self) -> usize {
        match self {
            Self::Answered(status @ 100..=599) => usize::from(status / 100 - 1),
            Self::Answered(_) => 8,
            Self::Refused => 5,
            Self::Failed => 6,
            Self::Reused => 7,
        }
    }
}

/// The meters of a service.
#[derive(Debug)]
pub struct ServiceMeters {
    owner: Owner,
    /// Those of each tool, and of what has no tool.
    tools: Vec<Tool>,
    calls: Calls,
    running: Gauge,
    seconds: Histogram,
    cpu: Seconds,
    memory: Histogram,
    /// Of the host as a whole.
    errors: Words,
    limits: Words,
    upstream: PerUpstream,
    classes: [OnceLock<Counter>; CLASSES.len()],
    upstream_seconds: Histogram,
}

/// A tool's counters, each made when it is first needed: most outcomes never happen.
#[derive(Debug)]
struct Tool {
    label: Arc<str>,
    outcomes: [OnceLock<Counter>; OUTCOMES.len() + 1],
}

/// A call that is under way, until it is dropped.
#[derive(Debug)]
pub struct Running(Gauge);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl ServiceMeters {
    pub(super) fn new(
        metrics: &Metrics,
        tenant: &str,
        service: &str,
        tools: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        let owner = metrics.names.service(tenant, service);
        let label = ServiceLabel { service: owner.service.clone() };
        let tool = |label| Tool { label, outcomes: [const { OnceLock::new() }; OUTCOMES.len() + 1] };
        let named = tools.into_iter().map(|name| metrics.names.tool(&owner, name.as_ref()));
        Self {
            tools: named.chain([OTHER.into()]).map(tool).collect(),
            calls: metrics.calls.clone(),
            running: metrics.running.get_or_create_owned(&label),
            seconds: metrics.seconds.get_or_create_owned(&label),
            cpu: metrics.cpu.get_or_create_owned(&label),
            memory: metrics.memory.clone(),
            errors: metrics.errors.clone(),
            limits: metrics.limits.clone(),
            upstream: metrics.upstream.clone(),
            classes: [const { OnceLock::new() }; CLASSES.len()],
            upstream_seconds: metrics.upstream_seconds.get_or_create_owned(&label),
            owner,
        }
    }

    /// A call begins; it is under way until what is returned is dropped.
    #[must_use]
    pub fn start(&self) -> Running {
        self.running.inc();
        Running(self.running.clone())
    }

    /// A call has ended, this long after its arrival. `tool` is its place among the names the meters were made with; `outcome` is `ok` or the
    /// reason it failed for, which is counted among the host's errors too.
    pub fn call(&self, tool: usize, outcome: &str, took: Duration) {
        let at = OUTCOMES.iter().position(|known| *known == outcome).unwrap_or(OUTCOMES.len());
        let tool = self.tools.get(tool).or(self.tools.last());
        if let Some((tool, counter)) = tool.and_then(|tool| Some((tool, tool.outcomes.get(at)?))) {
            let new = || {
                let Owner { tenant, service } = self.owner.clone();
                let outcome = OUTCOMES.get(at).copied().unwrap_or(OTHER);
                let labels = CallLabels { tenant, service, tool: tool.label.clone(), outcome };
                self.calls.get_or_create_owned(&labels)
            };
            counter.get_or_init(new).inc();
        }
        if at > 0 {
            self.errors.count([outcome]);
        }
        self.seconds.time(took);
    }

    /// A guest has used this much of a processor, whatever became of it.
    pub fn guest_cpu(&self, used: Duration) {
        self.cpu.inc_by(used.as_secs_f64());
    }

    /// A guest has ended with this much memory.
    pub fn guest_memory(&self, bytes: u64) {
        self.memory.observe(bytes);
    }

    /// The same as [`Metrics::limit_hit`], for those who know only the service.
    pub fn limit_hit(&self, limit: &str, scope: &str) {
        self.limits.count([limit, scope]);
    }

    /// A request of a guest was answered, refused, or failed after this time.
    pub fn upstream(&self, outcome: Upstream, took: Duration) {
        let at = outcome.class();
        if let (Some(counter), Some(class)) = (self.classes.get(at), CLASSES.get(at)) {
            let labels = || UpstreamLabels { service: self.owner.service.clone(), class };
            counter.get_or_init(|| self.upstream.get_or_create_owned(&labels())).inc();
        }
        if !matches!(outcome, Upstream::Refused | Upstream::Reused) {
            self.upstream_seconds.time(took);
        }
    }
}
