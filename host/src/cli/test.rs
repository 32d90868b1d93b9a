//! `bulkhead test`: whether a component does what the contract asks and what it says of itself. It runs in the real
//! sandbox with the real mediation; one server on loopback plays its upstreams, so nothing leaves the machine.

mod beside;
mod calls;
mod checks;
mod ledger;
mod listing;
mod outside;
mod random;
mod report;
mod schemas;
mod settings;
mod stage;
mod text;
mod trouble;
mod upstream;
mod values;

use std::path::{Path, PathBuf};

use bulkhead::{
    config::{self, Config, load::suggestion, raw},
    sandbox::Manifest,
};
use clap::Args;
use serde_json::Value;

use self::{
    ledger::{Allowed, Ledger},
    report::Report,
    settings::made_up,
    stage::{Bench, Stage, staged},
    upstream::{Answer, Script, Upstream},
};
use super::{FAILED, Failure, Options, Outcome, alone, failed, usage};

/// Try a component: contract, schemas, annotations, every tool with many arguments, upstreams that fail. Works offline.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// The component.
    #[arg(required_unless_present = "checks")]
    file: Option<PathBuf>,
    /// What to configure it with, JSON, or a file with JSON or YAML. Unless given, it is made up from the config schema.
    #[arg(long, value_name = "JSON|FILE", conflicts_with = "service")]
    service_config: Option<String>,
    /// Configure it as this service of the configuration (`--config`): its config, folders, limits and egress rules.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// What its upstream answers when all is well: YAML or JSON, a list of `{ on: GET /path/*, status: 200, body: … }`.
    #[arg(long, value_name = "FILE")]
    upstream: Option<PathBuf>,
    /// Arguments and order are the same for the same seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Calls of each tool with valid arguments.
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    cases: u16,
    /// Accept what a check finds, and why: `--allow 'egress.plaintext=the vendor has no TLS'`. May be repeated.
    #[arg(long, value_name = "CHECK=REASON")]
    allow: Vec<String>,
    /// Warnings fail as well.
    #[arg(long)]
    strict: bool,
    /// Write the report as a JUnit file, too.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// List all checks and do nothing else.
    #[arg(long)]
    checks: bool,
}

impl Test {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let Some(file) = self.file.clone().filter(|_| !self.checks) else {
            if options.json {
                out!("{}", report::catalogue_json());
            } else {
                out!("{}", report::catalogue());
            }
            return Ok(());
        };
        let allowed = self.allow.iter().map(|text| allow(text)).collect::<Result<Vec<_>, _>>()?;
        let answers = self.upstream.as_deref().map(answers).transpose()?.unwrap_or_default();
        let given = self.service_config.as_deref().map(given).transpose()?;
        let config = self.configuration(options)?;
        let upstream = Upstream::start(answers).await.map_err(|e| failed(format!("loopback: {e}")))?;
        let trial = Trial { test: &self, file: &file, config: &config, given, upstream: &upstream };
        let mut ledger = Ledger::default();
        let known = trial.run(&mut ledger).await?;
        let report = Report {
            file: &file,
            component: known.manifest.map(|manifest| (manifest.name, manifest.version)),
            digest: known.digest,
            seed: self.seed,
            cases: self.cases.into(),
            config: known.config,
            ledger: &ledger,
            allowed: &allowed,
            strict: self.strict,
        };
        if let Some(path) = &self.junit {
            std::fs::write(path, report.junit())
                .map_err(|e| failed(format!("{} cannot be written: {e}", path.display())))?;
        }
        if options.json {
            out!("{}", report.json());
        } else {
            out!("{}", report.text());
        }
        // The report has said it.
        if report.passed() { Ok(()) } else { Err(Failure { message: String::new(), code: FAILED }) }
    }

    /// The host's own settings, and the service to take over.
    fn configuration(&self, options: &Options) -> Result<Config, Failure> {
        match (&options.config, &self.service) {
            (None, Some(_)) => Err(usage("--service is one of a configuration; name it with --config")),
            // The operator's own file, if only for where compiled code is kept.
            (Some(_), None) => Ok(options.load(None)?.without_tenants()),
            (Some(_), Some(service)) => Ok(alone(options.load(None)?, service)?.0),
            (None, None) => {
                let components = raw::Components { serve: Some(false), ..raw::Components::default() };
                let none = raw::File { components, ..raw::File::default() };
                config::resolve::resolve(none, Path::new(".")).map_err(usage)
            }
        }
    }
}

/// What is known of a component at the end of its trial, however far that came.
#[derive(Debug, Default)]
struct Known {
    manifest: Option<Manifest>,
    digest: Option<String>,
    config: Option<Value>,
}

/// One component, and what it is tried with.
#[derive(Debug)]
struct Trial<'a> {
    test: &'a Test,
    file: &'a Path,
    config: &'a Config,
    given: Option<Value>,
    upstream: &'a Upstream,
}

