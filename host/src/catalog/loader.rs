//! Loads services. What several of them have in common is loaded once and shared: a component's code and what it
//! says of itself, and tools that are equal. What is a tenant's own (config, grant, credentials, limits, connections)
//! is made anew for each. A thousand tenants with the same ten services hold ten sets of tools.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
    time::SystemTime,
};

use bulkhead_registry::{
    digest::Digest,
    signers::{Requirement, Verdict, Vouch},
};

use super::{
    Catalog,
    files::Files,
    offer::Offer,
    prompt::{Prompt, Resources},
    service::Service,
    tool::{Declared, Tool},
};
use crate::{
    access::Overrides,
    breaker::Breaker,
    cache::Revision,
    config::{self, ComponentSource, load::suggestion},
    egress::{Policy, dial::Dialer, resolve::Resolve},
    grant::{
        Grant,
        tool::{ToolEgress, ToolGrant},
    },
    limit::gate::{CallLimits, Gate},
    live::again::Key,
    metrics::Metrics,
    pin::{self, Now, Pins},
    sandbox::{Compartment, Component, Folders, LoadError, Manifest, Said, Sandbox, digest},
    shape::Shaping,
};

/// The `utilities` component, so that a host without any file serves something.
pub const EMBEDDED_UTILITIES: &[u8] = include_bytes!(env!("UTILITIES_WASM"));

static EMBEDDED_DIGEST: LazyLock<Arc<str>> = LazyLock::new(|| digest(EMBEDDED_UTILITIES).into());

/// A component that was loaded, and what it says of itself.
#[derive(Clone, Debug)]
struct Known {
    component: Arc<Component>,
    manifest: Arc<Manifest>,
}

/// A component file, and whether its guests' instructions are counted.
type Source = (Option<PathBuf>, bool);
/// How tools are seen: the service's name, and the operator's view as text (values have no hash).
type Seen = (Arc<str>, String);
/// The tools of a service.
type Tools = Arc<[Arc<Tool>]>;

/// What came of listing services again.
pub type Relisted = HashMap<Key, Result<Offer, String>>;

/// Why a service cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// For the operator; complete.
    pub why: String,
    /// Whether its file may be one that is still being written.
    pub unfinished: bool,
}

impl From<String> for Fault {
    fn from(why: String) -> Self {
        Self { why, unfinished: false }
    }
}

/// Loads services, and remembers what they share.
#[derive(Debug)]
pub struct Loader<'a> {
    sandbox: &'a Arc<Sandbox>,
    resolver: Arc<dyn Resolve>,
    metrics: Arc<Metrics>,
    pins: &'a Pins,
    /// What is served already: of it, what need not be loaded is not.
    former: Option<&'a Catalog>,
    files: &'a mut Files,
    components: HashMap<Source, Known>,
    /// What a component offers with a config.
    offers: HashMap<(Source, String), Offer>,
    /// Tools by what was declared, whoever declared it.
    tools: HashMap<Arc<[Declared]>, HashMap<Seen, Tools>>,
    said: Said,
    /// What services that are served offer now.
    relisted: Relisted,
}

impl<'a> Loader<'a> {
    /// A loader that has loaded nothing yet. Names of upstreams are resolved by `resolver`.
    #[must_use]
    pub fn new(
        sandbox: &'a Arc<Sandbox>,
        resolver: Arc<dyn Resolve>,
        metrics: Arc<Metrics>,
        pins: &'a Pins,
        files: &'a mut Files,
        former: Option<&'a Catalog>,
    ) -> Self {
        Self {
            sandbox,
            resolver,
            metrics,
            pins,
            former,
            files,
            components: HashMap::new(),
            offers: HashMap::new(),
            tools: HashMap::new(),
            said: Said::default(),
            relisted: Relisted::new(),
        }
    }

    /// The same, and services that were listed again stay only if they offer the same.
    #[must_use]
    pub fn relisted(self, relisted: Relisted) -> Self {
        Self { relisted, ..self }
    }

    /// The same, and `said` gets what components say while they are loaded.
    #[must_use]
    pub fn heard_by(self, said: Said) -> Self {
        Self { said, ..self }
    }

