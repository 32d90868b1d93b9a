//! A service whose tools come from outside is listed again: when a folder it reads changes, and at its `refresh`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use bulkhead::{
    app,
    call::Host,
    config::load,
    live::{again::Key, follow::Follower, reload::Reloaded},
};
use http_body_util::Full;
use hyper::Response;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{drawn, sending};
use crate::{
    command_line::bulkhead,
    live::listeners::Listener,
    support::{Server, Upstream, run, services},
};

/// A folder with a configuration and a document beside it, in a folder that the service reads.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(trust: &str, tools: &Value) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(folder.path().join("granted/sub")).unwrap();
        let granted = "files: [{ path: ./granted, at: /data }]";
        let service = drawn(&json!({ "file": "/data/sub/tools.json", "says": ["listing"] }), granted);
        fs::write(folder.config(), format!("components: {{ trust: {trust} }}\n{service}")).unwrap();
        folder.draw(&tools.to_string());
        folder
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn config(&self) -> PathBuf {
        self.path().join("bulkhead.yaml")
    }

    /// Writes the document.
    fn draw(&self, text: &str) {
        fs::write(self.path().join("granted/sub/tools.json"), text).unwrap();
    }

    async fn host(&self) -> Host {
        app::build(load::file(&self.config()).unwrap()).await.unwrap()
    }

    /// Has the service listed again.
    async fn again(&self, host: &Host) -> Reloaded {
        host.reload(load::file(&self.config()).unwrap(), true, &BTreeSet::from([key()])).await.unwrap()
    }
}

fn key() -> Key {
    ("test".to_owned(), "drawn".to_owned())
}

fn tools(host: &Host) -> Vec<String> {
    let catalog = host.catalog();
    let service = catalog.service("test", "drawn").unwrap();
    service.tools.iter().map(|tool| tool.name.clone()).collect()
}

