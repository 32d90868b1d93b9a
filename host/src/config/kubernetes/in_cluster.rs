//! The cluster whose pod the host runs in, as Kubernetes tells its pods: two environment variables and a folder with the
//! service account's token, which it renews in place.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{super::secrets::Filled, Access, Found, Login};

/// The files of a service account.
const FILES: [&str; 3] = ["token", "ca.crt", "namespace"];

pub(super) fn files(account: &Path) -> Vec<PathBuf> {
    FILES.map(|file| account.join(file)).into()
}

pub(super) fn read(account: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Access, String> {
    let variable = |name: &str| {
        environment(name).ok_or_else(|| {
            format!("in_cluster: {name} is not set, so the host does not run in a pod; name a `kubeconfig` instead")
        })
    };
    let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, variable("KUBERNETES_SERVICE_PORT")?);
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    let [token, ca, namespace] = FILES.map(|file| account.join(file));
    let refused = |path: &Path, error: &io::Error| {
        format!(
            "in_cluster: {} cannot be read: {error}; see that the pod has a service account \
             (`automountServiceAccountToken`)",
            path.display()
        )
    };
    let text = fs::read_to_string(&token).map(Zeroizing::new).map_err(|error| refused(&token, &error))?;
    let bearer = Filled::whole(&format!("in_cluster: {}", token.display()), text.trim().to_owned())?;
    let certificates = fs::read(&ca).map_err(|error| refused(&ca, &error))?;
    let namespace = match fs::read_to_string(&namespace) {
        Ok(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        // A folder of one's own may leave it out.
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(refused(&namespace, &error)),
    };
    Ok(Access {
        origin: format!("the service account in {}", account.display()),
        cluster: "in_cluster".to_owned(),
        user: "in_cluster".to_owned(),
        server: format!("https://{host}:{port}"),
        namespace,
        ca: Some(Found { name: format!("in_cluster: {}", ca.display()), text: certificates.into() }),
        unverified: false,
        server_name: None,
        own: None,
        login: Some(Login::Bearer(bearer)),
    })
}
