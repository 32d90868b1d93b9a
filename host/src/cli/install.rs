//! `bulkhead install`: a component from a registry into the folder. What it asks for is shown before anything is
//! changed, and whatever does not hold leaves the folder and the lock file as they were.

mod show;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use bulkhead::{
    app,
    call::Host,
    config::{ComponentSource, Config, load, resolve::check_name},
    pin::{self, Approval, Installed, Pins, Trust},
};
use bulkhead_registry::{
    bundle::{Bundle, Signed},
    digest::Digest,
    reference::Reference,
    signers::Requirement,
    stage::Stage,
};
use clap::Args;
use serde_json::{Value, json};

use super::{
    Failure, Options, Outcome,
    approve::{self, asked},
    failed,
    inspect::staged,
    look::{Looked, look},
    provenance::{Provenance, requirements, users},
    reach::{Reach, reference},
    usage,
};

/// Bring a component from a registry, once you have seen what it asks for.
#[derive(Debug, Args)]
pub(super) struct Install {
    /// What to install: `registry.example/acme/loki:1.2`, with `@sha256:…` if it has to be that one.
    #[arg(value_name = "REF")]
    reference: String,
    /// What the file is called, without `.wasm`; the last part of the reference's name unless given.
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// The folder to put it into; `components.dir` of the configuration unless given.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Agree without being asked.
    #[arg(long)]
    yes: bool,
    /// It has to be signed by this signer of the configuration, or by one of several.
    #[arg(long, value_name = "NAME")]
    signer: Vec<String>,
    /// Install what the tag stands for now, although it stood for something else before.
    #[arg(long)]
    update: bool,
    #[command(flatten)]
    reach: Reach,
}

/// What is about to be installed.
struct Candidate {
    /// Where it goes.
    place: PathBuf,
    installed: Installed,
    signed: Signed,
    looked: Looked,
    provenance: Provenance,
    /// What services that are made of the file would have to be approved for, and those that it cannot serve.
    services: Vec<(String, Result<Option<Approval>, String>)>,
}

impl Install {
    pub(super) async fn run(self, options: &Options) -> Outcome {
        let reference = reference(&self.reference)?;
        let name = self.name.clone().unwrap_or_else(|| reference.stem().to_owned());
        check_name(&name).map_err(|why| usage(format!("{why}; choose another with --as")))?;
        let config = configured(options)?;
        let dir = self.to.clone().unwrap_or_else(|| config.components.dir.clone());
        let place = dir.join(format!("{name}.wasm"));
        let pins = Pins::read(&config.components.lock, Trust::Folder).map_err(failed)?;
        let stage = Stage::new(&dir, &name);
        let stage =
            stage.map_err(|error| failed(format!("{} cannot be written to: {error}", dir.display())))?;
        let (installed, signed) = staged(&self.reach, &reference, &stage).await?;
        self.check_tag(&reference, &installed, &pins)?;
        let provenance = self.check_signatures(&config, &reference, &place, &stage, &installed)?;
        let wasm = std::fs::read(stage.file()).map_err(failed)?;
        let looked = look(&config, &wasm).await.map_err(|why| failed(format!("{reference}: {why}")))?;
        let (host, services) = tried(&config, &place, &stage.file()).await;
        let candidate = Candidate { place, installed, signed, looked, provenance, services };
        if !options.json {
            candidate.show();
        }
        let agreed = self.yes || (!options.json && asked("Install?")?);
        if agreed {
            candidate.install(&stage, &pins, host.as_deref())?;
        }
        if options.json {
            out!("{}", candidate.data(agreed));
        }
        if !agreed {
            return Err(failed("nothing is installed; --yes installs what is shown"));
        }
        if !options.json {
            candidate.next_steps(options, &reference);
        }
        Ok(())
    }

    /// A tag that stands for something else than it did is somebody's doing; the operator says whether it is meant.
    fn check_tag(&self, reference: &Reference, now: &Installed, pins: &Pins) -> Result<(), Failure> {
        if self.update || reference.digest().is_some() {
            return Ok(());
        }
        match pins.stood_for(&now.reference).filter(|before| before.artifact != now.artifact) {
            None => Ok(()),
            Some(before) => Err(failed(format!(
                "{} has moved: it was {} when it was installed, and is {} now; --update installs what it is now",
                now.reference, before.artifact, now.artifact
            ))),
        }
    }

