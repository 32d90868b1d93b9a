//! Where a component came from, and who vouches for it: what `inspect` and `install` show.

use std::{path::Path, sync::Arc, time::SystemTime};

use bulkhead::{
    config::{ComponentSource, Config, Service},
    pin::{Installed, plain},
};
use bulkhead_registry::{
    digest::Digest,
    signers::{Requirement, Verdict, Vouch, time},
};
use serde_json::{Value, json};

/// Services that are made of a file, each with its tenant.
pub(super) fn users<'a>(config: &'a Config, file: &'a Path) -> impl Iterator<Item = (&'a str, &'a Service)> {
    let whole = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let same = move |service: &&Service| match &service.component {
        ComponentSource::File(path) => whole(path) == whole(file),
        ComponentSource::EmbeddedUtilities => false,
    };
    config.tenants.iter().flat_map(move |tenant| {
        tenant.services.iter().filter(same).map(move |service| (tenant.name.as_str(), service))
    })
}

/// What is asked of a file: by the services made of it, or else of all components.
pub(super) fn requirements(config: &Config, file: &Path) -> Vec<Arc<Requirement>> {
    let own: Vec<_> = users(config, file).map(|(_, service)| service.signatures.clone()).collect();
    if own.is_empty() { vec![config.signatures.clone()] } else { own }
}

/// Where a component came from, and who vouches for it, or why nobody does.
pub(super) struct Provenance {
    pub(super) installed: Option<Installed>,
    pub(super) vouch: Result<Vouch, String>,
}

impl Provenance {
    /// Of a file with this digest.
    pub(super) fn of(
        asked: &Requirement,
        file: &Path,
        component: &Digest,
        installed: Option<Installed>,
    ) -> Self {
        let strict = Requirement { required: true, ..asked.clone() };
        let vouch = match strict.check(file, component, SystemTime::now()) {
            Ok(Verdict::Signed(vouch)) => Ok(*vouch),
            Ok(Verdict::Unsigned(why)) | Err(why) => Err(why),
        };
        Self { installed: installed.filter(|installed| installed.component == *component), vouch }
    }

    pub(super) fn show(&self) {
        if let Some(Installed { reference, artifact, .. }) = &self.installed {
            out!("from     {}@{artifact}", plain(reference));
        }
        match &self.vouch {
            Ok(vouch) => out!("signed   {}", words(vouch)),
            Err(why) => out!("unsigned {}", plain(why)),
        }
    }

    pub(super) fn data(&self) -> Value {
        let vouch = self.vouch.as_ref().ok();
        json!({
            "reference": self.installed.as_ref().map(|installed| &installed.reference),
            "artifact": self.installed.as_ref().map(|installed| &installed.artifact),
            "signer": vouch.map(|vouch| &vouch.signer),
            "signedAs": vouch.map(|vouch| &vouch.name),
            "signedAt": vouch.and_then(|vouch| vouch.signed).map(time),
            "key": vouch.map(|vouch| &vouch.key),
            "unsigned": self.vouch.as_ref().err(),
        })
    }
}

/// Who vouches, for what, since when.
pub(super) fn words(vouch: &Vouch) -> String {
    let Vouch { signer, name, signed, .. } = vouch;
    let when = signed.map(|at| format!(", on {}", time(at))).unwrap_or_default();
    format!("by {signer}, as {}{when}", plain(name))
}