    /// Loads a service of `tenant`; if it is served already, made from the same, it is that one.
    ///
    /// # Errors
    /// When its component cannot be loaded, refuses the config, or its tools or grants are unsound.
    pub async fn load(&mut self, tenant: &Arc<str>, config: &config::Service) -> Result<Arc<Service>, Fault> {
        let source = source(config);
        let digest = self.digest(&source)?;
        let former = self.former.and_then(|former| former.service(tenant, &config.name));
        // Also of what is served already: a signature may have been taken away, a key may have expired.
        let vouched = vouched(&source, &digest, &config.signatures)?;
        let mut offer = None;
        if let Some(same) = former.filter(|former| former.is_made_from(config, &digest, vouched.as_ref())) {
            match self.relisted.remove(&(tenant.to_string(), config.name.clone())) {
                None => return Ok(same.clone()),
                Some(Err(why)) => return Err(format!("listing it again: {why}").into()),
                Some(Ok(listed)) if listed.digest() == same.offered => return Ok(same.clone()),
                Some(Ok(listed)) => offer = Some(listed),
            }
        }
        let (limits, most) = (&config.limits, self.sandbox.memory());
        for (key, memory) in
            [("limits.memory", limits.memory), ("limits.listing.memory", limits.listing.memory)]
        {
            if memory > most {
                return Err(format!("{key}: only {most} is reserved for each guest; restart the host").into());
            }
        }
        let known = self.component(&source, &digest, config).await?;
        if known.component.digest != *digest {
            // What was checked is what was read first.
            return Err(Fault { why: "its file changed while it was read".to_owned(), unfinished: true });
        }
        let former = former.map(|former| &**former);
        let made = self.make(tenant, config.clone(), source, known, former, offer).await;
        made.map(|made| Arc::new(Service { vouched, ..made })).map_err(Fault::from)
    }

    async fn make(
        &mut self,
        tenant: &Arc<str>,
        config: config::Service,
        source: Source,
        Known { component, manifest }: Known,
        former: Option<&Service>,
        offer: Option<Offer>,
    ) -> Result<Service, String> {
        let written = config.clone();
        let config = with_namespace(&manifest, config);
        check_config(&manifest, &config.config)?;
        let grant = Grant::new(&manifest.egress, &config.config, config.egress.as_deref())?;
        for url in &grant.withheld {
            tracing::warn!(
                tenant = &**tenant,
                service = config.name,
                url,
                "the component asks for this host and the config does not grant it; add it under `egress`"
            );
        }
        for identity in config.network.tls.iter().filter(|identity| identity.trusts_anybody()) {
            tracing::warn!(
                tenant = &**tenant,
                service = config.name,
                upstream = identity.describe(),
                "TLS with an upstream is not verified, as the config says; anybody on the way can pass for it"
            );
        }
        let name: Arc<str> = config.name.as_str().into();
        let dialer = Dialer::new(config.network.clone(), &config.caps, self.resolver.clone());
        let breaker = config.network.circuit_breaker;
        let policy = Policy::new(name.clone(), grant, config.credentials, config.caps, breaker, dialer);
        let compartment = Compartment::new(
            name.clone(),
            component,
            config.config.to_string(),
            policy.into(),
            Folders::new(config.files),
            config.limits,
        );
        let file = source.0.clone();
        let offer = match offer {
            Some(offer) => offer.sound()?,
            None => self.offer(source, &compartment).await?,
        };
        let offered = offer.digest();
        let Offer { tools, prompts, templates, .. } = offer;
        if let Some(file) = &file {
            self.check_pin(tenant, file, &manifest, &compartment, &tools)?;
        }
        let tools = self.tools(&tools, &name, &config.overrides, &config.shapes)?;
        let prompts = prompts.into_iter().map(|prompt| Prompt::new(&name, prompt).map(Arc::new));
        let prompts = prompts.collect::<Result<Arc<[_]>, _>>()?;
        let resources =
            templates.map(|templates| Resources::new(&name, templates).map(Arc::new)).transpose()?;
        let names = tools.iter().map(|tool| &*tool.public_name);
        let names = names.chain(prompts.iter().map(|prompt| &*prompt.public_name));
        let names: Vec<_> = names.chain(resources.iter().map(|resources| &*resources.public_name)).collect();
        // Rights name tools, prompts and resources alike, so one name is one thing.
        no_two(&names)?;
        let key = format!("tenants.{tenant}.services.{name}");
        let tool_gates = tool_gates(&key, config.tool_limits, &names, former)?;
        let tool_grants = tool_grants(&tools, &config.config)?;
        let meters = self.metrics.service(tenant, &name, &names);
        compartment.policy.measure(meters.clone());
        let gate = Gate::renewed(former.map(|former| &former.gate), &format!("{key}.limits"), config.calls);
        Ok(Service {
            name,
            tenant: tenant.clone(),
            written,
            vouched: None,
            manifest,
            compartment,
            conduct: Breaker::new(config.quarantine),
            revision: Revision::new(),
            meters,
            gate,
            tool_gates,
            tool_grants,
            offered,
            tools,
            prompts,
            resources,
        })
    }

