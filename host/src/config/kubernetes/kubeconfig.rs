//! A kubeconfig: which cluster and which user its context names, and what of them the host can use. What it cannot use
//! and would be missed (commands, proxies, impersonation) is refused; the rest that such a file may hold is passed over.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, de::IgnoredAny};
use zeroize::Zeroizing;

use super::{
    super::{load::suggestion, secrets::Filled},
    Access, Found, Login,
};

/// What to do instead of what the host refuses.
const INSTEAD: &str = "give it a service account's token instead: `kubectl create token NAME` makes one, and the host \
                       follows the file that `tokenFile` names";

/// The file. Every key may be missing, or there and empty.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct File {
    current_context: Option<String>,
    contexts: Option<Vec<Entry<Context>>>,
    clusters: Option<Vec<Entry<Cluster>>>,
    users: Option<Vec<Entry<User>>>,
}

#[derive(Deserialize)]
struct Entry<T> {
    name: String,
    #[serde(rename = "context", alias = "cluster", alias = "user")]
    value: Option<T>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Context {
    cluster: Option<String>,
    user: Option<String>,
    namespace: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Cluster {
    server: Option<String>,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<Zeroizing<String>>,
    insecure_skip_tls_verify: Option<bool>,
    tls_server_name: Option<String>,
    proxy_url: Option<String>,
}

/// Without `Debug`: it holds secrets.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct User {
    token: Option<Zeroizing<String>>,
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
    username: Option<String>,
    password: Option<Zeroizing<String>>,
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<Zeroizing<String>>,
    client_key: Option<PathBuf>,
    client_key_data: Option<Zeroizing<String>>,
    exec: Option<Exec>,
    auth_provider: Option<Provider>,
    #[serde(rename = "as")]
    impersonates: Option<IgnoredAny>,
    as_uid: Option<IgnoredAny>,
    as_groups: Option<IgnoredAny>,
    as_user_extra: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Exec {
    command: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Provider {
    name: Option<String>,
}

/// What a context names.
struct Chosen {
    context: String,
    namespace: Option<String>,
    /// `` cluster `NAME` ``.
    cluster: String,
    at: Cluster,
    /// `` user `NAME` ``.
    user: String,
    who: User,
}

/// Reads what is known of the cluster of `context`.
pub(super) fn read(path: &Path, context: Option<&str>, insecure: bool) -> Result<Access, String> {
    let Chosen { context, namespace, cluster, at, user, who } = parse(path)?.choose(context)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    let of_cluster = |why: String| format!("{cluster}: {why}");
    let of_user = |why: String| format!("{user}: {why}");
    at.check(insecure).map_err(of_cluster)?;
    who.check().map_err(of_user)?;
    let ca =
        pem(dir, &cluster, "certificate-authority", at.certificate_authority_data, at.certificate_authority)?;
    let unverified = at.insecure_skip_tls_verify == Some(true);
    if ca.is_some() && unverified {
        return Err(of_cluster(
            "has `certificate-authority` and `insecure-skip-tls-verify`; remove one of the two".to_owned(),
        ));
    }
    let server = some(at.server);
    let server = server.ok_or_else(|| of_cluster("has no `server`; name its URL".to_owned()))?;
    let login = login(dir, who.token, who.token_file, some(who.username), who.password).map_err(of_user)?;
    let certificate =
        pem(dir, &user, "client-certificate", who.client_certificate_data, who.client_certificate)?;
    let key = pem(dir, &user, "client-key", who.client_key_data, who.client_key)?;
    let own = match (certificate, key) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err(of_user("`client-certificate` and `client-key` go together".to_owned())),
    };
    Ok(Access {
        origin: format!("context `{context}` of {}", path.display()),
        cluster,
        user,
        server,
        namespace,
        ca,
        unverified,
        server_name: some(at.tls_server_name),
        own,
        login,
    })
}

/// The file and those it names. Of one that cannot be used, as far as that goes.
pub(super) fn files(path: &Path, context: Option<&str>) -> Vec<PathBuf> {
    let mut files = vec![path.to_owned()];
    if let Ok(Chosen { at, who, .. }) = parse(path).and_then(|file| file.choose(context)) {
        let dir = path.parent().unwrap_or(Path::new("."));
        let named = [at.certificate_authority, who.token_file, who.client_certificate, who.client_key];
        files.extend(named.into_iter().filter_map(given).map(|named| dir.join(named)));
    }
    files
}

fn parse(path: &Path) -> Result<File, String> {
    let text = fs::read_to_string(path).map(Zeroizing::new).map_err(|error| {
        let several = error.kind() == io::ErrorKind::NotFound && path.to_string_lossy().contains(':');
        let hint = if several {
            "; several files joined with `:` are not supported, `kubectl config view --flatten --raw` makes one of them"
        } else {
            ""
        };
        format!("cannot be read: {error}{hint}")
    })?;
    // What the parser says may quote a token.
    serde_saphyr::from_str(&text).map_err(|error| match error.location() {
        Some(at) => format!(
            "line {}, column {}: is not what a kubeconfig has there; `kubectl config view` shows what it makes of the file",
            at.line(),
            at.column()
        ),
        None => "is not a kubeconfig; `kubectl config view` shows what it makes of the file".to_owned(),
    })
}

impl File {
    /// The cluster and the user of a context.
    fn choose(self, context: Option<&str>) -> Result<Chosen, String> {
        let contexts = self.contexts.unwrap_or_default();
        let Some(context) = context.map(str::to_owned).or_else(|| some(self.current_context)) else {
            let known: Vec<&str> = contexts.iter().map(|entry| entry.name.as_str()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!(
                "has no `current-context`; choose one with `context`. Its contexts: {known}."
            ));
        };
        let names = |what: &str| format!("context `{context}` names {what}, which is not there.");
        let lacks = |kind: &str| {
            format!(
                "context `{context}` names no `{kind}`; `kubectl config set-context {context} --{kind}=NAME` adds it"
            )
        };
        let Context { cluster, user, namespace } =
            take(contexts, "contexts", &context, &format!("there is no context `{context}`."))?;
        let cluster = some(cluster).ok_or_else(|| lacks("cluster"))?;
        let user = some(user).ok_or_else(|| lacks("user"))?;
        let (cluster_shown, user_shown) = (format!("cluster `{cluster}`"), format!("user `{user}`"));
        let at = take(self.clusters.unwrap_or_default(), "clusters", &cluster, &names(&cluster_shown))?;
        let who = take(self.users.unwrap_or_default(), "users", &user, &names(&user_shown))?;
        Ok(Chosen { context, namespace: some(namespace), cluster: cluster_shown, at, user: user_shown, who })
    }
}

/// The one of that name.
fn take<T: Default>(list: Vec<Entry<T>>, kind: &str, name: &str, missing: &str) -> Result<T, String> {
    let known: Vec<String> = list.iter().map(|entry| entry.name.clone()).collect();
    let mut found = list.into_iter().filter(|entry| entry.name == name);
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only.value.unwrap_or_default()),
        (Some(_), Some(_)) => Err(format!("two {kind} are called `{name}`; rename one")),
        (None, _) => {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            Err(format!("{missing} {}", suggestion(name, &known)))
        }
    }
}

