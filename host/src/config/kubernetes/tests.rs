//! What is made of a kubeconfig and of a pod's service account, and what is said of those that cannot be used.

use std::fs;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{CertificateParams, KeyPair};
use serde_json::json;

use super::*;
use crate::config::{Config, load::parse, resolve};

/// A kubeconfig with one of each; its parts in flow YAML.
fn one(cluster: &str, user: &str) -> String {
    format!(
        "{{ apiVersion: v1, kind: Config, preferences: {{}}, current-context: here,
  contexts: [{{ name: here, context: {{ cluster: c, user: u, namespace: shop }} }}],
  clusters: [{{ name: c, cluster: {{ {cluster} }} }}],
  users: [{{ name: u, user: {{ {user} }} }}] }}\n"
    )
}

const SERVER: &str = "server: 'https://10.0.0.1:6443'";

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// A service with `kubernetes` and further lines, in a folder with these files.
fn resolved(dir: &Path, files: &[(&str, &str)], kubernetes: &str, rest: &str) -> Result<Config, String> {
    for (name, text) in files {
        fs::write(dir.join(name), text).unwrap();
    }
    let text = format!(
        "tenants: {{ t: {{ services: {{ utilities: {{ kubernetes: {{ {kubernetes} }}, {rest} }} }} }} }}"
    );
    resolve::resolve(parse(&text).unwrap(), dir).map_err(|error| error.to_string())
}

fn service(config: &Config) -> &crate::config::Service {
    &config.tenants[0].services[0]
}

/// What is said of a kubeconfig in place of what it says of itself.
#[track_caller]
fn refused(kubeconfig: &str, more: &str, expected: &str) {
    let dir = dir();
    let kubernetes = format!("kubeconfig: k, {more}");
    let error = resolved(dir.path(), &[("k", kubeconfig)], &kubernetes, "").unwrap_err();
    let at = format!("tenants.t.services.utilities.kubernetes: {}: ", dir.path().join("k").display());
    assert_eq!(
        error.strip_prefix(&at).unwrap_or(&error),
        expected.replace("DIR", &dir.path().display().to_string())
    );
}

fn pems() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(["h".to_owned()]).unwrap().self_signed(&key).unwrap();
    let pem = |what: &str, der: &[u8]| {
        format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", BASE64_STANDARD.encode(der))
    };
    (pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", &key.serialize_der()))
}

#[test]
fn a_context_becomes_url_namespace_credential_and_ca() {
    let (dir, (ca, _)) = (dir(), pems());
    let kubeconfig = one(&format!("{SERVER}, certificate-authority: ca.pem"), "token: tok-123");
    let files = [("k", kubeconfig.as_str()), ("ca.pem", ca.as_str())];
    let config = resolved(dir.path(), &files, "kubeconfig: k", "config: { a: 1 }").unwrap();
    let service = service(&config);
    assert_eq!(service.config, json!({ "a": 1, "url": "https://10.0.0.1:6443" }));
    assert_eq!(service.namespace.as_deref(), Some("shop"));
    let found = format!("(context `here` of {})", dir.path().join("k").display());
    let shown: Vec<_> = service.credentials.iter().map(ToString::to_string).collect();
    assert_eq!(shown, [format!("header authorization for https://10.0.0.1:6443 {found}")]);
    let shown: Vec<_> = service.network.tls.iter().map(TlsIdentity::describe).collect();
    assert_eq!(shown, [format!("https://10.0.0.1:6443: trusts its own CA {found}")]);
    assert_eq!(service.network.internal_names, [""; 0], "an address is meant as it stands");
    assert!(!format!("{config:?}").contains("tok-123"));
}

#[test]
fn json_is_understood_and_so_are_empty_keys() {
    let file = json!({
        "kind": "Config", "current-context": "", "preferences": null, "extensions": [{ "name": "x", "extension": {} }],
        "contexts": [{ "name": "a", "context": { "cluster": "c", "user": "u", "namespace": "" } }],
        "clusters": [{ "name": "c", "cluster": {
            "server": "https://api.prod/k8s/c-1/", "certificate-authority": "", "proxy-url": "", "tls-server-name": "" } }],
        "users": [{ "name": "u", "user": { "token": "", "exec": null } }],
    });
    let dir = dir();
    let config = resolved(dir.path(), &[("k", &file.to_string())], "kubeconfig: k, context: a", "").unwrap();
    let service = service(&config);
    assert_eq!(service.config, json!({ "url": "https://api.prod/k8s/c-1" }));
    assert_eq!((service.namespace.as_deref(), service.credentials.len()), (None, 0));
    assert_eq!(service.network.tls, []);
    assert_eq!(service.network.internal_names, ["api.prod"]);
}