    /// Whether the operator agreed to what the component is now.
    fn check_pin(
        &self,
        tenant: &str,
        file: &Path,
        manifest: &Manifest,
        compartment: &Compartment,
        tools: &Arc<[Declared]>,
    ) -> Result<(), String> {
        let service = &compartment.service;
        let digest = &compartment.component.digest;
        let now = Now { file, digest, manifest, config: &compartment.config, tools };
        self.pins.check(&pin::key(tenant, service), &now).map_err(|difference| {
            let what = difference.summary();
            format!("it waits for approval: {what}; `bulkhead approve {service}` shows and approves it")
        })
    }

    /// The digest of a component's file.
    fn digest(&mut self, (file, _): &Source) -> Result<Arc<str>, String> {
        match file {
            Some(path) => self.files.digest(path),
            None => Ok(EMBEDDED_DIGEST.clone()),
        }
    }

    /// The component of a service, loaded and described once.
    async fn component(
        &mut self,
        source: &Source,
        digest: &str,
        config: &config::Service,
    ) -> Result<Known, Fault> {
        if let Some(known) = self.components.get(source) {
            return Ok(known.clone());
        }
        if let Some(known) = self.former.and_then(|former| known(former, digest, source.1)) {
            self.components.insert(source.clone(), known.clone());
            return Ok(known);
        }
        let shown = match &config.component {
            ComponentSource::File(path) => path.display().to_string(),
            ComponentSource::EmbeddedUtilities => "the embedded utilities".to_owned(),
        };
        let wasm = read(&config.component)?;
        let (sandbox, fuel) = (self.sandbox.clone(), source.1);
        let loading = tokio::task::spawn_blocking(move || sandbox.load(&wasm, fuel));
        let component = loading.await.map_err(|error| format!("{shown}: loading it: {error}"))?;
        let component = component.map_err(|error| {
            // A file that ends too early is damaged, or says too little of what it exports.
            let unfinished = matches!(error, LoadError::Contract(_) | LoadError::Compile(_));
            Fault { why: format!("{shown}: {error}"), unfinished }
        })?;
        self.metrics.loaded(component.compiled);
        let component = Arc::new(component);
        let bare = Compartment::bare(component.clone(), config.limits);
        let manifest = self.sandbox.describe(&bare, &self.said).await;
        let manifest = manifest.map_err(|e| format!("asking what it is: {e}"))?;
        let known = Known { component, manifest: manifest.into() };
        self.components.insert(source.clone(), known.clone());
        Ok(known)
    }

    /// What a configured component offers. Where only its config can be behind that, it is asked for once.
    async fn offer(&mut self, source: Source, compartment: &Compartment) -> Result<Offer, String> {
        let key = (source, compartment.config.clone());
        if let Some(offer) = self.offers.get(&key).filter(|_| compartment.folders.is_empty()) {
            return Ok(offer.clone());
        }
        let offer = self.sandbox.offer(compartment, &self.said).await.map_err(|e| e.to_string())?;
        let offer = offer.sound()?;
        if offer.of_config {
            self.offers.insert(key, offer.clone());
        }
        Ok(offer)
    }

    /// Declared tools as tools of a service.
    fn tools(
        &mut self,
        declared: &Arc<[Declared]>,
        service: &Arc<str>,
        overrides: &Overrides,
        shapes: &BTreeMap<String, Shaping>,
    ) -> Result<Tools, String> {
        let known = self.tools.entry(declared.clone()).or_default();
        let seen = (service.clone(), format!("{overrides:?} {shapes:?}"));
        if let Some(tools) = known.get(&seen) {
            return Ok(tools.clone());
        }
        let tools = declared.iter().map(|tool| Tool::new(service, tool.clone()));
        let tools = view(tools.collect::<Result<_, _>>()?, overrides, shapes)?;
        known.insert(seen, tools.clone());
        Ok(tools)
    }
}

/// The component with this digest, if a service is made of it.
fn known(catalog: &Catalog, digest: &str, fuel: bool) -> Option<Known> {
    let service = catalog.all().find(|service| {
        service.compartment.component.digest == digest && service.compartment.limits.fuel.is_some() == fuel
    })?;
    Some(Known { component: service.compartment.component.clone(), manifest: service.manifest.clone() })
}

/// Who vouches for a component with this digest.
fn vouched((file, _): &Source, digest: &str, asked: &Requirement) -> Result<Option<Vouch>, Fault> {
    // What is built in comes with the host.
    let Some(file) = file else { return Ok(None) };
    // One of the two files may still be on its way.
    let refused = |why| Fault { why: format!("{}: {why}", file.display()), unfinished: true };
    let digest = Digest::from_hex(digest).map_err(refused)?;
    let verdict = asked.check(file, &digest, SystemTime::now()).map_err(refused)?;
    Ok(match verdict {
        Verdict::Signed(vouch) => Some(*vouch),
        Verdict::Unsigned(_) => None,
    })
}

