//! `bulkhead doctor`: an installation that is well, and each fault planted alone with the line that tells of it.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output},
    time::{Duration, SystemTime},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http_body_util::Full;
use hyper::{Response, body::Bytes};
use serde_json::{Value, json};

use crate::{
    auth::key_set,
    docs::is_like,
    support::{Authority, Received, Server, Upstream, component, replace},
};

/// What a kernel before Linux 6.7 adds; all else about the machine is what the tests make it.
const OLD_KERNEL: &str = "! machine        the kernel does not tell which pages";

/// An installation: a home folder with a configuration in it.
struct Place(tempfile::TempDir);

impl Place {
    fn new(config: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("bulkhead.yaml", config);
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        self.allow(name, 0o600);
    }

    fn allow(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Runs it in a shell that was told something first.
    fn run_after(&self, first: &str, args: &[&str]) -> Output {
        let script = format!("{first}; exec \"$@\"");
        let mut command = Command::new("bash");
        command.args(["-c", &script, "-", env!("CARGO_BIN_EXE_bulkhead"), "doctor", "--config"]);
        command
            .arg(self.path("bulkhead.yaml"))
            .args(args)
            .current_dir(self.0.path())
            .env("HOME", self.0.path());
        for variable in [
            "BULKHEAD_CONFIG",
            "BULKHEAD_TENANT",
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
            "CODEX_HOME",
            "COPILOT_HOME",
            "CLAUDE_CONFIG_DIR",
        ] {
            command.env_remove(variable);
        }
        command.env("BULKHEAD_LOG", "off").output().unwrap()
    }

    /// The lines it prints, the folder being `~`, and its exit code.
    fn doctor(&self, args: &[&str]) -> (Vec<String>, i32) {
        let output = self.run_after("ulimit -n 20000 2>/dev/null || ulimit -n $(ulimit -Hn)", args);
        self.lines(&output)
    }

    fn lines(&self, output: &Output) -> (Vec<String>, i32) {
        let text =
            String::from_utf8(output.stdout.clone()).unwrap().replace(self.0.path().to_str().unwrap(), "~");
        (text.lines().map(str::to_owned).collect(), output.status.code().unwrap())
    }

    /// Expects one fault, in this line, and what the line after it says of how to mend it.
    #[track_caller]
    fn finds(&self, args: &[&str], line: &str, mend: &str) {
        let (lines, code) = self.doctor(args);
        assert_fault(&lines, line, mend);
        assert_eq!(code, i32::from(line.starts_with('✗')), "{lines:#?}");
    }
}

/// Lines of what is odd or wrong, but for the kernel of an old machine.
fn ill(lines: &[String]) -> Vec<&str> {
    let ill = lines.iter().filter(|line| line.starts_with(['✗', '!']) && !line.starts_with(OLD_KERNEL));
    ill.map(String::as_str).collect()
}

#[track_caller]
fn assert_fault(lines: &[String], line: &str, mend: &str) {
    let found = ill(lines);
    assert!(found.len() == 1 && is_like(line, found[0]), "expected: {line}\n{lines:#?}");
    let at = lines.iter().position(|one| one == found[0]).unwrap();
    let hint = lines[at + 1].strip_prefix("  mend           ").unwrap();
    assert!(is_like(mend, hint), "expected: {mend}\n{lines:#?}");
}

/// A day from now on, or back.
fn day(days: i64) -> String {
    let span = Duration::from_secs(days.unsigned_abs() * 24 * 3600);
    let now = SystemTime::now();
    let time = if days < 0 { now - span } else { now + span };
    humantime::format_rfc3339_seconds(time).to_string()[..10].to_owned()
}

/// A port that nobody listens on.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// What the tests begin with: a port that is free, few connections, and one service.
fn usual(more: &str) -> String {
    format!(
        "server: {{ listen: '{}', limits: {{ connections: 100 }} }}\n{more}\ntenants: {{ acme: {{ services: {{ utilities: {{}} }} }} }}\n",
        free()
    )
}

/// The same with a service of the component that sends what it is told to, for an upstream.
fn with_upstream(url: &str, more: &str) -> String {
    usual("").replace(
        "utilities: {}",
        &format!(
            "up: {{ component: '{}', config: {{ url: '{url}' }}, {more} }}",
            component("hostile").display()
        ),
    )
}

fn hello(_: &Received) -> Response<Full<Bytes>> {
    Response::new(Full::from("hello"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_wrong_where_nothing_is() {
    let issuer = Upstream::start(|_| Response::new(Full::from(key_set().to_string()))).await;
    let upstream = Upstream::start(hello).await;
    let (authority, url) = (Authority::new(), upstream.url());
    let identity = authority.certify("localhost");
    let config = format!(
        "secrets: {{ token: {{ file: token }} }}
audit: {{ dir: audit }}
auth: {{ api_keys: [{{ id: ci, tenant: acme, sha256: '{:064}', tools: ['*'], expires: {} }}],
  jwt: [{{ id: idp, issuer: 'https://idp.example', audience: x, tenant: acme, jwks_url: '{}/keys' }}] }}",
        0,
        day(100),
        issuer.url()
    );
    let config = usual(&config).replace(
        "utilities: {}",
        &format!("utilities: {{}}, up: {{ component: '{}', config: {{ url: '{url}' }}, credentials: [{{ for: '{url}', bearer: '${{secret:token}}' }}] }}", component("hostile").display()),
    ).replace("connections: 100 }", "connections: 100 }, tls: { certificate: c.pem, key: k.pem }");
    let place = Place::new(&config);
    place.write("token", "a-token\n");
    place.write("c.pem", identity.certificate_pem());
    place.write("k.pem", identity.key_pem());
    place.write(".cursor/mcp.json", json!({ "mcpServers": { "bulkhead": { "url": format!("https://localhost:{}/mcp", config.split("127.0.0.1:").nth(1).unwrap().split('\'').next().unwrap()), "headers": { "Authorization": "Bearer ${env:BULKHEAD_KEY}" } } } }).to_string());
    let (lines, code) = place.doctor(&[]);
    assert_eq!((ill(&lines), code), (Vec::new(), 0), "{lines:#?}");
    for line in [
        "✓ configuration  ~/bulkhead.yaml: tenants: 1, services: 2",
        "✓ files          secrets that others cannot read: 1",
        "✓ files          compiled code is kept in ~/.cache/bulkhead",
        "✓ listener       the certificate ~/c.pem fits its key",
        "✓ components     up: …",
        "✓ components     utilities: …",
        "✓ audit          ~/audit will be made when the host starts",
        "✓ listener       127.0.0.1:… is free: no host is running there",
        "✓ upstreams      up: …",
        "✓ upstreams      utilities: …",
        "✓ issuers        https://idp.example publishes keys: 1",
        "✓ clock          this machine's clock agrees with others, to the minute: 2",
        "✓ clients        ~/.cursor/mcp.json: `bulkhead` leads here",
    ] {
        assert!(lines.iter().any(|found| is_like(line, found)), "{line}: {lines:#?}");
    }
    // It only knocks, and what it sends carries no credential but what the component's own check sends.
    let heads = upstream.received().into_iter().filter(|request| request.method == "HEAD");
    assert!(
        heads.clone().count() == 1 && heads.clone().all(|head| !head.headers.contains_key("authorization"))
    );
    // Another look changes nothing, and programs are told the same.
    let told = place.run_after("ulimit -n 20000 2>/dev/null || true", &["--json"]);
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(
        (&told["wrong"], &told["findings"][0]["level"], &told["findings"][0]["area"]),
        (&json!(0), &json!("well"), &json!("configuration"))
    );
    // Offline, nobody is asked.
    let asked = upstream.received().len() + issuer.received().len();
    let (lines, code) = place.doctor(&["--offline"]);
    assert_eq!((ill(&lines), code), (Vec::new(), 0), "{lines:#?}");
    assert_eq!(upstream.received().len() + issuer.received().len(), asked);
}

#[test]
fn a_configuration_that_cannot_be_used_is_the_one_thing_to_mend() {
    let place = Place::new("server:\n  listn: 127.0.0.1:1\n");
    place.finds(
        &[],
        "✗ configuration  ~/bulkhead.yaml:2:3: unknown key `listn`. Did you mean `listen`?",
        "correct that line; `bulkhead check --schema` prints what an editor needs to help with it",
    );
    let place = Place::new("server:\n  listen: 0.0.0.0:1\n");
    place.finds(
        &[],
        "✗ configuration  ~/bulkhead.yaml:…",
        "what it says must be so; `host/config.example.yaml` has every key",
    );
    let gone = Place::new("");
    fs::remove_file(gone.path("bulkhead.yaml")).unwrap();
    gone.finds(
        &[],
        "✗ configuration  ~/bulkhead.yaml: cannot be read: …",
        "name a file that this user can read, with --config or BULKHEAD_CONFIG",
    );
}

#[test]
fn a_secret_that_nothing_uses_is_odd() {
    let place = Place::new(&usual("secrets: { token: { file: token } }"));
    place.write("token", "a-token");
    place.finds(
        &["--offline"],
        "! configuration  ~/bulkhead.yaml: secret `token` is declared and used nowhere",
        "remove it, or write ${secret:token} where it belongs",
    );
}

#[test]
fn signers_whose_signatures_do_not_count_are_told() {
    let signer = |rest: &str| usual(&format!("signatures: {{ signers: {{ acme: {{ {rest} }} }} }}"));
    let place = Place::new(&signer("key: acme.pub"));
    place.finds(
        &["--offline"],
        "✗ configuration  the signatures of `acme` cannot be checked: ~/acme.pub cannot be read: No such file or directory (os error 2)",
        "name the file of their public key, in PEM: `signatures.signers.acme.key`",
    );
    let mut made = Command::new(env!("CARGO_BIN_EXE_bulkhead"));
    made.args(["key", "signing", "--out", "acme"]).current_dir(place.path("")).env("COSIGN_PASSWORD", "x");
    assert!(made.output().unwrap().status.success());
    assert_eq!(ill(&place.doctor(&["--offline"]).0), Vec::<&str>::new());
    let mend = "have what they made signed with a new key, and name that one";
    place.write("bulkhead.yaml", signer("key: acme.pub, not_after: 2020-01-01T00:00:00Z"));
    let expired = "✗ configuration  the key of the signer `acme` expired on 2020-01-01";
    place.finds(&["--offline"], expired, mend);
    place.write("bulkhead.yaml", signer(&format!("key: acme.pub, not_after: {}T00:00:00Z", day(5))));
    let soon = format!("! configuration  the key of the signer `acme` expires on {}", day(5));
    place.finds(&["--offline"], &soon, mend);
}

#[test]
fn keys_that_end_are_told_in_time() {
    let key = |until: &str| {
        usual(&format!(
            "auth: {{ api_keys: [{{ id: ci, tenant: acme, sha256: '{:064}', tools: ['*'], expires: {until} }}] }}",
            0
        ))
    };
    let mend = "`bulkhead key new --id ci --tenant acme` makes another";
    let expired = Place::new(&key("2020-01-01"));
    expired.finds(&["--offline"], "✗ configuration  the key of `ci` expired on 2020-01-01", mend);
    let soon = Place::new(&key(&day(5)));
    soon.finds(&["--offline"], &format!("! configuration  the key of `ci` expires on {}", day(5)), mend);
}

#[test]
fn what_others_may_read_or_change_is_found() {
    let config = usual("secrets: { token: { file: token } }").replace(
        "utilities: {}",
        "utilities: { config: { fetch: ['https://docs.rs'] }, credentials: [{ for: 'https://docs.rs', bearer: '${secret:token}' }] }",
    );
    let place = Place::new(&config);
    place.write("token", "a-token");
    place.allow("token", 0o644);
    place.finds(
        &["--offline"],
        "✗ files          ~/token is a secret, and others may use it (mode 0644)",
        "chmod 600 ~/token",
    );
    place.allow("token", 0o640); // its group was chosen
    place.allow("bulkhead.yaml", 0o666);
    place.finds(
        &["--offline"],
        "✗ files          ~/bulkhead.yaml can be changed by others, and so can what the host does (mode 0666)",
        "chmod go-w ~/bulkhead.yaml",
    );
    place.allow("bulkhead.yaml", 0o644);
    fs::create_dir_all(place.path(".cache/bulkhead")).unwrap();
    place.allow(".cache/bulkhead", 0o755);
    place.finds(
        &["--offline"],
        "! files          compiled code cannot be kept, so every start compiles anew: ~/.cache/bulkhead must be a folder of this user with mode 0700",
        "chmod 700 ~/.cache/bulkhead, as the user that runs the host; or set `components.cache_dir`",
    );
    place.allow(".cache/bulkhead", 0o700);
    place.write(
        "bulkhead.yaml",
        config.replace("secrets:", "components: { dir: c, trust: folder }\nsecrets:"),
    );
    fs::create_dir(place.path("c")).unwrap();
    place.allow("c", 0o777);
    place.finds(
        &["--offline"],
        "✗ files          ~/c can be changed by others, and so can what the host does (mode 0777)",
        "chmod go-w ~/c",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn components_that_cannot_be_served_are_named() {
    let config = usual("").replace("utilities: {}", "utilities: {}, calc: { component: ./calc.wasm }");
    let place = Place::new(&config);
    place.finds(
        &["--offline"],
        "✗ configuration  ~/bulkhead.yaml:3:1: tenants.acme.services.calc.component: there is no file ~/./calc.wasm; build it \
         with `bulkhead build`, bring it with `bulkhead install`, or name another",
        "what it says must be so; `host/config.example.yaml` has every key",
    );
    let mend = "`bulkhead check --service calc` shows what it says while it is loaded";
    place.write("calc.wasm", "not a component");
    place.finds(&["--offline"], "✗ components     service `calc`: …", mend);
    fs::copy(component("add"), place.path("calc.wasm")).unwrap();
    drop(Server::of(&place.path("bulkhead.yaml"))); // pins it
    assert_eq!(ill(&place.doctor(&["--offline"]).0), Vec::<&str>::new());
    fs::copy(component("hostile"), place.path("calc.wasm")).unwrap();
    place.finds(
        &["--offline"],
        "✗ components     service `calc`: it waits for approval: …",
        "`bulkhead approve calc` shows what is different, and approves it",
    );
}

#[test]
fn a_machine_that_is_too_small_is_told() {
    let place = Place::new(&usual(""));
    let (lines, code) = place.lines(&place.run_after("ulimit -n 400", &["--offline"]));
    assert_fault(
        &lines,
        "! machine        400 open files are allowed; 100 connections of clients and 64 to upstreams need 420",
        "ulimit -n 420 (LimitNOFILE=420 in a systemd unit), or a lower `server.limits.connections`",
    );
    assert_eq!(code, 0);
    // 16 GiB of addresses: a slot takes 4 GiB and more.
    let (lines, code) =
        place.lines(&place.run_after("ulimit -n 20000 2>/dev/null; ulimit -v 16777216", &["--offline"]));
    let first = ill(&lines)[0];
    assert!(first.starts_with("✗ machine        ") && code == 1, "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_on_the_port_is_told_apart() {
    let listening = |address: &str, more: &str| {
        format!(
            "server: {{ listen: '{address}', limits: {{ connections: 100 }} }}\n{more}\ntenants: {{ acme: {{ services: {{ utilities: {{}} }} }} }}\n"
        )
    };
    let server = Server::start("tenants: { acme: { services: { utilities: {} } } }");
    let address = server.address.to_string();
    let place = Place::new(&listening(&address, ""));
    let (lines, code) = place.doctor(&[]);
    assert_eq!((ill(&lines), code), (Vec::new(), 0), "{lines:#?}");
    assert!(
        lines.contains(&format!("✓ listener       a host answers on {address}, and is well")),
        "{lines:#?}"
    );

    place.write(
        "bulkhead.yaml",
        listening(&address, "").replace("utilities: {}", "utilities: {}, clock: { component: utilities }"),
    );
    place.finds(
        &[],
        &format!("✗ listener       the host at http://{address} serves utilities, and the configuration has clock, utilities"),
        "it was started with another configuration, or cannot use this one: its log says which",
    );
    let mark = server.mark();
    replace(server.file(), "tenants: { acme: { servces: {} } }");
    server.logged_after(mark, |entry| {
        entry["message"] == "the configuration cannot be used; what was in force stays in force"
    });
    place.write("bulkhead.yaml", listening(&address, ""));
    place.finds(
        &[],
        &format!("✗ listener       the host at http://{address} goes on with an older configuration: …unknown key `servces`. Did you mean `services`?"),
        "mend that; the host takes it up by itself",
    );

    let other = Upstream::start(|_| Response::new(Full::from("{}"))).await;
    place.write("bulkhead.yaml", listening(&other.address.to_string(), ""));
    let mend = "stop what listens there, or choose another with `server.listen`";
    place.finds(&[], &format!("✗ listener       {} is in use, and not by a bulkhead", other.address), mend);
    let silent = Upstream::start(|_| Response::builder().status(404).body(Full::default()).unwrap()).await;
    place.write("bulkhead.yaml", listening(&silent.address.to_string(), ""));
    place.finds(&[], &format!("✗ listener       {} is in use, and does not answer as a host with this configuration would: …it answered 404 Not Found", silent.address), mend);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_with_tls_and_keys_is_recognised() {
    let authority = Authority::new();
    let identity = authority.certify("localhost");
    let place = Place::new("");
    place.write("c.pem", identity.certificate_pem());
    place.write("k.pem", identity.key_pem());
    let auth =
        format!("auth: {{ api_keys: [{{ id: ci, tenant: acme, sha256: '{:064}', tools: ['*'] }}] }}", 0);
    let config = |address: &str| {
        format!(
            "server: {{ listen: '{address}', limits: {{ connections: 100 }}, tls: {{ certificate: c.pem, key: k.pem }} }}\n{auth}\ntenants: {{ acme: {{ services: {{ utilities: {{}} }} }} }}\n"
        )
    };
    place.write("bulkhead.yaml", config("127.0.0.1:0"));
    let server = Server::of(&place.path("bulkhead.yaml"));
    place.write("other.yaml", config(&server.address.to_string()));
    fs::rename(place.path("other.yaml"), place.path("bulkhead.yaml")).unwrap();
    let (lines, code) = place.doctor(&[]);
    assert_eq!((ill(&lines), code), (Vec::new(), 0), "{lines:#?}");
    assert!(
        lines.contains(&format!("✓ listener       a host answers on {}, and is well", server.address)),
        "{lines:#?}"
    );
}

#[test]
fn the_listeners_certificate_is_looked_at() {
    let authority = Authority::new();
    let place = Place::new(&usual("").replace("limits:", "tls: { certificate: c.pem, key: k.pem }, limits:"));
    place.write("c.pem", authority.certify("localhost").certificate_pem());
    place.write("k.pem", authority.certify("localhost").key_pem());
    place.finds(
        &["--offline"],
        "✗ listener       server.tls: `certificate` and `key` do not go together: …",
        "name a certificate chain and its key, both in PEM",
    );
    let old = authority.certify_long_ago("localhost");
    place.write("c.pem", old.certificate_pem());
    place.write("k.pem", old.key_pem());
    place.finds(
        &["--offline"],
        "✗ listener       the certificate ~/c.pem expired on 2020-01-01",
        "renew it; the host reads it again by itself",
    );
    place.allow("k.pem", 0o644);
    let (lines, _) = place.doctor(&["--offline"]);
    assert!(
        lines.contains(&"✗ files          ~/k.pem is a secret, and others may use it (mode 0644)".to_owned()),
        "{lines:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_cannot_be_reached_is_told_apart() {
    let nobody = free();
    let place = Place::new(&with_upstream(&format!("http://{nobody}"), ""));
    place.finds(
        &[],
        &format!("✗ upstreams      up: http://{nobody}: …Connection refused (os error 111)"),
        "nothing listens there: correct host and port, or start it",
    );
    place.write("bulkhead.yaml", with_upstream("http://nothing.invalid", ""));
    place.finds(
        &[],
        "✗ upstreams      up: nothing.invalid does not resolve: …",
        "correct the host in the service's config, or the name servers of this machine (/etc/resolv.conf)",
    );
    let authority = Authority::new();
    place.write("ca.pem", authority.pem());
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let answer = move |_: &Received| {
        Response::builder().header("date", httpdate::fmt_http_date(hour_ago)).body(Full::default()).unwrap()
    };
    let serving = |identity: crate::support::Identity| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Upstream::serve(tokio::net::TcpListener::from_std(listener).unwrap(), Some(identity.server()), answer)
    };
    let trusting = |upstream: &Upstream| {
        let url = upstream.url();
        with_upstream(&url, &format!("network: {{ tls: [{{ for: '{url}', ca: ca.pem }}] }}"))
    };
    let old = serving(authority.certify_long_ago("127.0.0.1"));
    place.write("bulkhead.yaml", trusting(&old));
    place.finds(
        &[],
        &format!("✗ upstreams      up: {}: …invalid peer certificate: certificate expired…", old.url()),
        "whoever runs it has to renew its certificate; if it is good, this machine's clock is wrong",
    );
    let other = serving(authority.certify("other.example"));
    place.write("bulkhead.yaml", trusting(&other));
    place.finds(
        &[],
        &format!("✗ upstreams      up: {}: …", other.url()),
        "its certificate is for another name: use that name in the service's config",
    );
    place.write("bulkhead.yaml", with_upstream(&other.url(), ""));
    place.finds(
        &[],
        &format!("✗ upstreams      up: {}: …", other.url()),
        "name the authority that signed its certificate: network: { tls: [{ for: URL, ca: ca.pem }] }",
    );
    let good = serving(authority.certify("127.0.0.1"));
    place.write("bulkhead.yaml", trusting(&good));
    place.finds(
        &[],
        &format!("✗ clock          this machine is 1h… ahead of {}", good.url()),
        "set the clock that is wrong, and keep both with NTP",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_gives_no_keys_is_told_apart() {
    let with = |keys: &str| {
        usual(&format!(
            "auth: {{ jwt: [{{ id: idp, issuer: 'https://idp.example', audience: x, tenant: acme, {keys} }}] }}"
        ))
    };
    let nobody = free();
    let place = Place::new(&with(&format!("jwks_url: 'http://{nobody}/keys'")));
    place.finds(
        &[],
        "✗ issuers        https://idp.example: …Connection refused (os error 111)",
        "nothing listens there: correct host and port, or start it",
    );
    let other = Upstream::start(|_| {
        Response::new(Full::from(
            json!({ "issuer": "https://other.example", "jwks_uri": "https://x" }).to_string(),
        ))
    })
    .await;
    place.write("bulkhead.yaml", with(&format!("discovery: '{}/about'", other.url())));
    place.finds(
        &[],
        &format!("✗ issuers        https://idp.example: {}/about: is of another issuer", other.url()),
        "`issuer` must be what its tokens say; …",
    );
    let none = Upstream::start(|_| Response::new(Full::from("{\"keys\":[]}"))).await;
    place.write("bulkhead.yaml", with(&format!("jwks_url: '{}/keys'", none.url())));
    place.finds(
        &[],
        "✗ issuers        https://idp.example publishes no key that signs tokens",
        "its keys must be RSA, EC or Ed25519, for signatures",
    );
    let mut keys = key_set();
    let certificate = Authority::new().certify_long_ago("idp.example").certificate;
    keys["keys"][0]["x5c"] = json!([BASE64_STANDARD.encode(&certificate)]);
    let old = Upstream::start(move |_| Response::new(Full::from(keys.to_string()))).await;
    place.write("bulkhead.yaml", with(&format!("jwks_url: '{}/keys'", old.url())));
    place.finds(
        &[],
        "✗ issuers        a key of https://idp.example, by its certificate, expired on 2020-01-01",
        "the issuer has to publish another",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_log_that_was_changed_is_found() {
    let place = Place::new(&usual("audit: { dir: audit }"));
    let server = Server::of(&place.path("bulkhead.yaml"));
    server.client().call("utilities_nothing", json!({})).await;
    server.client().call("utilities_nothing", json!({})).await;
    drop(server);
    let (lines, _) = place.doctor(&["--offline"]);
    assert!(
        lines.contains(&"✓ audit          ~/audit: the newest file is sound, lines: 2".to_owned()),
        "{lines:#?}"
    );
    let file = "audit/audit-00000000000000000001.jsonl";
    let text = fs::read_to_string(place.path(file)).unwrap();
    fs::write(place.path(file), text.replacen("utilities_nothing", "utilities_anything", 1)).unwrap();
    place.finds(
        &["--offline"],
        &format!("✗ audit          ~/{file}:1: the line was changed"),
        "somebody changed it: `bulkhead audit verify` walks all of it; move the folder away to begin a new log",
    );
    place.allow("audit", 0o777);
    place.finds(
        &["--offline"],
        "✗ audit          the audit folder ~/audit cannot be used: …",
        "until then the host does not start",
    );
}

#[test]
fn clients_that_do_not_find_the_host_are_named() {
    let key = "bulkhead_wrong";
    let auth = format!(
        "auth: {{ api_keys: [{{ id: ci, tenant: acme, sha256: '{:064}', tools: ['*'] }}, {{ id: old, tenant: acme, sha256: '{}', tools: ['*'] }}] }}",
        0,
        sha256("bulkhead_old")
    );
    let config = usual(&auth);
    let place = Place::new(&config);
    let own = format!(
        "http://127.0.0.1:{}",
        config.split("127.0.0.1:").nth(1).unwrap().split('\'').next().unwrap()
    );
    let entry = |entry: Value| json!({ "mcpServers": { "bulkhead": entry } }).to_string();
    let bearer = |key: &str| json!({ "url": format!("{own}/mcp"), "headers": { "Authorization": format!("Bearer {key}") } });
    let again = "`bulkhead client cursor --name bulkhead --write` writes it anew";
    let finds = |text: String, line: &str, mend: &str| {
        place.write(".cursor/mcp.json", text);
        place.finds(&["--offline"], line, mend);
    };
    let to = |url: &str| {
        let mut entry = bearer("${env:K}");
        entry["url"] = json!(url);
        entry
    };
    finds(
        entry(to("http://127.0.0.1:1/mcp")),
        &format!(
            "! clients        ~/.cursor/mcp.json: `bulkhead` leads to http://127.0.0.1:1/mcp, and this host is {own}/mcp"
        ),
        again,
    );
    finds(
        entry(to(&format!("{own}/"))),
        &format!("✗ clients        ~/.cursor/mcp.json: `bulkhead` leads to {own}/, where nothing speaks MCP"),
        again,
    );
    let keys = "`bulkhead key new` makes a key; --key-file or --key-env tell the client of it";
    finds(
        entry(json!({ "url": format!("{own}/mcp") })),
        "✗ clients        ~/.cursor/mcp.json: `bulkhead` sends no key, and the host wants one",
        keys,
    );
    finds(
        entry(bearer(key)),
        "✗ clients        ~/.cursor/mcp.json: `bulkhead` sends a key that the host does not know",
        keys,
    );
    place.write(".cursor/mcp.json", entry(bearer("bulkhead_old")));
    place.allow(".cursor/mcp.json", 0o644);
    place.finds(
        &["--offline"],
        "✗ clients        ~/.cursor/mcp.json: `bulkhead` holds a key, and others may read it",
        "chmod 600 ~/.cursor/mcp.json",
    );
    finds(
        entry(json!({ "command": "/nowhere/bulkhead", "args": ["stdio"] })),
        "✗ clients        ~/.cursor/mcp.json: `bulkhead` starts /nowhere/bulkhead, which is not there, or no program",
        again,
    );
    finds(
        entry(
            json!({ "command": env!("CARGO_BIN_EXE_bulkhead"), "args": ["stdio", "--config", "/nowhere.yaml"] }),
        ),
        "✗ clients        ~/.cursor/mcp.json: `bulkhead` starts a host with /nowhere.yaml, which is not there",
        again,
    );
    finds(
        "{ \"mcpServers\": ".to_owned(),
        "! clients        ~/.cursor/mcp.json:…",
        "Cursor cannot read it either: correct that place",
    );
    fs::remove_file(place.path(".cursor/mcp.json")).unwrap();
    // Whatever its language, and whatever it is called there.
    place.write(".codex/config.toml", "[mcp_servers.mine]\ncommand = \"/nowhere/bulkhead\"\n");
    place.finds(
        &["--offline"],
        "✗ clients        ~/.codex/config.toml: `mine` starts /nowhere/bulkhead, which is not there, or no program",
        "`bulkhead client codex --name mine --write` writes it anew",
    );
    fs::remove_file(place.path(".codex/config.toml")).unwrap();
    let expired = config.replace(
        &format!("sha256: '{}'", sha256("bulkhead_old")),
        &format!("sha256: '{}', expires: 2020-01-01", sha256("bulkhead_old")),
    );
    place.write("bulkhead.yaml", &expired);
    place.write(".cursor/mcp.json", entry(bearer("bulkhead_old")));
    let (lines, code) = place.doctor(&["--offline"]);
    assert_eq!(
        (ill(&lines), code),
        (
            vec![
                "✗ configuration  the key of `old` expired on 2020-01-01",
                "✗ clients        ~/.cursor/mcp.json: `bulkhead` sends the key of `old`, which has expired"
            ],
            1
        )
    );
}

fn sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
