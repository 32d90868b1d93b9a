//! The files a configuration is read from, whether it can be used or not: those whose change may mend or change it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use bulkhead_registry::bundle;

use super::raw::{self, SecretSource};

/// Files and folders whose change changes a configuration. What is not there yet counts too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Files.
    pub files: BTreeSet<PathBuf>,
    /// The folder whose `.wasm` files come and go, if they are served without being named.
    pub folder: Option<PathBuf>,
    /// Folders that services may only read: what they offer may come from there.
    pub read: BTreeSet<PathBuf>,
    /// Folders that services may write to. What happens in one is no news of the folder around it.
    pub written: BTreeSet<PathBuf>,
}

/// What a file names, in a folder `base`. Certificates of the listener are looked after by the listener itself.
#[must_use]
pub fn named(file: &raw::File, base: &Path) -> Named {
    let dir = components_dir(file, base);
    // Written by `bulkhead approve`, and by hosts.
    let mut files = BTreeSet::from([lock(file, base)]);
    let (mut read, mut written) = (BTreeSet::new(), BTreeSet::new());
    let secrets = |sources: &BTreeMap<String, SecretSource>| -> Vec<PathBuf> {
        sources.values().filter_map(|source| source.file.as_ref()).map(|path| base.join(path)).collect()
    };
    files.extend(secrets(&file.secrets));
    files.extend(file.signatures.files(base));
    for issuer in file.auth.iter().flat_map(|auth| &auth.jwt) {
        files.extend(issuer.network.ca.iter().map(|ca| base.join(ca)));
    }
    for tenant in file.tenants.values() {
        files.extend(secrets(&tenant.secrets));
        for (name, service) in &tenant.services {
            let service = file.defaults.complete(name, service.clone());
            let component = component(service.component.as_deref().unwrap_or(name), &dir, base);
            files.insert(bundle::beside(&component));
            files.insert(component);
            files.extend(service.kubernetes.files(base));
            for folder in service.files {
                let kind = if folder.write { &mut written } else { &mut read };
                kind.insert(base.join(folder.path));
            }
            let tls = service.network.tls.into_iter();
            let tls = tls.flat_map(|tls| [tls.ca, tls.client_certificate, tls.client_key]);
            files.extend(tls.flatten().map(|path| base.join(path)));
        }
    }
    Named { files, folder: serves_dropped(file).then_some(dir), read, written }
}

/// The folder of components.
#[must_use]
pub fn components_dir(file: &raw::File, base: &Path) -> PathBuf {
    base.join(file.components.dir.as_deref().unwrap_or(Path::new("components")))
}

/// The file with what is pinned.
#[must_use]
pub fn lock(file: &raw::File, base: &Path) -> PathBuf {
    base.join(file.components.lock.as_deref().unwrap_or(Path::new("bulkhead.lock")))
}

/// Whether components are served that only lie in the folder.
#[must_use]
pub fn serves_dropped(file: &raw::File) -> bool {
    file.components.serve.unwrap_or(file.tenants.is_empty())
}

/// Where the component called `text` is: a file if it looks like one, otherwise a name in the folder.
#[must_use]
pub fn component(text: &str, dir: &Path, base: &Path) -> PathBuf {
    if text.ends_with(".wasm") || text.contains('/') {
        base.join(text)
    } else {
        dir.join(format!("{text}.wasm"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::parse;

    #[test]
    fn every_file_a_config_names_is_listed() {
        let text = "
secrets: { a: { file: /run/a }, b: { env: B } }
signatures: { signers: { acme: { key: acme.pub } } }
auth: { jwt: [{ id: i, issuer: 'https://i', audience: [x], tenant: t, network: { ca: i.pem } }] }
defaults: { services: { y: { component: other } } }
tenants:
  t:
    secrets: { c: { file: c } }
    services:
      x: { network: { tls: [{ for: 'https://h', ca: ca.pem, client_certificate: c.pem, client_key: k.pem }] } }
      y: {}
      k: { kubernetes: { kubeconfig: kc } }
      z: { component: sub/z.wasm, files: [{ path: r, at: /r }, { path: w, at: /w, write: true }] }
";
        let named = named(&parse(text).unwrap(), Path::new("/c"));
        let files: Vec<_> = named.files.iter().map(|path| path.to_str().unwrap()).collect();
        let expected = [
            "/c/acme.pub",
            "/c/bulkhead.lock",
            "/c/c",
            "/c/c.pem",
            "/c/ca.pem",
            "/c/components/k.wasm",
            "/c/components/k.wasm.sig.json",
            "/c/components/other.wasm",
            "/c/components/other.wasm.sig.json",
            "/c/components/x.wasm",
            "/c/components/x.wasm.sig.json",
            "/c/i.pem",
            "/c/k.pem",
            "/c/kc",
            "/c/sub/z.wasm",
            "/c/sub/z.wasm.sig.json",
            "/run/a",
        ];
        assert_eq!(files, expected);
        assert_eq!(named.folder, None);
        let (read, written) = ([PathBuf::from("/c/r")].into(), [PathBuf::from("/c/w")].into());
        assert_eq!((named.read, named.written), (read, written));
        let bare = super::named(&parse("components: { dir: d }").unwrap(), Path::new("/c"));
        assert_eq!(bare.folder.unwrap(), Path::new("/c/d"));
    }
}