#[test]
fn each_kind_of_credential_is_taken_and_files_go_before_texts() {
    let (dir, (certificate, key)) = (dir(), pems());
    fs::create_dir(dir.path().join("sub")).unwrap();
    let files = [
        ("sub/token", " tok-file\n"),
        ("sub/c.pem", certificate.as_str()),
        ("sub/k.pem", key.as_str()),
        ("not.pem", "x"),
    ];
    let secrets = |user: &str| {
        let kubeconfig = one(SERVER, user);
        let files = [&files[..], &[("sub/k", kubeconfig.as_str())]].concat();
        let config = resolved(dir.path(), &files, "kubeconfig: sub/k", "").unwrap();
        let service = service(&config);
        let secrets = service.credentials.iter().flat_map(Credential::secrets).map(str::to_owned);
        let tls: Vec<_> = service.network.tls.iter().map(TlsIdentity::describe).collect();
        (secrets.collect::<Vec<_>>(), tls.join("").contains("shows a client certificate"))
    };
    let only = |secret: &str| (vec![secret.to_owned()], false);
    assert_eq!(secrets("token: tok-text"), only("tok-text"));
    assert_eq!(secrets("token: 12345"), only("12345"));
    assert_eq!(secrets("token: tok-text, tokenFile: token"), only("tok-file"));
    let both = vec!["pass".to_owned(), "YWRhOnBhc3M=".to_owned()];
    assert_eq!(secrets("username: ada, password: pass"), (both, false));
    assert_eq!(secrets("client-certificate: c.pem, client-key: k.pem"), (vec![], true));
    let data = |pem: &str| {
        let text = BASE64_STANDARD.encode(pem);
        format!("\"{}\\n{}\"", &text[..60], &text[60..])
    };
    let inline = format!(
        "client-certificate-data: {}, client-key-data: {}, client-certificate: ../not.pem, client-key: nowhere",
        data(&certificate),
        data(&key)
    );
    assert_eq!(secrets(&inline), (vec![], true));
    assert_eq!(secrets(&format!("{inline}, token: tok-text")), (vec!["tok-text".to_owned()], true));
}

#[test]
fn what_the_host_does_not_do_is_refused_with_what_to_do_instead() {
    let instead = "give it a service account's token instead: `kubectl create token NAME` makes one, and the host follows the \
                   file that `tokenFile` names";
    refused(
        &one(SERVER, "exec: { apiVersion: v1, command: aws, args: [s3cret], env: null }"),
        "",
        &format!(
            "user `u`: gets its credential from a command (`exec`: `aws`), and the host runs none; {instead}"
        ),
    );
    refused(
        &one(SERVER, "token: also-one, auth-provider: { name: gcp, config: { access-token: s3cret } }"),
        "",
        &format!(
            "user `u`: gets its credential from an `auth-provider` (`gcp`), and the host has none; {instead}"
        ),
    );
    for other in ["as: root", "as-groups: [g]", "as-uid: 0", "as-user-extra: { a: [b] }"] {
        refused(
            &one(SERVER, &format!("token: also-one, {other}")),
            "",
            "user `u`: acts as somebody else (`as`, `as-uid`, `as-groups`, `as-user-extra`), which the host does not do; \
             use a user that may do what is needed, and no more",
        );
    }
    refused(
        &one(&format!("{SERVER}, proxy-url: 'socks5://h'"), "token: also-one"),
        "",
        "cluster `c`: is reached through a proxy (`proxy-url`), and the host uses none; name a `server` that it reaches by \
         itself",
    );
}