#[tokio::test]
async fn a_file_that_is_edited_changes_the_tools_and_clients_are_told() {
    let folder = Folder::new("folder", &json!([{ "name": "one" }]));
    let server = Server::of(&folder.config());
    let mut listener = Listener::of(&server, "").await;
    assert_eq!(server.client().tools().await, ["drawn_one"]);
    let mark = server.mark();
    folder.draw(r#"[{ "name": "one" }, { "name": "two" }]"#);
    assert_eq!(server.in_force_after(mark)["loaded"], "test/drawn");
    Listener::is_told(listener.next().await);
    assert_eq!(server.client().tools().await, ["drawn_one", "drawn_two"]);

    // A document that cannot be used leaves what was good, and everybody who asks is told.
    let mark = server.mark();
    folder.draw("{");
    let told = server.logged_after(mark, |entry| entry["service"] == "drawn" && entry["level"] == "ERROR");
    assert_eq!(told["message"], "a service cannot be loaded; it is served as before");
    assert!(told["error"].as_str().unwrap().starts_with("listing it again: unexpected JSON: "), "{told}");
    server.in_force_after(mark);
    assert_eq!(server.client().tools().await, ["drawn_one", "drawn_two"]);
    let health: Value = serde_json::from_str(&server.client().get("/healthz").await).unwrap();
    assert_eq!(health["reload"]["successful"], false);
    let error = health["reload"]["errors"][0].as_str().unwrap();
    assert!(error.starts_with("service `drawn`: listing it again: "), "{error}");
    let metrics = server.client().get("/metrics").await;
    assert!(metrics.contains("bulkhead_config_last_reload_successful 0"), "{metrics}");

    // What is mended is in force, though it was not the configuration that was mended.
    let mark = server.mark();
    folder.draw(r#"[{ "name": "three" }]"#);
    server.in_force_after(mark);
    Listener::is_told(listener.next().await);
    assert_eq!(server.client().tools().await, ["drawn_three"]);
    let metrics = server.client().get("/metrics").await;
    assert!(metrics.contains("bulkhead_config_last_reload_successful 1"), "{metrics}");
}

#[tokio::test]
async fn what_is_listed_the_same_changes_nothing() {
    let meta = |plan: &str| json!([{ "name": "one", "meta": { "x": plan } }]);
    let folder = Folder::new("folder", &meta("a"));
    let host = folder.host().await;
    let before = host.snapshot();
    folder.draw(&format!(" {} ", meta("a")));
    let same = folder.again(&host).await;
    assert!(!same.changed && Arc::ptr_eq(&before, &host.snapshot()));
    // Anything the host or a client gets of it counts.
    folder.draw(&meta("b").to_string());
    let other = folder.again(&host).await;
    assert_eq!((other.changed, other.loaded), (true, vec!["test/drawn".to_owned()]));
    let after = host.snapshot();
    folder.draw(&json!([sending("one", "GET", "https://h/a")]).to_string());
    assert!(folder.again(&host).await.changed);
    // Nobody asked, so nobody looked.
    folder.draw(&meta("c").to_string());
    let config = load::file(&folder.config()).unwrap();
    assert!(!host.reload(config, true, &BTreeSet::new()).await.unwrap().changed);
    assert!(!Arc::ptr_eq(&after, &host.snapshot()));
}

#[tokio::test]
async fn what_cannot_be_listed_leaves_what_was_good() {
    let folder = Folder::new("folder", &json!([{ "name": "one" }]));
    let host = folder.host().await;
    for (document, why) in [
        ("{", "listing it again: unexpected JSON: "),
        (r#"[{ "name": "one" }, { "name": "one" }]"#, "it has two tools called `drawn_one`"),
        (r#"[{ "name": "one", "meta": { "bulkhead/egress": 1 } }]"#, "tool `one`: meta: `bulkhead/egress`"),
    ] {
        folder.draw(document);
        let failed = folder.again(&host).await;
        assert!(!failed.changed && failed.faults[0].why.starts_with(why), "{failed:?}");
        assert_eq!(tools(&host), ["one"]);
    }
}

#[tokio::test]
async fn other_tools_wait_for_approval_where_components_are_pinned() {
    let folder = Folder::new("pinned", &json!([{ "name": "one" }]));
    let server = Server::of(&folder.config());
    let mark = server.mark();
    folder.draw(r#"[{ "name": "one" }, { "name": "two" }]"#);
    let told = server.logged_after(mark, |entry| entry["service"] == "drawn" && entry["level"] == "ERROR");
    let waits = "it waits for approval: 1 new tool; `bulkhead approve drawn` shows and approves it";
    assert_eq!(told["error"], waits);
    assert_eq!(server.client().tools().await, ["drawn_one"]);
    let mark = server.mark();
    let file = folder.config().display().to_string();
    let approved = bulkhead(&["approve", "drawn", "--yes", "--config", &file]);
    assert!(approved.status.success(), "{approved:?}");
    server.in_force_after(mark);
    assert_eq!(server.client().tools().await, ["drawn_one", "drawn_two"]);
}

#[tokio::test]
async fn services_with_the_same_config_and_other_folders_have_their_own_tools() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        fs::create_dir(dir.path().join(name)).unwrap();
        fs::write(dir.path().join(name).join("t"), json!([{ "name": format!("of_{name}") }]).to_string())
            .unwrap();
    }
    let service = |name: &str| {
        let granted = dir.path().join(name).display().to_string();
        format!("config: {{ file: /data/t }}, files: [{{ path: '{granted}', at: /data }}]")
    };
    let server = Server::start(&services("drawn", &[("a", &service("a")), ("b", &service("b"))]));
    let mut tools = server.client().tools().await;
    tools.sort();
    assert_eq!(tools, ["a_of_a", "b_of_b"]);
}

/// An upstream with a document that changes, and how often it was fetched.
async fn document(text: &str) -> (Upstream, Arc<Mutex<String>>, watch::Receiver<u32>) {
    let text = Arc::new(Mutex::new(text.to_owned()));
    let (fetched, fetches) = watch::channel(0);
    let shown = text.clone();
    let upstream = Upstream::start(move |_| {
        fetched.send_modify(|times| *times += 1);
        Response::new(Full::from(shown.lock().unwrap().clone()))
    });
    (upstream.await, text, fetches)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_finds_what_has_changed_upstream() {
    let (upstream, text, mut fetches) = document(r#"[{ "name": "one" }]"#).await;
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bulkhead.yaml");
    let config = json!({ "url": upstream.url(), "fetch": format!("{}/api.json", upstream.url()) });
    let trusting = format!("components: {{ trust: folder }}\n{}", drawn(&config, "refresh: 10m"));
    fs::write(&file, trusting).unwrap();
    let config = load::file(&file).unwrap();
    let (started, host) = (config.without_tenants(), Arc::new(app::build(config).await.unwrap()));
    // What a file cannot say: a refresh that a test can wait for.
    let sooner = move || {
        let mut loaded = load::read(&file);
        let config = loaded.config.as_mut().unwrap();
        assert_eq!(config.tenants[0].services[0].refresh, Some(Duration::from_secs(600)));
        config.tenants[0].services[0].refresh = Some(Duration::from_millis(20));
        loaded
    };
    let stop = CancellationToken::new();
    let _stop = stop.clone().drop_guard();
    let mut lists = host.changes().of(&"test".into());
    tokio::spawn(Follower::new(host.clone(), started, sooner).unwrap().run(stop, || ()));
    let mut another = async |times: u32| {
        let until = *fetches.borrow() + times;
        fetches.wait_for(|fetched| *fetched >= until).await.unwrap();
    };
    // The first reload brings the shorter refresh into force, and with it another snapshot.
    another(2).await;
    let before = host.snapshot();
    another(3).await;
    assert!(Arc::ptr_eq(&before, &host.snapshot()), "the same again is nothing new");
    *text.lock().unwrap() = r#"[{ "name": "one" }, { "name": "two" }]"#.to_owned();
    lists.wait_for(|lists| lists.tools > 0).await.unwrap();
    assert_eq!(tools(&host), ["one", "two"]);
    *text.lock().unwrap() = "no JSON".to_owned();
    // The second fetch from now on begins after the first has failed.
    another(3).await;
    assert_eq!(tools(&host), ["one", "two"]);
    let last = host.last_reload().unwrap();
    assert!(last.faults[0].why.starts_with("listing it again: "), "{last:?}");
    *text.lock().unwrap() = r#"[{ "name": "three" }]"#.to_owned();
    lists.wait_for(|lists| lists.tools > 1).await.unwrap();
    assert_eq!(tools(&host), ["three"]);
}

#[test]
fn a_refresh_that_is_too_short_is_refused() {
    let output = run(&["check", "--offline"], &drawn(&json!({}), "refresh: 9s"));
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64));
    let why = "tenants.test.services.drawn.refresh: must be at least 10s; leave it out to not ask again";
    assert!(error.contains(why), "{error}");
}