impl Trial<'_> {
    /// Tries it as far as it goes: what does not load lists nothing, what does not list is not called.
    async fn run(&self, ledger: &mut Ledger) -> Result<Known, Failure> {
        let mut known = Known::default();
        let written = self.config.tenants.iter().flat_map(|tenant| &tenant.services).next();
        let memory = written.map_or(config::Limits::default().memory, |service| service.limits.memory);
        let bench = match Bench::load(self.config, self.file, memory).await? {
            Ok(bench) => bench,
            Err(error) => {
                outside::refused(&error, ledger);
                return Ok(known);
            }
        };
        known.digest = Some(bench.component.digest.clone());
        outside::file(&bench, ledger);
        let Some(manifest) = outside::manifest(&bench, ledger).await else { return Ok(known) };
        known.manifest = Some(manifest.clone());
        let service = self.service(written, &manifest)?;
        known.config = Some(service.config.clone());
        let place = match bench.place(&service, &manifest) {
            Ok(place) => place,
            Err(why) => {
                // What of the manifest is unsound has been said.
                if !ledger.has_errors() {
                    ledger.find("component.refused", "the service", why);
                }
                return Ok(known);
            }
        };
        let Some(offer) = listing::listed(&bench, &place, self.upstream, ledger).await else {
            return Ok(known);
        };
        listing::look(&offer, &manifest, &service.name, ledger);
        listing::configs(&bench, &manifest, &service, ledger).await;
        listing::health(&bench, &place, self.upstream, ledger).await;
        self.upstream.play(Script::Well(0)); // a service may ask it what its tools are
        let stage = match Stage::new(self.config, service).await {
            Ok(stage) => stage,
            Err(why) => {
                if !ledger.has_errors() {
                    ledger.find("component.refused", "the service", why);
                }
                return Ok(known);
            }
        };
        let mut cases = calls::cases(&stage, self.test.seed, self.test.cases.into(), ledger);
        calls::strict(&cases, ledger);
        let lost = calls::valid(&stage, self.upstream, &cases, ledger).await;
        cases.retain(|cases| !lost.contains(&cases.tool.name));
        calls::cost(&bench, &stage, &cases, self.upstream, ledger).await;
        calls::twice(&stage, self.upstream, &cases, ledger).await;
        beside::beside(&stage, &offer, self.upstream, ledger).await;
        trouble::troubles(&stage, (&bench, &place), self.upstream, &cases, ledger).await;
        Ok(known)
    }

    /// The service it is tried as.
    fn service(
        &self,
        written: Option<&config::Service>,
        manifest: &Manifest,
    ) -> Result<config::Service, Failure> {
        let component = config::ComponentSource::File(self.file.to_owned());
        let service = match written {
            Some(written) => config::Service { component, ..written.clone() },
            None => {
                let config = self.given.clone().unwrap_or_else(|| made_up(manifest, self.test.seed));
                config::Service { component, ..bare(config)? }
            }
        };
        Ok(staged(service, manifest, self.upstream))
    }
}

/// A service of a component that nobody configured, with what services have unless somebody says otherwise.
fn bare(config: Value) -> Result<config::Service, Failure> {
    // Of one that is always there; the component takes its place.
    let component = Some("utilities".to_owned());
    let service = raw::Service { component, config, ..raw::Service::default() };
    let tenant = raw::Tenant { services: [("kit".to_owned(), service)].into(), ..raw::Tenant::default() };
    let written = raw::File { tenants: [("kit".to_owned(), tenant)].into(), ..raw::File::default() };
    let resolved = config::resolve::resolve(written, Path::new("."));
    let resolved = resolved.map_err(|error| usage(format!("--service-config: {error}")))?;
    let service = resolved.tenants.into_iter().flat_map(|tenant| tenant.services).next();
    service.ok_or_else(|| failed("no service came of the config"))
}

/// Reads `CHECK=REASON`.
fn allow(text: &str) -> Result<Allowed, Failure> {
    let (id, reason) = text.split_once('=').unwrap_or((text, ""));
    let Some(check) = checks::find(id.trim()) else {
        let known: Vec<&str> = checks::CHECKS.iter().map(|check| check.id).collect();
        let area: Vec<&str> =
            known.iter().copied().filter(|one| one.split('.').next() == id.split('.').next()).collect();
        let known = if area.is_empty() { &known } else { &area };
        return Err(usage(format!("--allow: there is no check `{id}`. {}", suggestion(id, known))));
    };
    if reason.trim().is_empty() {
        let id = check.id;
        return Err(usage(format!("--allow {id}: say why, as in `--allow '{id}=…'`; the report shows it")));
    }
    Ok(Allowed { id: check.id, reason: reason.trim().to_owned() })
}

/// The config of `--service-config`: text, or a file's.
fn given(text: &str) -> Result<Value, Failure> {
    let text = text.trim();
    let written = if text.starts_with('{') {
        text.to_owned()
    } else {
        std::fs::read_to_string(text)
            .map_err(|e| usage(format!("--service-config: {text} cannot be read: {e}")))?
    };
    let config: Value = serde_saphyr::from_str(&written)
        .map_err(|error| usage(format!("--service-config: {}", error.without_snippet())))?;
    if config.is_object() { Ok(config) } else { Err(usage("--service-config: must be a mapping")) }
}

fn answers(path: &Path) -> Result<Vec<Answer>, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|e| usage(format!("--upstream: {shown} cannot be read: {e}")))?;
    Answer::list(&text).map_err(|why| usage(format!("--upstream: {shown}: {why}")))
}