#[test]
fn verification_is_turned_off_only_if_both_files_say_so() {
    let insecure = one(&format!("{SERVER}, insecure-skip-tls-verify: true"), "token: tok-123");
    refused(
        &insecure,
        "",
        "cluster `c`: has `insecure-skip-tls-verify: true`, so anybody on the way could take the credential; name its CA \
         (`certificate-authority`), or write `insecure_skip_tls_verify: true` beside `kubeconfig`",
    );
    refused(
        &one(SERVER, "token: tok-123"),
        "insecure_skip_tls_verify: true",
        "cluster `c`: does not have `insecure-skip-tls-verify: true`, so the service's `insecure_skip_tls_verify` has no \
         effect; remove it",
    );
    let (ca, _) = pems();
    let both = format!(
        "{SERVER}, insecure-skip-tls-verify: true, certificate-authority-data: {}",
        BASE64_STANDARD.encode(ca)
    );
    refused(
        &one(&both, "token: tok-123"),
        "insecure_skip_tls_verify: true",
        "cluster `c`: has `certificate-authority` and `insecure-skip-tls-verify`; remove one of the two",
    );
    let dir = dir();
    let kubernetes = "kubeconfig: k, insecure_skip_tls_verify: true";
    let config = resolved(dir.path(), &[("k", &insecure)], kubernetes, "").unwrap();
    assert!(service(&config).network.tls[0].trusts_anybody());
}

#[test]
fn what_is_missing_is_named() {
    let two = "{ contexts: [{ name: prod, context: { cluster: c, user: u } }, { name: dev, context: { cluster: d } },
        { name: nobody, context: { user: u } }, { name: gone, context: { cluster: cc, user: u } },
        { name: twice, context: { cluster: t, user: u } }, { name: lost, context: { cluster: c, user: uu } }],
        clusters: [{ name: c, cluster: { server: 'https://h' } }, { name: d }, { name: t }, { name: t }],
        users: [{ name: u, user: {} }] }";
    for (context, expected) in [
        (
            "",
            "has no `current-context`; choose one with `context`. Its contexts: prod, dev, nobody, gone, twice, lost.",
        ),
        ("prd", "there is no context `prd`. Did you mean `prod`?"),
        ("staging", "there is no context `staging`. Known here: prod, dev, nobody, gone, twice, lost."),
        ("dev", "context `dev` names no `user`; `kubectl config set-context dev --user=NAME` adds it"),
        (
            "nobody",
            "context `nobody` names no `cluster`; `kubectl config set-context nobody --cluster=NAME` adds it",
        ),
        ("gone", "context `gone` names cluster `cc`, which is not there. Did you mean `c`?"),
        ("lost", "context `lost` names user `uu`, which is not there. Did you mean `u`?"),
        ("twice", "two clusters are called `t`; rename one"),
    ] {
        let context = if context.is_empty() { String::new() } else { format!("context: {context}") };
        refused(two, &context, expected);
    }
    refused("{}", "", "has no `current-context`; choose one with `context`. Its contexts: none.");
    refused(&one("", "token: tok-123"), "", "cluster `c`: has no `server`; name its URL");
}

#[test]
fn what_cannot_be_used_is_named() {
    let with = |cluster: &str| one(&format!("{SERVER}, {cluster}"), "");
    let by = |user: &str| one(SERVER, user);
    for (kubeconfig, expected) in [
        (
            with("certificate-authority-data: '%'"),
            "cluster `c`: certificate-authority-data is not base64; write what `base64 -w0 FILE` prints",
        ),
        (
            with("certificate-authority-data: eHh4eA=="),
            "cluster `c`: certificate-authority-data: holds no certificate in PEM",
        ),
        (
            with("certificate-authority: nowhere"),
            "cluster `c`: certificate-authority: DIR/nowhere cannot be read: No such file or directory (os error 2)",
        ),
        (with("tls-server-name: 'a b'"), "cluster `c`: tls-server-name: `a b` is not the name of a server"),
        (by("token: abc"), "user `u`: token is shorter than 4 bytes"),
        (
            by("token: \"two\\nlines\""),
            "user `u`: value: holds characters that a header cannot carry (a newline, perhaps)",
        ),
        (
            by("tokenFile: nowhere"),
            "user `u`: tokenFile: DIR/nowhere cannot be read: No such file or directory (os error 2)",
        ),
        (
            by("tokenFile: k2"),
            "user `u`: tokenFile: DIR/k2 cannot be read: No such file or directory (os error 2)",
        ),
        (by("username: ada"), "user `u`: `username` and `password` go together"),
        (
            by("token: also-one, username: ada, password: pass"),
            "user `u`: has a token and a `username` or `password`; a request carries one of them",
        ),
        (by("client-key-data: eHh4eA=="), "user `u`: `client-certificate` and `client-key` go together"),
    ] {
        refused(&kubeconfig, "", expected);
    }
    for server in ["10.0.0.1:6443", "ftp://h", "https://u:p@h", "https://h/?a"] {
        refused(
            &one(&format!("server: '{server}'"), ""),
            "",
            &format!(
                "cluster `c`: server: `{server}` is not the URL of a cluster; write it like https://10.0.0.1:6443"
            ),
        );
    }
    refused(
        &one("server: 'http://h'", "token: tok-123"),
        "",
        "cluster `c`: server: http://h:80 is not https, and a credential could be read on the way; write https://…",
    );
    let here = dir();
    assert!(resolved(here.path(), &[("k", &one("server: 'http://h'", ""))], "kubeconfig: k", "").is_ok());
}

