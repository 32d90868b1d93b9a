//! The Kubernetes cluster of a service: from a kubeconfig, or from the pod that the host runs in, to a URL, a credential
//! and a CA. They are what the same lines under `config`, `credentials` and `network.tls` would be; the component sees the
//! URL and the namespace.

mod in_cluster;
mod kubeconfig;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use url::Host;
use zeroize::Zeroizing;

use super::{Network, secrets::Filled};
use crate::egress::{
    credential::{Audience, Credential},
    target::Target,
    tls::{Pem, TlsIdentity, Trust},
};

/// Where a pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Where a service's cluster is described: `kubeconfig`, or `in_cluster`. The host makes `config.url`, `config.namespace`
/// (if the component takes one), the credential and the CA of it, and follows its files.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Kubernetes {
    /// A kubeconfig, relative to this file; its own paths are relative to it. Commands that it names (`exec`) are not run.
    pub kubeconfig: Option<PathBuf>,
    /// The context in it; its `current-context` unless given.
    pub context: Option<String>,
    /// Whether it is the cluster whose pod the host runs in, with the pod's service account.
    pub in_cluster: Option<bool>,
    /// With `in_cluster`, the folder with `token`, `ca.crt` and `namespace`; where Kubernetes puts it unless given.
    pub service_account: Option<PathBuf>,
    /// Whether a kubeconfig with `insecure-skip-tls-verify: true` is accepted: then anybody on the way to the cluster can
    /// pass for it and take the credential.
    pub insecure_skip_tls_verify: Option<bool>,
}

/// How the host says who it is.
enum Login {
    Bearer(Filled),
    Basic { username: Filled, password: Filled },
}

/// PEM that was read somewhere.
struct Found {
    /// What it is called there.
    name: String,
    text: Zeroizing<Vec<u8>>,
}

impl Found {
    fn pem(&self) -> Pem<'_> {
        Pem { name: &self.name, text: &self.text }
    }
}

/// What is known of a cluster, and of who the host is there.
struct Access {
    /// Where that was found, for people.
    origin: String,
    /// The cluster and the user, as errors call them.
    cluster: String,
    user: String,
    server: String,
    namespace: Option<String>,
    ca: Option<Found>,
    /// Whether whoever answers is the cluster.
    unverified: bool,
    server_name: Option<String>,
    /// The host's certificate and its key.
    own: Option<(Found, Found)>,
    login: Option<Login>,
}

/// A cluster, for one service.
#[derive(Debug)]
pub(super) struct Cluster {
    server: Target,
    namespace: Option<String>,
    credential: Option<Credential>,
    tls: Option<TlsIdentity>,
}

impl Kubernetes {
    /// Reads what is known of the cluster, if the service has one. Relative paths start at `base`.
    ///
    /// # Errors
    /// Says what is wrong with which file, and what to write instead.
    pub(super) fn resolve(self, base: &Path) -> Result<Option<Cluster>, String> {
        let no_effect = |key: &str, without: &str| format!("{key}: has no effect without `{without}`");
        let in_cluster = self.in_cluster == Some(true);
        if self.service_account.is_some() && !in_cluster {
            return Err(no_effect("service_account", "in_cluster: true"));
        }
        let Some(path) = &self.kubeconfig else {
            if self.context.is_some() {
                return Err(no_effect("context", "kubeconfig"));
            }
            if self.insecure_skip_tls_verify == Some(true) {
                return Err(no_effect("insecure_skip_tls_verify", "kubeconfig"));
            }
            if !in_cluster {
                return Ok(None);
            }
            return in_cluster::read(&self.account(base), &environment).and_then(Cluster::new).map(Some);
        };
        if in_cluster {
            return Err("`kubeconfig` and `in_cluster` are two clusters; remove one of the two".to_owned());
        }
        let path = base.join(path);
        let insecure = self.insecure_skip_tls_verify == Some(true);
        let access = kubeconfig::read(&path, self.context.as_deref(), insecure);
        access.and_then(Cluster::new).map(Some).map_err(|why| format!("{}: {why}", path.display()))
    }

    /// The files it is read from, as far as that can be known.
    pub(super) fn files(&self, base: &Path) -> Vec<PathBuf> {
        match &self.kubeconfig {
            Some(path) => kubeconfig::files(&base.join(path), self.context.as_deref()),
            None if self.in_cluster == Some(true) => in_cluster::files(&self.account(base)),
            None => Vec::new(),
        }
    }

