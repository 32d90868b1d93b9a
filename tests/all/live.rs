//! A catalogue that changes while it serves: components that come, change and go; edits of the configuration, good and
//! bad; and what that means for calls, callers and listeners.

pub(crate) mod listeners;
mod storm;

use std::{collections::BTreeSet, fs, os::unix::fs::symlink, path::Path, sync::Mutex, sync::mpsc};

use bulkhead::{auth::key, secret::Secret};
use http_body_util::Full;
use hyper::{Response, body::Bytes};
use serde_json::{Value, json};

use crate::support::{
    Server, Upstream, component, replace,
    tenancy::{callers, shop},
};

/// A server with a folder of components and nothing else in its config.
fn folder_only(dir: &Path) -> Server {
    let components = dir.join("components");
    fs::create_dir(&components).unwrap();
    let file = dir.join("bulkhead.yaml");
    fs::write(&file, "components: { dir: components, trust: folder }\n").unwrap();
    Server::of(&file)
}

/// Puts a component into a folder the way `cp` does.
fn copy(name: &str, to: &Path) {
    fs::copy(component(name), to).unwrap();
}

/// The same, until it is in force, and what was loaded for it: a copy that stalls half way may be told as a fault, or as
/// nothing, before.
fn put(server: &Server, name: &str, to: &Path, loaded: &str) {
    let mark = server.mark();
    copy(name, to);
    server.logged_after(mark, |entry| {
        entry["message"] == "the configuration is in force"
            && entry["faults"] == 0
            && entry["loaded"] == loaded
    });
}

async fn health(server: &Server) -> Value {
    serde_json::from_str(&server.client().get("/healthz").await).unwrap()
}

#[tokio::test]
async fn a_component_that_is_dropped_in_is_served_replaced_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let server = folder_only(dir.path());
    let file = dir.path().join("components/calc.wasm");
    assert_eq!(server.client().tools().await, [""; 0]);
    put(&server, "add", &file, "local/calc");
    assert_eq!(server.client().ok("calc_add", json!({ "a": 1, "b": 2 })).await, json!({ "sum": 3 }));
    put(&server, "hostile", &file, "local/calc");
    let more = ["calc_add", "calc_nap", "calc_fetch", "calc_panic"];
    assert_eq!(server.client().tools().await, more);
    // The previous digest is compiled still.
    put(&server, "add", &file, "local/calc");
    assert_eq!(server.client().tools().await, ["calc_add"]);
    let mark = server.mark();
    fs::remove_file(&file).unwrap();
    assert_eq!(server.in_force_after(mark)["removed"], "local/calc");
    assert_eq!(server.client().tools().await, [""; 0]);
}

#[tokio::test]
async fn a_component_that_needs_a_config_is_left_out_when_it_is_only_dropped_in() {
    let dir = tempfile::tempdir().unwrap();
    let server = folder_only(dir.path());
    let mark = server.mark();
    copy("shop", &dir.path().join("components/shop.wasm"));
    let told = server.logged_after(mark, |entry| {
        let error = entry["error"].as_str().unwrap_or_default();
        entry["service"] == "shop" && error.contains("\"sign\" is a required property")
    });
    let left_out = json!([{ "name": "shop", "state": "left_out", "why": told["error"] }]);
    assert_eq!(health(&server).await["services"], left_out);
    // What `defaults` say of a service of that name is its config.
    server
        .edit("components: { dir: components }\ndefaults: { services: { shop: { config: { sign: S } } } }\n");
    assert_eq!(server.client().ok("shop_who", json!({})).await["sign"], "S");
}

#[tokio::test]
async fn a_half_written_component_waits_and_the_old_one_serves() {
    let dir = tempfile::tempdir().unwrap();
    let server = folder_only(dir.path());
    let file = dir.path().join("components/calc.wasm");
    put(&server, "add", &file, "local/calc");
    let whole = fs::read(component("hostile")).unwrap();
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    // Something else that changes is in force at once, and what is half written is no error of it.
    let mark = server.mark();
    copy("add", &dir.path().join("components/other.wasm"));
    server.logged_after(mark, |entry| entry["loaded"] == "local/other");
    assert_eq!(server.client().ok("calc_add", json!({ "a": 1, "b": 2 })).await, json!({ "sum": 3 }));
    let mark = server.mark();
    fs::write(&file, &whole).unwrap();
    server.logged_after(mark, |entry| entry["loaded"] == "local/calc");
    assert!(server.client().tools().await.contains(&"calc_nap".to_owned()));
}

