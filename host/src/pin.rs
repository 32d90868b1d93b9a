//! Pins: what the operator agreed to run. The lock file has, for each service, the digest of its component, the
//! requests it asks for, and how it describes its tools to models. A component that was exchanged for another one
//! and now asks for more, or says something else, is not served until the operator approves it.
//!
//! What is seen for the first time is pinned as it is: the operator has just configured it. So is what follows from
//! the operator's own change of a service's config.

mod difference;
mod installed;
mod lock;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub use difference::{Difference, Exchanged, plain};
pub use installed::Installed;
pub use lock::LockError;

use crate::{catalog::tool::Declared, grant::tool::ToolEgress, sandbox::Manifest};

/// Whether an exchanged component is served at once.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// When it asks for no more than before and describes its tools as before; else it waits for
    /// `bulkhead approve SERVICE`.
    #[default]
    Pinned,
    /// Always: whoever may write to the components folder is trusted.
    Folder,
}

/// What is pinned of a service. Equal parts of several services are one.
#[derive(Clone, Debug, PartialEq)]
pub struct Pin {
    /// SHA-256 of the component, in hexadecimal.
    pub digest: String,
    /// SHA-256 of the config it was asked with. Its tools may depend on it.
    pub config: String,
    /// `GET https://api.example.com/v1/**`, sorted: each method of each request it asks for.
    pub egress: Arc<[String]>,
    /// What models are told of its tools.
    pub tools: Arc<Definitions>,
}

/// Tools as models see them.
#[derive(Debug, PartialEq)]
pub struct Definitions {
    /// SHA-256 of `tools` as JSON.
    pub sha256: String,
    /// By name.
    pub tools: BTreeMap<String, Value>,
}

impl Definitions {
    fn new(declared: &[Declared]) -> Self {
        let tools: BTreeMap<_, _> =
            declared.iter().map(|tool| (tool.name.clone(), definition(tool))).collect();
        Self { sha256: sha256(&json!(tools).to_string()), tools }
    }
}

/// A tool as a model sees it. A schema that is no JSON is refused elsewhere.
fn definition(tool: &Declared) -> Value {
    let parsed = |text: &String| serde_json::from_str(text).unwrap_or(Value::String(text.clone()));
    let annotations = tool.annotations;
    let mut meta = tool.meta.as_ref().map(parsed);
    let egress = meta.as_mut().and_then(Value::as_object_mut).map(ToolEgress::take);
    let mut definition = json!({
        "title": tool.title, "description": tool.description, "tags": tool.tags,
        "inputSchema": parsed(&tool.input_schema), "outputSchema": tool.output_schema.as_ref().map(parsed),
        "annotations": {
            "readOnly": annotations.read_only, "destructive": annotations.destructive,
            "idempotent": annotations.idempotent, "openWorld": annotations.open_world,
        },
        "meta": meta.filter(|meta| !matches!(egress, Some(Ok(Some(_)))) || *meta != json!({})),
    });
    // A tool that says nothing of it is pinned as it was before there was such a thing.
    if let (Some(Ok(Some(egress))), Some(definition)) = (egress, definition.as_object_mut()) {
        definition.insert(difference::EGRESS.to_owned(), requests(&egress).into());
    }
    definition
}

/// What the calls of a tool send: `GET https://api.example.com/v1/pets`, sorted.
fn requests(egress: &[ToolEgress]) -> Vec<String> {
    let each = egress.iter();
    sorted(each.flat_map(|asked| asked.methods.iter().map(|method| format!("{method} {}", asked.url))))
}

fn egress(manifest: &Manifest) -> Vec<String> {
    let each = manifest.egress.iter();
    sorted(each.flat_map(|asked| asked.methods.iter().map(|method| format!("{method} {}", asked.url))))
}

fn sorted(requests: impl Iterator<Item = String>) -> Vec<String> {
    let mut requests: Vec<String> = requests.collect();
    requests.sort_unstable();
    requests.dedup();
    requests
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The pins of all services: those of the lock file, and those of this moment.
#[derive(Debug, Default)]
pub struct Pins {
    lock: Option<PathBuf>,
    trust: Trust,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Those of the lock file.
    known: Locked,
    /// Those that may be served as they are, since the file was written.
    seen: BTreeMap<String, Pin>,
    /// Of those, the ones whose file is not what was installed into it.
    exchanged: BTreeMap<String, Exchanged>,
    /// Equal parts.
    egress: HashSet<Arc<[String]>>,
    definitions: HashMap<Arc<[Declared]>, Arc<Definitions>>,
}

impl State {
    fn pin(&mut self, now: &Now<'_>) -> Pin {
        let asked: Arc<[String]> = egress(now.manifest).into();
        let asked = self.egress.get(&asked).cloned().unwrap_or_else(|| {
            self.egress.insert(asked.clone());
            asked
        });
        let tools = self.definitions.entry(now.tools.clone());
        let tools = tools.or_insert_with(|| Definitions::new(now.tools).into()).clone();
        Pin { digest: now.digest.to_owned(), config: sha256(now.config), egress: asked, tools }
    }
}

/// A service as it is now.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// The component's file.
    pub file: &'a Path,
    /// SHA-256 of its component, in hexadecimal.
    pub digest: &'a str,
    /// What the component says of itself.
    pub manifest: &'a Manifest,
    /// Its config, as JSON.
    pub config: &'a str,
    /// The tools it has with that.
    pub tools: &'a Arc<[Declared]>,
}

