//! Configurations of hosts with callers and tenants.

use std::path::Path;

use bulkhead::auth::key;

use super::component;

/// An `auth` section with an API key for each of these callers (id, tenant, further keys of it as flow YAML), and
/// the keys.
pub(crate) fn callers<const N: usize>(callers: [(&str, &str, &str); N]) -> (String, [String; N]) {
    let keys = callers.map(|_| key::generate().unwrap());
    let entries = callers.iter().zip(&keys).map(|((id, tenant, rest), key)| {
        format!("{{ id: {id}, tenant: {tenant}, sha256: '{}', {rest} }}", key::fingerprint(key))
    });
    let section = format!("auth: {{ api_keys: [{}] }}\n", entries.collect::<Vec<_>>().join(", "));
    (section, keys.map(|key| key.expose().to_owned()))
}

/// A service `name` of the `shop` guest, whose sign says `sign`; `rest` are further keys of it.
pub(crate) fn shop(name: &str, sign: &str, url: Option<&str>, rest: &str) -> String {
    let url = url.map(|url| format!(", url: '{url}'")).unwrap_or_default();
    let file = component("shop");
    format!("{name}: {{ component: '{}', config: {{ sign: '{sign}'{url} }}, {rest} }}", file.display())
}

/// An `audit` section with its log below a folder.
pub(crate) fn audit(dir: &Path) -> String {
    format!("audit: {{ dir: '{}' }}\n", dir.join("audit").display())
}
