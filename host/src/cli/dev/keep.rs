//! Keeps what is served up to date with a project: builds it when a file of it changes, and reloads the configuration
//! when that or the component does. What cannot be built or loaded leaves what was served before.

use std::{
    collections::BTreeSet,
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use bulkhead::{
    call::Host,
    config::{Config, load::Loaded},
    live::watch::Watch,
    pin::Trust,
};
use guest_builder::Artifact;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::sources::Sources;
use crate::cli::{Failure, Options, build_host, failed, first};

/// So many changed files are named.
const NAMED: usize = 3;

/// A project that is served while it is written.
pub(super) struct Keeper {
    dir: PathBuf,
    options: Options,
    /// The configuration's file: the project's own, unless another was named.
    config: PathBuf,
    listen: SocketAddr,
    watch: Watch,
    /// What the last build was made from, whether it went well or not; none before the first.
    sources: Option<Sources>,
    /// Files outside the project that it is made from, as the crate of an SDK that lies elsewhere.
    elsewhere: BTreeSet<PathBuf>,
    /// What is wrong with the configuration, as it was last told.
    told: Option<String>,
}

impl Keeper {
    pub(super) fn new(
        dir: PathBuf,
        config: &Path,
        options: &Options,
        listen: SocketAddr,
    ) -> Result<Self, Failure> {
        let (watch, config, options) = (Watch::new().map_err(failed)?, config.to_owned(), options.clone());
        let (sources, elsewhere, told) = (None, BTreeSet::new(), None);
        Ok(Self { dir, options, config, listen, watch, sources, elsewhere, told })
    }

    /// The host, as soon as the project can be built and loaded.
    pub(super) async fn begin(&mut self) -> (Arc<Host>, Config) {
        const WAITING: &str = "nothing is served yet; waiting for a change";
        let mut built = false;
        loop {
            if self.has_changed() {
                let component = self.build().await;
                built = component.is_some();
                match component {
                    Some(file) => self.make_config(&file),
                    None => eprintln!("{WAITING}"),
                }
            }
            if built {
                match self.start().await {
                    Ok(begun) => return begun,
                    Err(message) => self.tell(format!("{message}\n{WAITING}")),
                }
            }
            self.watch.changed().await;
        }
    }

    /// Writes a configuration that says as little as possible, if the project has none.
    fn make_config(&mut self, component: &Path) {
        if self.options.config.is_some() || self.config.exists() {
            return;
        }
        let name = component.file_stem().unwrap_or_default().to_string_lossy();
        let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        let service: String = name.chars().map(letter).collect();
        let text = format!(
            "# How `bulkhead dev` serves this component. Its own config goes below `config`.\n\
             tenants:\n  dev:\n    services:\n      {service}:\n        component: ./{name}.wasm\n        config: {{}}\n"
        );
        match fs::write(&self.config, text) {
            Ok(()) => eprintln!("made {}: how the component is served here", self.config.display()),
            Err(error) => self.tell(format!("writing {}: {error}", self.config.display())),
        }
    }

    async fn start(&mut self) -> Result<(Arc<Host>, Config), String> {
        let config = self.read()?;
        let host = build_host(config.clone()).await.map_err(|failure| failure.message)?;
        Ok((host, config))
    }

    /// Keeps it up to date until `stop` fires.
    pub(super) async fn run(mut self, host: Arc<Host>, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            loop {
                let mut component = None;
                if self.has_changed() {
                    component = self.build().await;
                    if component.is_none() {
                        eprintln!("what was served before still is");
                    }
                }
                // Also while files go on changing: what changed meanwhile is an event that waits.
                self.reload(&host, component.as_deref()).await;
                self.watch.changed().await;
            }
        })
        .await;
    }

    /// Whether the project is another than what was built last. What it is made from is watched from now on.
    fn has_changed(&mut self) -> bool {
        let mut sources = Sources::of(&self.dir, &self.config, &self.elsewhere);
        if self.look_at(&sources) {
            // It may have changed before it was watched.
            sources = Sources::of(&self.dir, &self.config, &self.elsewhere);
        }
        let changed = self.sources.as_ref().map(|before| sources.changed_since(before));
        if let Some(changed) = changed.as_ref().filter(|changed| !changed.is_empty()) {
            let name = |file: &&Path| file.strip_prefix(&self.dir).unwrap_or(file).display().to_string();
            let mut names: Vec<String> = changed.iter().take(NAMED).map(name).collect();
            if changed.len() > NAMED {
                names.push(format!("{} more", changed.len() - NAMED));
            }
            eprintln!("changed: {}", names.join(", "));
        }
        let changed = changed.is_none_or(|changed| !changed.is_empty());
        self.sources = Some(sources);
        changed
    }

    /// Watches the project and what its configuration names. Whether some of that was not watched before.
    fn look_at(&mut self, sources: &Sources) -> bool {
        let mut named = self.loaded().named;
        named.files.extend(self.elsewhere.iter().cloned());
        named.read.insert(self.dir.clone());
        named.written.extend(sources.passed_over.iter().cloned());
        self.watch.look_at(&named)
    }

    /// Builds the project: the component's file, if there is a new one.
    async fn build(&mut self) -> Option<PathBuf> {
        let (started, dir) = (Instant::now(), self.dir.clone());
        let building = move || guest_builder::build(&dir, None, &|line| eprintln!("{line}"));
        let built = match spawn_blocking(building).await {
            Ok(Ok(artifact)) => {
                self.place(&artifact).map_err(|error| format!("writing the component: {error}"))
            }
            Ok(Err(error)) => Err(error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match built {
            Ok((file, size)) => {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let took = started.elapsed().as_secs_f64();
                eprintln!("built {name} ({}) in {took:.1} s", bytesize::ByteSize::b(size));
                Some(file)
            }
            Err(error) => {
                eprintln!("error: {error}");
                None
            }
        }
    }

    /// Puts a component where `bulkhead build` does, at one moment.
    fn place(&mut self, artifact: &Artifact) -> io::Result<(PathBuf, u64)> {
        let outside = |file: &&PathBuf| !file.starts_with(&self.dir);
        self.elsewhere = artifact.sources.iter().filter(outside).cloned().collect();
        let file = self.dir.join(artifact.file_name());
        let beside = self.dir.join(format!(".{}.new", artifact.file_name()));
        let size = fs::copy(&artifact.wasm, &beside)?;
        fs::rename(&beside, &file)?;
        Ok((file, size))
    }

    fn loaded(&self) -> Loaded {
        let options = Options { config: Some(self.config.clone()), ..self.options.clone() };
        options.read(Some(self.listen))
    }

    /// The configuration as it is now. A new component is not asked about: its author is who would be.
    fn read(&self) -> Result<Config, String> {
        let mut config = self.loaded().config.map_err(|error| error.to_string())?;
        config.components.trust = Trust::Folder;
        Ok(config)
    }

    /// Brings the configuration, and the component if there is a new one, into force.
    async fn reload(&mut self, host: &Host, component: Option<&Path>) {
        let reloaded = match self.read() {
            Ok(config) => host.reload(config, true, &BTreeSet::new()).await,
            Err(error) => Err(error),
        };
        let reloaded = match reloaded {
            Ok(reloaded) => reloaded,
            Err(error) => return self.tell(format!("{error}; what was served before still is")),
        };
        let mut faults = String::new();
        for fault in &reloaded.faults {
            faults.push_str(&format!(
                "{} cannot be loaded: {}; it is served as before",
                fault.service, fault.why
            ));
        }
        match faults.is_empty() {
            true => self.told = None,
            false => self.tell(faults),
        }
        let catalog = host.catalog();
        for service in reloaded.loaded.iter().filter_map(|name| {
            let (tenant, name) = name.split_once('/')?;
            catalog.service(tenant, name)
        }) {
            let tools: Vec<&str> = service.tools.iter().map(|tool| &*tool.public_name).collect();
            eprintln!("reloaded {}: {}", service.name, first(&tools));
        }
        if let Some(file) = component.filter(|_| !reloaded.changed && reloaded.faults.is_empty()) {
            let (file, config) = (file.display(), self.config.display());
            eprintln!("nothing is reloaded: {file} is as it was, or no service of {config} runs it");
        }
    }

    /// Says what is wrong with the configuration or its services, once.
    fn tell(&mut self, error: String) {
        if self.told.as_ref() != Some(&error) {
            eprintln!("error: {error}");
        }
        self.told = Some(error);
    }
}