    fn account(&self, base: &Path) -> PathBuf {
        base.join(self.service_account.as_deref().unwrap_or(Path::new(SERVICE_ACCOUNT)))
    }
}

impl Cluster {
    fn new(access: Access) -> Result<Self, String> {
        let Access { origin, cluster, user, server, namespace, ca, unverified, server_name, own, login } =
            access;
        let text = server.trim().trim_end_matches('/');
        let parsed = Target::parse(text).ok().filter(|target| target.url().query().is_none());
        let server = parsed.ok_or_else(|| {
            format!("{cluster}: server: `{server}` is not the URL of a cluster; write it like https://10.0.0.1:6443")
        })?;
        let audience = Audience::from(&server);
        if !audience.is_https() && (login.is_some() || own.is_some()) {
            return Err(format!(
                "{cluster}: server: {audience} is not https, and a credential could be read on the way; write https://…"
            ));
        }
        let origin: Arc<str> = origin.into();
        let trust = match &ca {
            Some(ca) => Trust::Only(ca.pem()),
            None if unverified => Trust::Anybody,
            None => Trust::System,
        };
        let special = ca.is_some() || unverified || own.is_some() || server_name.is_some();
        let tls = (audience.is_https() && special).then(|| {
            let own = own.as_ref().map(|(certificate, key)| (certificate.pem(), key.pem()));
            let identity = TlsIdentity::new(audience.clone(), trust, own)?.found_in(origin.clone());
            match server_name {
                Some(name) => {
                    identity.expecting(&name).map_err(|why| format!("{cluster}: tls-server-name: {why}"))
                }
                None => Ok(identity),
            }
        });
        let credential = login.map(|login| match login {
            Login::Bearer(token) => Credential::bearer(audience.clone(), &token),
            Login::Basic { username, password } => Credential::basic(audience.clone(), &username, &password),
        });
        let credential = credential.transpose().map_err(|why| format!("{user}: {why}"))?;
        let credential = credential.map(|credential| credential.found_in(origin));
        Ok(Self { server, namespace, credential, tls: tls.transpose()? })
    }

    /// Puts it where the lines of an operator would be, and returns the namespace for a component that takes one.
    ///
    /// # Errors
    /// When the operator wrote something else there: the key, and what to do.
    pub(super) fn settle(
        self,
        config: &mut Map<String, Value>,
        credentials: &mut Vec<Credential>,
        network: &mut Network,
    ) -> Result<Option<String>, (String, String)> {
        let audience = Audience::from(&self.server);
        match config.get("url") {
            None => {
                let url = self.server.url().as_str().trim_end_matches('/');
                config.insert("url".to_owned(), url.into());
            }
            Some(url) => {
                let shown = url.as_str().map_or_else(|| url.to_string(), str::to_owned);
                let target = Target::parse(&shown).ok();
                if target.is_none_or(|target| Audience::from(&target) != audience) {
                    return Err((
                        "config.url".to_owned(),
                        format!(
                            "`{shown}` is not at {audience}, the cluster's server, where alone its credential goes; leave it out"
                        ),
                    ));
                }
            }
        }
        if let Some(credential) = self.credential {
            let clash = |own: &Credential| own.authorizes() && *own.audience() == audience;
            if let Some(at) = credentials.iter().position(clash) {
                let why =
                    format!("{audience} gets the credential that `kubernetes` finds; remove one of the two");
                return Err((format!("credentials[{at}]"), why));
            }
            credentials.push(credential);
        }
        if let Some(tls) = self.tls {
            if let Some(at) = network.tls.iter().position(|own| *own.audience() == audience) {
                let why = format!("{audience} gets the TLS that `kubernetes` finds; remove one of the two");
                return Err((format!("network.tls[{at}]"), why));
            }
            network.tls.push(tls);
        }
        // Whoever wrote the kubeconfig meant this server, and most are in a private network.
        if let Host::Domain(name) = self.server.host() {
            network.internal_names.push(name.clone());
        }
        Ok(self.namespace)
    }
}

fn environment(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "this is config")]
    let value = std::env::var(name);
    value.ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests;