#[tokio::test]
async fn a_bad_component_never_takes_a_good_ones_place() {
    let dir = tempfile::tempdir().unwrap();
    let server = folder_only(dir.path());
    let file = dir.path().join("components/calc.wasm");
    put(&server, "add", &file, "local/calc");
    for bad in [&b"\0asm rubbish"[..], b""] {
        let mark = server.mark();
        fs::write(&file, bad).unwrap();
        let error =
            server.logged_after(mark, |entry| entry["service"] == "calc" && entry["level"] == "ERROR");
        assert_eq!(error["message"], "a service cannot be loaded; it is served as before");
        server.in_force_after(mark);
        assert_eq!(server.client().ok("calc_add", json!({ "a": 1, "b": 2 })).await, json!({ "sum": 3 }));
        let reload = health(&server).await["reload"].clone();
        assert_eq!(reload["successful"], false);
        assert!(reload["errors"][0].as_str().unwrap().starts_with("service `calc`: "), "{reload}");
        put(&server, "add", &file, "");
        assert_eq!(health(&server).await["reload"]["successful"], true);
    }
}

#[tokio::test]
async fn an_invalid_edit_keeps_what_was_good_and_says_so() {
    let one =
        |sign: &str| format!("tenants: {{ t: {{ services: {{ {} }} }} }}\n", shop("shop", sign, None, ""));
    let server = Server::start(&one("first"));
    let sign = async || server.client().ok("shop_who", json!({})).await["sign"].clone();
    let mark = server.mark();
    replace(server.file(), one("second") + "nonsense: 1\n");
    let told = server.logged_after(mark, |entry| entry["level"] == "ERROR");
    let why = "unknown key `nonsense`";
    assert!(told["error"].as_str().unwrap().contains(why), "{told}");
    assert_eq!(sign().await, "first");
    let reload = health(&server).await["reload"].clone();
    assert_eq!(reload["successful"], false);
    assert!(reload["errors"][0].as_str().unwrap().contains(why), "{reload}");
    let metrics = server.client().get("/metrics").await;
    for line in [
        "bulkhead_config_reloads_total{outcome=\"failed\"} 1",
        "bulkhead_config_reloads_total{outcome=\"applied\"} 0",
        "bulkhead_config_last_reload_successful 0",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    server.edit(&one("third"));
    assert_eq!(sign().await, "third");
    assert_eq!(health(&server).await["reload"]["successful"], true);
    let metrics = server.client().get("/metrics").await;
    for line in
        ["bulkhead_config_reloads_total{outcome=\"applied\"} 1", "bulkhead_config_last_reload_successful 1"]
    {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    // An empty file is one that somebody is about to write.
    let mark = server.mark();
    fs::write(server.file(), "").unwrap();
    let told = server.logged_after(mark, |entry| entry["level"] == "ERROR");
    assert!(told["error"].as_str().unwrap().contains("is empty"), "{told}");
    assert_eq!(sign().await, "third");
}

#[tokio::test]
async fn a_service_that_cannot_be_loaded_anew_stays_and_the_rest_changes() {
    let with = |a: &str, b: &str| {
        format!("tenants: {{ t: {{ services: {{ {}, {b} }} }} }}\n", shop("a", a, None, ""))
    };
    let server = Server::start(&with("a1", &shop("b", "b1", None, "")));
    let file = component("shop");
    let told =
        server.edit(&with("a2", &format!("b: {{ component: '{}', config: {{ sign: 3 }} }}", file.display())));
    assert_eq!((&told["loaded"], &told["faults"]), (&json!("t/a"), &json!(1)));
    assert_eq!(server.client().ok("a_who", json!({})).await["sign"], "a2");
    assert_eq!(server.client().ok("b_who", json!({})).await["sign"], "b1");
}

#[tokio::test]
async fn a_swapped_link_brings_config_and_secrets_at_one_moment() {
    let seen = Upstream::start(|received| {
        let token = received.headers.get("x-token").unwrap().clone();
        Response::new(Full::from(Bytes::copy_from_slice(token.as_bytes())))
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let version = |name: &str| {
        let folder = dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        let rest = format!(
            "credentials: [{{ for: '{}', header: X-Token, value: '${{secret:token}}' }}]",
            seen.url()
        );
        let service = shop("shop", name, Some(&seen.url()), &rest);
        let config = format!(
            "secrets: {{ token: {{ file: token }} }}\ntenants: {{ t: {{ services: {{ {service} }} }} }}\n"
        );
        fs::write(folder.join("bulkhead.yaml"), config).unwrap();
        fs::write(folder.join("token"), format!("token-of-{name}")).unwrap();
    };
    version("..v1");
    version("..v2");
    symlink("..v1", dir.path().join("..data")).unwrap();
    for file in ["bulkhead.yaml", "token"] {
        symlink(Path::new("..data").join(file), dir.path().join(file)).unwrap();
    }
    let server = Server::of(&dir.path().join("bulkhead.yaml"));
    let found = async || {
        let found = server.client().ok("shop_write", json!({ "item": "x" })).await;
        (found["sign"].clone(), found["found"].clone())
    };
    // The token itself never comes back to a client: what the upstream echoes is blotted out.
    assert_eq!(found().await.0, "..v1");
    let mark = server.mark();
    symlink("..v2", dir.path().join("..new")).unwrap();
    fs::rename(dir.path().join("..new"), dir.path().join("..data")).unwrap();
    server.in_force_after(mark);
    assert_eq!(found().await.0, "..v2");
    // A secret alone, edited in place.
    let mark = server.mark();
    fs::write(dir.path().join("..v2/token"), "token-of-nobody").unwrap();
    server.in_force_after(mark);
    found().await;
    let sent: Vec<_> =
        seen.received().iter().map(|one| one.headers["x-token"].to_str().unwrap().to_owned()).collect();
    assert_eq!(sent, ["token-of-..v1", "token-of-..v2", "token-of-nobody"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_call_under_way_ends_as_it_began_and_a_new_one_sees_the_change() {
    let (release, held) = mpsc::channel::<()>();
    let (arrived, waiting) = mpsc::channel::<()>();
    let held = Mutex::new((held, arrived));
    let upstream = Upstream::start(move |received| {
        if received.target == "/slow" {
            let held = held.lock().unwrap();
            held.1.send(()).unwrap();
            tokio::task::block_in_place(|| held.0.recv().unwrap());
        }
        Response::new(Full::from(received.target.clone()))
    })
    .await;
    let dir = tempfile::tempdir().unwrap();
    let components = dir.path().join("components");
    fs::create_dir(&components).unwrap();
    copy("shop", &components.join("shop.wasm"));
    let config = |sign: &str, token: &str| {
        fs::write(dir.path().join("token"), token).unwrap();
        format!(
            "secrets: {{ token: {{ file: token }} }}
tenants: {{ t: {{ services: {{ shop: {{ config: {{ sign: {sign}, url: '{url}' }},
    credentials: [{{ for: '{url}', header: X-Token, value: '${{secret:token}}' }}] }} }} }} }}\n",
            url = upstream.url()
        )
    };
    let file = dir.path().join("bulkhead.yaml");
    fs::write(&file, config("before", "token-before")).unwrap();
    let server = Server::of(&file);
    let client = server.client();
    let slow = tokio::spawn(async move { client.ok("shop_write", json!({ "item": "slow" })).await });
    tokio::task::block_in_place(|| waiting.recv().unwrap());
    server.edit(&config("after", "token-after"));
    let quick = server.client().ok("shop_write", json!({ "item": "quick" })).await;
    assert_eq!((&quick["sign"], &quick["found"]), (&json!("after"), &json!("/quick")));
    // Even when its service is no more.
    server.edit("tenants: { t: {} }\n");
    assert_eq!(server.client().tools().await, [""; 0]);
    release.send(()).unwrap();
    let slow = slow.await.unwrap();
    assert_eq!((&slow["sign"], &slow["found"]), (&json!("before"), &json!("/slow")));
    let tokens: Vec<_> = upstream.received().iter().map(|one| one.headers["x-token"].clone()).collect();
    assert_eq!(tokens, ["token-before", "token-after"]);
}

#[tokio::test]
async fn a_key_that_is_removed_is_refused_and_one_that_is_added_is_not() {
    let keys = [0; 3].map(|_| key::generate().unwrap());
    let entry = |id: &str, key: &Secret, tools: &str| {
        format!("{{ id: {id}, tenant: t, sha256: '{}', tools: ['{tools}'] }}", key::fingerprint(key))
    };
    let [stays, goes, comes] = &keys;
    let config = |entries: &[String]| {
        let shop = shop("shop", "s", None, "");
        let entries = entries.join(", ");
        format!("auth: {{ api_keys: [{entries}] }}\ntenants: {{ t: {{ services: {{ {shop} }} }} }}\n")
    };
    let server = Server::start(&config(&[entry("stays", stays, "*"), entry("goes", goes, "*")]));
    let status = async |key: &Secret| {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} }).to_string();
        server.client_of(key.expose(), "/mcp").post(&body).await.status().as_u16()
    };
    assert_eq!((status(stays).await, status(goes).await, status(comes).await), (200, 200, 401));
    server.edit(&config(&[entry("stays", stays, "*"), entry("comes", comes, "shop_who")]));
    assert_eq!((status(stays).await, status(goes).await, status(comes).await), (200, 401, 200));
    assert_eq!(server.client_of(comes.expose(), "/mcp").tools().await, ["shop_who"]);
    assert_eq!(server.client_of(stays.expose(), "/mcp").tools().await.len(), 6);
}

#[tokio::test]
async fn what_was_used_of_a_quota_stays_used() {
    let (auth, [mine]) = callers([("me", "t", "tools: ['*'], limits: { calls_per_day: 2 }")]);
    let config = |sign: &str, tenant: &str, service: &str| {
        let shop = shop("shop", sign, None, &format!("limits: {{ calls_per_day: {service} }}"));
        format!(
            "{auth}tenants: {{ t: {{ limits: {{ calls_per_day: {tenant} }}, services: {{ {shop} }} }} }}\n"
        )
    };
    let server = Server::start(&config("a", "10", "10"));
    let client = server.client_of(&mine, "/mcp");
    client.ok("shop_who", json!({})).await;
    server.edit(&config("b", "10", "10"));
    assert_eq!(client.ok("shop_who", json!({})).await["sign"], "b");
    server.edit(&config("c", "10", "10"));
    let (reason, text) = client.refused("shop_who", json!({})).await;
    assert_eq!(reason, "quota_exceeded");
    assert!(text.contains("2 calls a day"), "{text}");
    // Another limit, and what was used counts: of the caller, of the service, of the tenant.
    let more = |config: String| config.replacen("calls_per_day: 2 }", "calls_per_day: 9 }", 1);
    for (tenant, service, key) in
        [("10", "2", "tenants.t.services.shop.limits"), ("2", "10", "tenants.t.limits")]
    {
        server.edit(&more(config("d", tenant, service)));
        let (_, text) = client.refused("shop_who", json!({})).await;
        assert!(text.contains(&format!("{key}.calls_per_day")), "{text}");
    }
    server.edit(&more(config("e", "3", "3")));
    assert_eq!(client.ok("shop_who", json!({})).await["sign"], "e");
    client.refused("shop_who", json!({})).await;
}

#[tokio::test]
async fn what_stays_the_same_is_the_same() {
    use std::sync::Arc;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bulkhead.yaml");
    let (auth, _) = callers([("me", "t", "tools: ['*']")]);
    let load = |a: &str, b: &str, rest: &str| {
        let services = [shop("a", a, None, ""), shop("b", b, None, "")].join(", ");
        fs::write(
            &file,
            format!("{auth}{rest}\ntenants: {{ t: {{ services: {{ {services} }} }}, u: {{}} }}"),
        )
        .unwrap();
        bulkhead::config::load::file(&file).unwrap()
    };
    let host = bulkhead::app::build(load("a1", "b1", "")).await.unwrap();
    let before = host.snapshot();
    let nothing = host.reload(load("a1", "b1", ""), true, &BTreeSet::new()).await.unwrap();
    assert!(!nothing.changed && Arc::ptr_eq(&before, &host.snapshot()));
    let one = host.reload(load("a1", "b2", ""), true, &BTreeSet::new()).await.unwrap();
    assert_eq!((one.changed, one.loaded), (true, vec!["t/b".to_owned()]));
    let after = host.snapshot();
    let same = |name| {
        Arc::ptr_eq(after.catalog.service("t", name).unwrap(), before.catalog.service("t", name).unwrap())
    };
    assert!(same("a") && !same("b") && Arc::ptr_eq(&after.auth, &before.auth));
    assert_ne!(after.catalog.generation("t"), before.catalog.generation("t"));
    assert_eq!(after.catalog.generation("u"), before.catalog.generation("u"));
    // Code is shared: nothing was compiled or loaded for the service that changed.
    let component =
        |at: &bulkhead::live::Snapshot| at.catalog.service("t", "b").unwrap().compartment.component.clone();
    assert!(Arc::ptr_eq(&component(&after), &component(&before)));
    host.reload(load("a1", "b2", "presets: { p: { tools: ['*'] } }"), true, &BTreeSet::new()).await.unwrap();
    assert!(Arc::ptr_eq(&host.snapshot().auth, &before.auth), "a preset that nobody has changes nobody");
    assert_eq!(host.snapshot().presets.len(), 1);
}

#[tokio::test]
async fn what_was_left_out_is_left_out_still_while_its_file_may_be_being_written() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("components")).unwrap();
    fs::write(dir.path().join("components/calc.wasm"), "rubbish").unwrap();
    let file = dir.path().join("bulkhead.yaml");
    fs::write(&file, "tenants: { t: { services: { calc: {}, utilities: {} } } }\n").unwrap();
    let load = || bulkhead::config::load::file(&file).unwrap();
    let host = bulkhead::app::build(load()).await.unwrap();
    let before = host.snapshot();
    assert_eq!(before.catalog.left_out().len(), 1);
    let again = host.reload(load(), false, &BTreeSet::new()).await.unwrap();
    assert!(again.unfinished && !again.changed);
    assert_eq!(host.snapshot().catalog.left_out(), before.catalog.left_out());
}

#[tokio::test]
async fn names_that_are_taken_or_look_so_are_errors_of_the_later_service_only() {
    let config =
        |services: &[String]| format!("tenants: {{ t: {{ services: {{ {} }} }} }}\n", services.join(", "));
    let renamed = "tools: { rename: { shop-a_who: shop_who } }";
    let (first, later) = (shop("shop", "s", None, ""), shop("shop-a", "s", None, renamed));
    let server = Server::start(&config(&[first.clone(), later.clone()]));
    let left_out = server.logged(|entry| entry["message"] == "a service is left out");
    assert_eq!(left_out["error"], "services `shop` and `shop-a` both have a tool `shop_who`");
    assert_eq!(server.client().tools().await.len(), 6);
    // One that comes while others serve is the later one, wherever it stands.
    let told = server.edit(&config(&[shop("sh0p", "s", None, ""), first]));
    assert_eq!(told["faults"], 1);
    server.logged(|entry| {
        entry["error"] == "its name looks like that of service `shop`; give one of them another"
            && entry["service"] == "sh0p"
    });
    assert_eq!(server.client().ok("shop_who", json!({})).await["sign"], "s");
}

#[tokio::test]
async fn what_needs_a_restart_is_told_and_the_rest_is_in_force() {
    let config = |sign: &str, rest: &str| {
        format!("{rest}tenants: {{ t: {{ services: {{ {} }} }} }}\n", shop("shop", sign, None, ""))
    };
    let server = Server::start(&config("a", ""));
    let rest = "server: { concurrent_calls: 9, metrics_open: true }\ncache: { max_bytes: 1MiB }\n";
    server.edit(&config("b", rest));
    let told =
        server.logged(|entry| entry["message"] == "what these keys say has changed and needs a restart");
    assert_eq!(told["keys"], "server.concurrent_calls, server.metrics_open, cache");
    assert_eq!(server.client().ok("shop_who", json!({})).await["sign"], "b");
    let told = server.edit(&config("c", "defaults: { service: { limits: { memory: 1GiB } } }\n"));
    assert_eq!(told["faults"], 1);
    server.logged(|entry| {
        entry["error"] == "limits.memory: only 64.0 MiB is reserved for each guest; restart the host"
    });
    assert_eq!(server.client().ok("shop_who", json!({})).await["sign"], "b");
}

#[tokio::test]
async fn sighup_reloads_and_answers() {
    let server = Server::start("tenants: { t: { services: { utilities: {} } } }\n");
    let mark = server.mark();
    let kill = std::process::Command::new("kill").args(["-HUP", &server.id().to_string()]).status();
    assert!(kill.unwrap().success());
    assert_eq!(server.in_force_after(mark)["changed"], false);
}