fn source(config: &config::Service) -> Source {
    let file = match &config.component {
        ComponentSource::File(path) => Some(path.clone()),
        ComponentSource::EmbeddedUtilities => None,
    };
    (file, config.limits.fuel.is_some())
}

/// The bytes of a component.
///
/// # Errors
/// When the file cannot be read.
pub fn read(source: &ComponentSource) -> Result<Cow<'static, [u8]>, String> {
    match source {
        ComponentSource::EmbeddedUtilities => Ok(EMBEDDED_UTILITIES.into()),
        ComponentSource::File(path) => {
            std::fs::read(path).map(Into::into).map_err(|e| format!("{} cannot be read: {e}", path.display()))
        }
    }
}

/// With the namespace of its cluster, if the component takes one and the operator wrote no other.
fn with_namespace(manifest: &Manifest, mut config: config::Service) -> config::Service {
    let schema = serde_json::from_str::<serde_json::Value>(&manifest.config_schema).unwrap_or_default();
    let taken = schema.pointer("/properties/namespace/type").is_some_and(|kind| {
        let text = |kind: &serde_json::Value| kind == "string";
        text(kind) || kind.as_array().is_some_and(|kinds| kinds.iter().any(text))
    });
    if let (true, Some(own), Some(namespace)) = (taken, config.config.as_object_mut(), &config.namespace) {
        own.entry("namespace").or_insert_with(|| namespace.as_str().into());
    }
    config
}

/// The component's own schema first: it names the key.
fn check_config(manifest: &Manifest, config: &serde_json::Value) -> Result<(), String> {
    let schema = serde_json::from_str(&manifest.config_schema)
        .map_err(|e| format!("its config schema is not JSON: {e}"))?;
    let validator =
        jsonschema::draft202012::options().build(&schema).map_err(|e| format!("its config schema: {e}"))?;
    let faults: Vec<String> = validator
        .iter_errors(config)
        .take(4)
        .map(|e| format!("config{}: {e}", e.instance_path().to_string().replace('/', ".")))
        .collect();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(format!("{} (`bulkhead inspect` shows the schema)", faults.join("; ")))
    }
}

fn tool_gates(
    key: &str,
    limits: BTreeMap<String, CallLimits>,
    names: &[&str],
    former: Option<&Service>,
) -> Result<HashMap<Arc<str>, Gate>, String> {
    let gate = |(name, limits): (String, CallLimits)| {
        if !names.contains(&&*name) {
            return Err(format!("tools.limits: there is no tool `{name}`. {}", suggestion(&name, names)));
        }
        let former = former.and_then(|former| former.tool_gates.get(&*name));
        let gate = Gate::renewed(former, &format!("{key}.tools.limits.{name}"), limits);
        Ok((name.into(), gate))
    };
    limits.into_iter().map(gate).collect()
}

/// What the calls of each tool may send, where it says so.
fn tool_grants(
    tools: &[Arc<Tool>],
    config: &serde_json::Value,
) -> Result<HashMap<Arc<str>, Arc<ToolGrant>>, String> {
    let saying = tools.iter().filter_map(|tool| Some((tool, tool.egress.as_ref()?)));
    let grant = |(tool, egress): (&Arc<Tool>, &Vec<ToolEgress>)| {
        let grant = ToolGrant::new(egress, config).map_err(|why| format!("tool `{}`: {why}", tool.name))?;
        Ok((tool.public_name.clone(), Arc::new(grant)))
    };
    saying.map(grant).collect()
}

/// The tools as the operator wants them seen.
fn view(
    tools: Vec<Tool>,
    overrides: &Overrides,
    shapes: &BTreeMap<String, Shaping>,
) -> Result<Tools, String> {
    let names: Vec<String> = tools.iter().map(|tool| tool.public_name.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    no_two(&names)?;
    overrides.check_names(&names)?;
    if let Some(unknown) = shapes.keys().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("tools.shape: there is no tool `{unknown}`. {}", suggestion(unknown, &names)));
    }
    let seen = tools.into_iter().filter_map(|tool| tool.seen(overrides, shapes).transpose());
    let seen = seen.map(|tool| tool.map(Arc::new)).collect::<Result<Arc<[_]>, _>>()?;
    no_two(&seen.iter().map(|tool| &*tool.public_name).collect::<Vec<_>>())?;
    Ok(seen)
}

fn no_two(names: &[&str]) -> Result<(), String> {
    let mut sorted = names.to_vec();
    sorted.sort_unstable();
    let twice = sorted.windows(2).find(|pair| pair.first() == pair.last()).and_then(|pair| pair.first());
    twice.map_or(Ok(()), |twice| Err(format!("it has two tools called `{twice}`")))
}