    /// Whether it is signed by whom it has to be: for each service that is made of it, or for all components.
    fn check_signatures(
        &self,
        config: &Config,
        reference: &Reference,
        place: &Path,
        stage: &Stage,
        installed: &Installed,
    ) -> Result<Provenance, Failure> {
        let used = users(config, place).next().is_some();
        let mut all = requirements(config, place);
        // Nobody has said yet what a file of another name may be signed as; who asks for it here does.
        let renamed = !used && self.name.is_some();
        if renamed {
            let meant = |asked: &Arc<Requirement>| Requirement {
                signed_as: Some(reference.name()),
                ..(**asked).clone()
            };
            all = all.iter().map(meant).map(Arc::new).collect();
        }
        if !self.signer.is_empty() {
            for name in &self.signer {
                if !config.signatures.signers.iter().any(|signer| signer.name == *name) {
                    let known: Vec<&str> =
                        config.signatures.signers.iter().map(|one| one.name.as_str()).collect();
                    let why = load::suggestion(name, &known);
                    return Err(usage(format!(
                        "--signer: there is no signer `{name}` in `signatures`. {why}"
                    )));
                }
            }
            let by = |asked: &Arc<Requirement>| Requirement {
                required: true,
                by: Some(self.signer.clone()),
                ..(**asked).clone()
            };
            let strict: Vec<_> = all.iter().map(by).map(Arc::new).collect();
            all = strict.into_iter().chain(all).collect();
        }
        for asked in &all {
            let checked = asked.check(&stage.file(), &installed.component, SystemTime::now());
            checked.map_err(|why| failed(format!("{reference} is refused: {why}")))?;
        }
        let asked = all.first().unwrap_or(&config.signatures);
        Ok(Provenance::of(asked, &stage.file(), &installed.component, Some(installed.clone())))
    }
}

/// The configuration. One that names a component which is not there yet says at least where it goes.
fn configured(options: &Options) -> Result<Config, Failure> {
    let config = match (options.load(None), &options.config) {
        (Err(_), Some(path)) => load::without_tenants(path).map_err(usage)?,
        (config, _) => config?,
    };
    Ok(Config { audit: None, auth: None, ..config })
}

/// The services that are made of a file, tried with another in its place: what there is to approve.
async fn tried(
    config: &Config,
    place: &Path,
    staged: &Path,
) -> (Option<Arc<Host>>, Vec<(String, Result<Option<Approval>, String>)>) {
    let keys: Vec<(String, String)> =
        users(config, place).map(|(tenant, service)| (tenant.to_owned(), service.name.clone())).collect();
    if keys.is_empty() {
        return (None, Vec::new());
    }
    let mut trial = config.clone();
    trial.components.trust = Trust::Folder; // here, to look at it
    for tenant in &mut trial.tenants {
        let name = tenant.name.clone();
        tenant.services.retain(|service| keys.contains(&(name.clone(), service.name.clone())));
        for service in &mut tenant.services {
            service.component = ComponentSource::File(staged.to_owned());
        }
    }
    trial.tenants.retain(|tenant| !tenant.services.is_empty());
    let keys = keys.iter().map(|(tenant, service)| pin::key(tenant, service));
    match app::build(trial).await {
        Ok(host) => {
            let catalog = host.catalog();
            let left_out = |key: &String| {
                let of = |left: &&bulkhead::catalog::LeftOut| pin::key(&left.tenant, &left.service) == *key;
                catalog.left_out().iter().find(of).map(|left| left.why.clone())
            };
            let each = keys.map(|key| {
                let tried = left_out(&key).map_or_else(|| Ok(host.pins().change(&key)), Err);
                (key, tried)
            });
            let each = each.collect();
            (Some(Arc::new(host)), each)
        }
        Err(error) => (None, keys.map(|key| (key, Err(error.to_string()))).collect()),
    }
}

impl Candidate {
    /// Puts it in its place. At each moment the file has its signatures beside it, and the lock file knows it.
    fn install(&self, stage: &Stage, pins: &Pins, host: Option<&Host>) -> Outcome {
        let before = std::fs::read(&self.place).ok().map(|wasm| Digest::of(&wasm));
        let old = Bundle::read(&self.place).ok().flatten();
        let old = before.and_then(|before| old?.of(&before).cloned());
        pins.putting(&self.place, &self.installed).map_err(failed)?;
        if let Some(host) = host {
            host.pins().save(None).map_err(failed)?;
        }
        let both =
            [self.signed.clone()].into_iter().chain(old.filter(|old| old.component != self.signed.component));
        Bundle::new(both.collect()).write(&self.place).map_err(failed)?;
        let place = self.place.display();
        stage.install(&self.place).map_err(|error| failed(format!("{place} cannot be written: {error}")))?;
        Bundle::new(vec![self.signed.clone()]).write(&self.place).map_err(failed)?;
        pins.put(&self.place, &self.installed).map_err(failed)
    }

    fn data(&self, agreed: bool) -> Value {
        let services = self.services.iter().map(|(key, tried)| match tried {
            Ok(Some(approval)) => approve::data(key, approval, agreed),
            Ok(None) => json!({ "service": key, "approved": true, "changed": false }),
            Err(why) => json!({ "service": key, "approved": false, "error": why }),
        });
        json!({
            "installed": agreed, "file": self.place, "provenance": self.provenance.data(),
            "artifact": self.installed.artifact, "component": self.installed.component,
            "services": services.collect::<Vec<_>>(),
        })
    }
}