#[test]
fn a_file_that_is_no_kubeconfig_is_refused_without_its_words() {
    let hint = "is not what a kubeconfig has there; `kubectl config view` shows what it makes of the file";
    refused("users: [{ name: u, user: s3cret }]", "", &format!("line 1, column 26: {hint}"));
    refused("users:\n- name: u\n  user: { token: [s3cret] }\n", "", &format!("line 3, column 18: {hint}"));
    let here = dir();
    let error = |file: &str| resolved(here.path(), &[], &format!("kubeconfig: '{file}'"), "").unwrap_err();
    let missing = "cannot be read: No such file or directory (os error 2)";
    let at = format!("tenants.t.services.utilities.kubernetes: {}", here.path().display());
    assert_eq!(error("nowhere"), format!("{at}/nowhere: {missing}"));
    let several = "several files joined with `:` are not supported, `kubectl config view --flatten --raw` makes one of them";
    assert_eq!(error("a:b"), format!("{at}/a:b: {missing}; {several}"));
}

#[test]
fn what_contradicts_or_would_have_no_effect_is_refused() {
    let here = dir();
    let key = "tenants.t.services.utilities";
    let error = |kubernetes: &str, rest: &str| {
        let files = [("k", one(SERVER, "token: tok-123"))];
        let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
        resolved(here.path(), &files, kubernetes, rest).unwrap_err()
    };
    for (kubernetes, expected) in [
        ("context: a", "context: has no effect without `kubeconfig`"),
        ("service_account: a", "service_account: has no effect without `in_cluster: true`"),
        ("kubeconfig: k, service_account: a", "service_account: has no effect without `in_cluster: true`"),
        ("insecure_skip_tls_verify: true", "insecure_skip_tls_verify: has no effect without `kubeconfig`"),
        (
            "in_cluster: true, insecure_skip_tls_verify: true",
            "insecure_skip_tls_verify: has no effect without `kubeconfig`",
        ),
        ("in_cluster: true, context: a", "context: has no effect without `kubeconfig`"),
        (
            "in_cluster: true, kubeconfig: k",
            "`kubeconfig` and `in_cluster` are two clusters; remove one of the two",
        ),
    ] {
        assert_eq!(error(kubernetes, ""), format!("{key}.kubernetes: {expected}"));
    }
    let server = "https://10.0.0.1:6443";
    assert_eq!(
        error("kubeconfig: k", "config: { url: 'https://elsewhere/' }"),
        format!(
            "{key}.config.url: `https://elsewhere/` is not at {server}, the cluster's server, where alone its credential \
             goes; leave it out"
        )
    );
    assert_eq!(
        error("kubeconfig: k", &format!("credentials: [{{ for: '{server}', bearer: abcd }}]")),
        format!(
            "{key}.credentials[0]: {server} gets the credential that `kubernetes` finds; remove one of the two"
        )
    );
    let (ca, _) = pems();
    fs::write(here.path().join("ca"), &ca).unwrap();
    let inline = format!("{SERVER}, certificate-authority: ca");
    let files = [("k2", one(&inline, ""))];
    let files = files.each_ref().map(|(name, text)| (*name, text.as_str()));
    let rest = format!("network: {{ tls: [{{ for: '{server}', ca: ca }}] }}");
    assert_eq!(
        resolved(here.path(), &files, "kubeconfig: k2", &rest).unwrap_err(),
        format!("{key}.network.tls[0]: {server} gets the TLS that `kubernetes` finds; remove one of the two")
    );
}

#[test]
fn what_goes_together_is_kept() {
    let here = dir();
    let kubeconfig = one("server: 'https://h:6443'", "token: tok-123");
    let rest = "config: { url: 'https://h:6443/prefix', namespace: mine },
        credentials: [{ for: 'https://h:6443', header: X-Trace, value: blue }, { for: 'https://other', bearer: abcd }]";
    let config = resolved(here.path(), &[("k", &kubeconfig)], "kubeconfig: k", rest).unwrap();
    let service = service(&config);
    assert_eq!(service.config, json!({ "url": "https://h:6443/prefix", "namespace": "mine" }));
    assert_eq!(service.credentials.len(), 3);
}