/// What is in the lock file.
#[derive(Clone, Debug, Default, PartialEq)]
struct Locked {
    /// Pins by the name of their service.
    services: BTreeMap<String, Pin>,
    /// What was installed, by the name of its file. While one is exchanged, there are two.
    installed: BTreeMap<String, Vec<Installed>>,
}

/// The name of a service in the lock file.
#[must_use]
pub fn key(tenant: &str, service: &str) -> String {
    format!("{tenant}/{service}")
}

impl Pins {
    /// No lock file: everything is served.
    #[must_use]
    pub fn none() -> Self {
        Self { trust: Trust::Folder, ..Self::default() }
    }

    /// The pins in `lock`; there are none if there is no such file.
    ///
    /// # Errors
    /// When it cannot be read or understood.
    pub fn read(lock: &Path, trust: Trust) -> Result<Self, LockError> {
        let state = Mutex::new(State { known: lock::read(lock)?, ..State::default() });
        Ok(Self { lock: Some(lock.to_owned()), trust, state })
    }

    /// Reads the lock file again: `bulkhead approve` may have written it.
    ///
    /// # Errors
    /// When it cannot be read or understood; then the pins are as they were.
    pub fn refresh(&self) -> Result<(), LockError> {
        let Some(path) = &self.lock else { return Ok(()) };
        let known = lock::read(path)?;
        self.state().known = known;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a service may be served as it is now.
    ///
    /// # Errors
    /// What is different, if it has to be approved.
    pub fn check(&self, key: &str, now: &Now<'_>) -> Result<(), Box<Difference>> {
        let Some(lock) = &self.lock else { return Ok(()) };
        let file = installed::name(lock, now.file);
        let state = &mut *self.state();
        let pin = state.pin(now);
        let known = state.known.services.get(key);
        let exchanged =
            state.known.installed.get(&file).and_then(|each| Exchanged::by(file, each, now.digest));
        if self.trust == Trust::Pinned {
            let known = known.filter(|known| !own_doing(known, &pin));
            let difference = known.map(|known| Difference::between(known, &pin)).unwrap_or_default();
            let difference = Difference { exchanged: exchanged.clone(), ..difference };
            if !difference.is_none() {
                return Err(difference.into());
            }
        }
        if known != Some(&pin) || exchanged.is_some() {
            state.seen.insert(key.to_owned(), pin);
        }
        if let Some(exchanged) = exchanged {
            state.exchanged.insert(key.to_owned(), exchanged);
        }
        Ok(())
    }

    /// What is different between the lock file and a service that was checked, and the digests of both.
    #[must_use]
    pub fn change(&self, key: &str) -> Option<Approval> {
        let state = self.state();
        let (now, before) = (state.seen.get(key)?, state.known.services.get(key));
        let difference = before.map(|before| Difference::between(before, now)).unwrap_or_default();
        let exchanged = state.exchanged.get(key).cloned();
        Some(Approval {
            before: before.map(|before| before.digest.clone()),
            now: now.digest.clone(),
            difference: Difference { exchanged, ..difference },
        })
    }

    /// Writes those that were checked, if the lock file has others; the pins of all other services stay. With `only`,
    /// that of one service.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn save(&self, only: Option<&str>) -> Result<(), LockError> {
        let Some(path) = &self.lock else { return Ok(()) };
        let state = &mut *self.state();
        // Equal parts are shared by what was loaded together; kept for longer they would pile up with every listing that differs.
        (state.egress, state.definitions) = <(HashSet<_>, HashMap<_, _>)>::default();
        let (seen, exchanged) = (std::mem::take(&mut state.seen), std::mem::take(&mut state.exchanged));
        let seen = seen.into_iter().filter(|(key, _)| only.is_none_or(|only| key == only));
        let seen: Vec<_> = seen.collect();
        if seen.is_empty() {
            return Ok(());
        }
        // Another process may have written since.
        let _alone = lock::alone(path)?;
        let mut pins = lock::read(path)?;
        // What the operator agreed to is not what was installed any more.
        let exchanged = seen.iter().filter_map(|(key, pin)| Some((exchanged.get(key)?, pin)));
        for (Exchanged { file, .. }, pin) in exchanged {
            let others = |each: &Vec<Installed>| each.iter().all(|one| one.component.hex() != pin.digest);
            pins.installed.retain(|name, each| name != file || !others(each));
        }
        pins.services.extend(seen);
        lock::write(path, &pins)?;
        state.known = pins;
        Ok(())
    }
}

/// What an operator approves of a service.
#[derive(Clone, Debug, PartialEq)]
pub struct Approval {
    /// Digest of the component in the lock file; none if the service is not in it.
    pub before: Option<String>,
    /// Digest of the component as it is now.
    pub now: String,
    /// What else is different.
    pub difference: Difference,
}

/// The component is the same, and its operator configured it anew.
fn own_doing(known: &Pin, now: &Pin) -> bool {
    known.digest == now.digest && known.config != now.config
}

#[cfg(test)]
mod tests;