impl Cluster {
    fn check(&self, insecure: bool) -> Result<(), String> {
        if self.proxy_url.as_ref().is_some_and(|url| !url.is_empty()) {
            return Err("is reached through a proxy (`proxy-url`), and the host uses none; name a `server` that it reaches \
                        by itself"
                .to_owned());
        }
        match (self.insecure_skip_tls_verify == Some(true), insecure) {
            (true, false) => Err("has `insecure-skip-tls-verify: true`, so anybody on the way could take the credential; \
                                  name its CA (`certificate-authority`), or write `insecure_skip_tls_verify: true` beside \
                                  `kubeconfig`"
                .to_owned()),
            (false, true) => Err("does not have `insecure-skip-tls-verify: true`, so the service's \
                                  `insecure_skip_tls_verify` has no effect; remove it"
                .to_owned()),
            _ => Ok(()),
        }
    }
}

impl User {
    fn check(&self) -> Result<(), String> {
        if let Some(exec) = &self.exec {
            let command = exec.command.as_deref().unwrap_or_default();
            return Err(format!(
                "gets its credential from a command (`exec`: `{command}`), and the host runs none; {INSTEAD}"
            ));
        }
        if let Some(provider) = &self.auth_provider {
            let name = provider.name.as_deref().unwrap_or_default();
            return Err(format!(
                "gets its credential from an `auth-provider` (`{name}`), and the host has none; {INSTEAD}"
            ));
        }
        if [&self.impersonates, &self.as_uid, &self.as_groups, &self.as_user_extra]
            .iter()
            .any(|one| one.is_some())
        {
            return Err("acts as somebody else (`as`, `as-uid`, `as-groups`, `as-user-extra`), which the host does not do; \
                        use a user that may do what is needed, and no more"
                .to_owned());
        }
        Ok(())
    }
}