#[test]
fn a_default_may_name_the_file_and_a_service_the_context() {
    let here = dir();
    fs::write(here.path().join("k"), one(SERVER, "token: tok-123")).unwrap();
    let text = "defaults: { services: { utilities: { kubernetes: { kubeconfig: k, context: gone } } } }
tenants: { t: { services: { utilities: { kubernetes: { context: here } } } } }";
    let config = resolve::resolve(parse(text).unwrap(), here.path()).unwrap();
    assert_eq!(service(&config).config, json!({ "url": "https://10.0.0.1:6443" }));
}

#[test]
fn a_pod_is_found_by_its_environment_and_its_service_account() {
    let (here, (ca, _)) = (dir(), pems());
    let file = |name: &str| here.path().join(name).display().to_string();
    let pod = |name: &str| match name {
        "KUBERNETES_SERVICE_HOST" => Some("10.96.0.1".to_owned()),
        "KUBERNETES_SERVICE_PORT" => Some("443".to_owned()),
        _ => None,
    };
    let error = || in_cluster::read(here.path(), &pod).and_then(Cluster::new).unwrap_err();
    let missing = |name: &str| {
        format!(
            "in_cluster: {} cannot be read: No such file or directory (os error 2); see that the pod has a service account \
             (`automountServiceAccountToken`)",
            file(name)
        )
    };
    assert_eq!(error(), missing("token"));
    fs::write(here.path().join("token"), "abc\n").unwrap();
    assert_eq!(error(), format!("in_cluster: {} is shorter than 4 bytes", file("token")));
    fs::write(here.path().join("token"), "tok-123\n").unwrap();
    assert_eq!(error(), missing("ca.crt"));
    fs::write(here.path().join("ca.crt"), "x").unwrap();
    assert_eq!(error(), format!("in_cluster: {}: holds no certificate in PEM", file("ca.crt")));
    fs::write(here.path().join("ca.crt"), ca).unwrap();
    let found = || in_cluster::read(here.path(), &pod).and_then(Cluster::new).unwrap();
    assert_eq!(found().namespace, None);
    fs::write(here.path().join("namespace"), "shop").unwrap();
    assert_eq!(found().namespace.as_deref(), Some("shop"));
    assert_eq!(found().server.url().as_str(), "https://10.96.0.1/");
    let shown = format!("(the service account in {})", here.path().display());
    assert_eq!(
        found().credential.unwrap().to_string(),
        format!("header authorization for https://10.96.0.1:443 {shown}")
    );
    let v6 = |name: &str| Some(if name.ends_with("HOST") { "fd00::1" } else { "6443" }.to_owned());
    let cluster = in_cluster::read(here.path(), &v6).and_then(Cluster::new).unwrap();
    assert_eq!(cluster.server.url().as_str(), "https://[fd00::1]:6443/");
    assert_eq!(
        in_cluster::read(here.path(), &|_| None).err().unwrap(),
        "in_cluster: KUBERNETES_SERVICE_HOST is not set, so the host does not run in a pod; name a `kubeconfig` instead"
    );
}

#[test]
fn every_file_of_a_cluster_is_followed() {
    let here = dir();
    let kubeconfig = one(
        &format!("{SERVER}, certificate-authority: ca"),
        "tokenFile: /run/t, client-certificate: c, client-key: k",
    );
    fs::write(here.path().join("kc"), kubeconfig).unwrap();
    let files = |yaml: &str| serde_saphyr::from_str::<Kubernetes>(yaml).unwrap().files(here.path());
    let at = |names: &[&str]| names.iter().map(|name| here.path().join(name)).collect::<Vec<_>>();
    assert_eq!(files("kubeconfig: kc"), at(&["kc", "ca", "/run/t", "c", "k"]));
    // One that cannot be used may be mended.
    assert_eq!(files("{ kubeconfig: kc, context: other }"), at(&["kc"]));
    assert_eq!(files("kubeconfig: nowhere"), at(&["nowhere"]));
    assert_eq!(
        files("{ in_cluster: true, service_account: sa }"),
        at(&["sa/token", "sa/ca.crt", "sa/namespace"])
    );
    assert_eq!(
        files("in_cluster: true")[0],
        Path::new("/var/run/secrets/kubernetes.io/serviceaccount/token")
    );
    assert_eq!(files("in_cluster: false"), at(&[]));
}
