//! Debian's registry on a free port, with a user and a password; and a desk: a folder from where somebody pushes to it
//! and installs from it.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::support::{Identity, Server, component, replace};

pub(super) const USER: &str = "ops";
pub(super) const PASSWORD: &str = "open sesame";
/// `htpasswd -nbBC 4 ops "open sesame"`
const HTPASSWD: &str = "ops:$2y$04$WoFglW7maCZjLC4n1JEe7ORMD5jg5BiyCBnKO8Bn7of2DturBueXO\n";

/// The password of the keys that sign.
const KEY_PASSWORD: &str = "key sesame";

/// A real registry, until it is dropped.
pub(crate) struct Registry {
    child: Child,
    data: tempfile::TempDir,
    pub(crate) address: String,
}

impl Registry {
    pub(crate) fn start() -> Self {
        Self::start_as(None)
    }

    /// One that speaks TLS, and says it is this.
    pub(super) fn with_tls(identity: &Identity) -> Self {
        Self::start_as(Some(identity))
    }

    fn start_as(identity: Option<&Identity>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let path = |name: &str| data.path().join(name).display().to_string();
        fs::write(path("htpasswd"), HTPASSWD).unwrap();
        let mut http = json!({ "addr": "127.0.0.1:0" });
        if let Some(identity) = identity {
            fs::write(path("certificate.pem"), identity.certificate_pem()).unwrap();
            fs::write(path("key.pem"), identity.key_pem()).unwrap();
            http["tls"] = json!({ "certificate": path("certificate.pem"), "key": path("key.pem") });
        }
        let config = json!({
            "version": "0.1",
            "log": { "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": path("data") } },
            "http": http,
            "auth": { "htpasswd": { "realm": "test", "path": path("htpasswd") } },
        });
        fs::write(path("config.json"), config.to_string()).unwrap();
        let mut child = Command::new("docker-registry")
            .args(["serve", &path("config.json")])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("docker-registry is missing; on Debian: apt-get install -y docker-registry");
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let listening =
            |line: String| Some(line.split_once("listening on ")?.1.split(['"', ',']).next()?.to_owned());
        let address = lines.find_map(listening).expect("the registry has ended");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, data, address }
    }

    /// A name in it.
    pub(super) fn at(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// The file of a blob or a manifest.
    pub(super) fn blob(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").unwrap();
        self.data.path().join("data/docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Leaves the credentials for a registry in a folder, as `docker login` does.
pub(crate) fn log_in(folder: &Path, registry: &str) {
    logged_in(folder, registry, PASSWORD);
}

fn logged_in(folder: &Path, registry: &str, password: &str) {
    let auth = BASE64_STANDARD.encode(format!("{USER}:{password}"));
    let config = json!({ "auths": { registry: { "auth": auth } } });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
}

/// A folder with a configuration, credentials and keys.
pub(super) struct Desk(tempfile::TempDir);

impl Desk {
    /// Somebody who is logged in, with the keys `acme` and `other`.
    pub(super) fn new(registry: &Registry) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::create_dir(desk.path("docker")).unwrap();
        desk.log_in(&registry.address, PASSWORD);
        for key in ["acme", "other"] {
            assert!(desk.run(&["key", "signing", "--out", key]).status.success());
        }
        desk.put("calc.wasm", &adder());
        desk.configure("", "");
        desk
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(super) fn log_in(&self, registry: &str, password: &str) {
        logged_in(&self.path("docker"), registry, password);
    }

    pub(super) fn put(&self, name: &str, bytes: &[u8]) {
        replace(&self.path(name), bytes);
    }

    /// What is in the configuration beside the utilities: `signatures`, and services.
    pub(super) fn configure(&self, signatures: &str, services: &str) {
        let text = format!(
            "signatures: {{ {signatures} }}\ntenants: {{ acme: {{ services: {{ utilities: {{}}, {services} }} }} }}\n"
        );
        self.put("bulkhead.yaml", text.as_bytes());
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bulkhead"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("DOCKER_CONFIG", self.path("docker")).env("COSIGN_PASSWORD", KEY_PASSWORD);
        command.env_remove("BULKHEAD_CONFIG").env_remove("BULKHEAD_LOG");
        command
    }

    pub(super) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command with the configuration, which must succeed; what it says.
    #[track_caller]
    pub(super) fn ok(&self, args: &[&str]) -> String {
        let output = self.run(&[args, &["--config", "bulkhead.yaml"]].concat());
        let (said, told) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success(), "{args:?}: {said}{told}");
        said
    }

    /// Runs a command that must fail, and change nothing; why it failed.
    #[track_caller]
    pub(super) fn refused(&self, args: &[&str]) -> String {
        let before = self.contents();
        let output = self.run(&[args, &["--config", "bulkhead.yaml"]].concat());
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {told}");
        assert_eq!(self.contents(), before, "{args:?} has changed something: {told}");
        let error = told.lines().filter_map(|line| line.strip_prefix("error: ")).collect::<Vec<_>>();
        assert_eq!(error.len(), 1, "{told}");
        error[0].to_owned()
    }

    /// All files of the folder.
    fn contents(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        fn files(folder: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    files(&path, found);
                } else {
                    found.insert(path.clone(), fs::read(&path).unwrap());
                }
            }
        }
        let mut found = BTreeMap::new();
        files(self.0.path(), &mut found);
        found
    }

    pub(super) fn serve(&self) -> Server {
        Server::of(&self.path("bulkhead.yaml"))
    }

    /// Pushes the component on the desk, signed by a key; the reference with its digest.
    #[track_caller]
    pub(super) fn push(&self, reference: &str, key: Option<&str>) -> String {
        let key = key.map(|key| format!("{key}.key"));
        let sign: Vec<&str> = key.iter().flat_map(|key| ["--sign", key]).collect();
        self.ok(&[&["push", "calc.wasm", reference][..], &sign].concat()).trim().to_owned()
    }

    /// What the lock file has of a component's file.
    pub(super) fn installed(&self, file: &str) -> Value {
        let text = fs::read_to_string(self.path("bulkhead.lock")).unwrap_or_else(|_| "{}".to_owned());
        serde_json::from_str::<Value>(&text).unwrap()["installed"][file].clone()
    }
}

/// The component that is pushed.
pub(super) fn adder() -> Vec<u8> {
    fs::read(component("add")).unwrap()
}

/// The same component with a section that means nothing: another digest.
pub(super) fn renamed(mut wasm: Vec<u8>) -> Vec<u8> {
    wasm.extend([0, 2, 1, b'x']);
    wasm
}

pub(super) fn digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    let hex: String = sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