/// Who the user is, if not by a certificate. A file goes before a text, as everywhere in Kubernetes.
fn login(
    dir: &Path,
    token: Option<Zeroizing<String>>,
    file: Option<PathBuf>,
    username: Option<String>,
    password: Option<Zeroizing<String>>,
) -> Result<Option<Login>, String> {
    let token = match given(file) {
        Some(file) => {
            let path = dir.join(file);
            let text = fs::read_to_string(&path).map(Zeroizing::new);
            let text = text.map_err(|e| format!("tokenFile: {} cannot be read: {e}", path.display()))?;
            Some(Filled::whole(&format!("tokenFile: {}", path.display()), text.trim().to_owned())?)
        }
        None => {
            let token = token.filter(|token| !token.is_empty());
            token.map(|token| Filled::whole("token", token.trim().to_owned())).transpose()?
        }
    };
    let password = password.filter(|password| !password.is_empty());
    match (token, username, password) {
        (Some(token), None, None) => Ok(Some(Login::Bearer(token))),
        (None, Some(username), Some(password)) => {
            let username = Filled::plain(username);
            Ok(Some(Login::Basic { username, password: Filled::whole("password", password.to_string())? }))
        }
        (None, None, None) => Ok(None),
        (Some(_), ..) => {
            Err("has a token and a `username` or `password`; a request carries one of them".to_owned())
        }
        (None, ..) => Err("`username` and `password` go together".to_owned()),
    }
}

/// PEM from the file itself, which goes first, or from another. `whose` it is, for errors.
fn pem(
    dir: &Path,
    whose: &str,
    key: &str,
    data: Option<Zeroizing<String>>,
    file: Option<PathBuf>,
) -> Result<Option<Found>, String> {
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let name = format!("{whose}: {key}-data");
        let bare: Zeroizing<Vec<u8>> =
            data.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<_>>().into();
        let text = BASE64_STANDARD
            .decode(&*bare)
            .map_err(|_| format!("{name} is not base64; write what `base64 -w0 FILE` prints"))?;
        return Ok(Some(Found { name, text: text.into() }));
    }
    let found = given(file).map(|file| {
        let path = dir.join(file);
        let name = format!("{whose}: {key}");
        let text = fs::read(&path).map_err(|e| format!("{name}: {} cannot be read: {e}", path.display()))?;
        Ok(Found { name, text: text.into() })
    });
    found.transpose()
}

/// A text, if it is there; empty ones count as missing.
fn some(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The same of a path.
fn given(path: Option<PathBuf>) -> Option<PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty())
}
