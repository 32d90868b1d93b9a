//! Guests in JavaScript and Python, on the contract's bare bindings: they answer, each call in a fresh instance, and
//! their sandbox is that of all others.

use std::{
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use bulkhead::{app, config::load};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{Server, root, script, tenancy::callers};

const ALL: &str = "tools: ['*']";
const GUESTS: [&str; 2] = ["add-js", "add-py"];
const OUT_OF_TIME: &str = "the integration was stopped: it used up its processor time of 500ms";
const OUT_OF_MEMORY: &str = "the integration was stopped: it needed more than its memory limit of 64.0 MiB";

/// A tenant's services, each guest under its own name.
fn tenant(name: &str, limits: &str) -> String {
    let service = |guest: &&str| {
        let file = root().join("target/guests").join(guest).with_extension("wasm");
        let file = file.display();
        format!("{guest}: {{ component: '{file}', config: {{ name: {name} }}, limits: {{ {limits} }} }}")
    };
    format!("{name}: {{ services: {{ {} }} }}", GUESTS.iter().map(service).collect::<Vec<_>>().join(", "))
}

/// A host with these tenants. The guests are built, and compiled, once per run: that takes a minute.
async fn serving(auth: &str, tenants: &[String]) -> Server {
    static COMPILED: Mutex<Option<PathBuf>> = Mutex::new(None);
    static ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _one = ONE.lock().await;
    let compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let cache = match compiled {
        Some(cache) => cache,
        None => {
            script("languages", &[]);
            let cache = root().join("target/guests/compiled");
            let _ = std::fs::remove_dir_all(&cache);
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("bulkhead.yaml");
            std::fs::write(&file, config(&cache, "", &[tenant("once", "")])).unwrap();
            app::build(load::file(&file).unwrap()).await.unwrap();
            COMPILED.lock().unwrap_or_else(PoisonError::into_inner).insert(cache).clone()
        }
    };
    Server::start(&config(&cache, auth, tenants))
}

fn config(cache: &std::path::Path, auth: &str, tenants: &[String]) -> String {
    format!(
        "components: {{ cache_dir: '{}' }}\n{auth}tenants: {{ {} }}\n",
        cache.display(),
        tenants.join(", ")
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn guests_in_other_languages_answer_each_call_afresh_and_within_their_limits() {
    let server = serving("", &[tenant("test", "cpu: 500ms, memory: 64MiB")]).await;
    let client = server.client();
    for guest in GUESTS {
        let call = |tool: &str, arguments: Value| {
            let tool = format!("{guest}_{tool}");
            let client = &client;
            async move { client.call(&tool, arguments).await }
        };
        for _ in 0..3 {
            assert_eq!(
                call("add", json!({ "a": 1, "b": 2 })).await["structuredContent"],
                json!({ "sum": 3 })
            );
            let remembered = call("remember", json!({})).await;
            assert_eq!(remembered["structuredContent"], json!({ "calls": 1, "name": "test" }));
        }
        for (tool, reason, text) in
            [("spin", "cpu_exceeded", OUT_OF_TIME), ("hoard", "out_of_memory", OUT_OF_MEMORY)]
        {
            let stopped = call(tool, json!({})).await;
            assert_eq!(stopped["_meta"]["bulkhead/error"]["reason"], json!(reason), "{guest}: {stopped}");
            assert_eq!(stopped["content"][0]["text"], json!(text), "{guest}");
        }
        // What was stopped left nothing behind either.
        let remembered = call("remember", json!({})).await;
        assert_eq!(remembered["structuredContent"], json!({ "calls": 1, "name": "test" }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tenants_with_one_image_see_their_own_config_and_no_others() {
    let (auth, keys) = callers([("a", "acme", ALL), ("b", "apex", ALL)]);
    let server = serving(&auth, &[tenant("acme", ""), tenant("apex", "")]).await;
    let clients = keys.map(|key| server.client_of(&key, "/mcp"));
    let calls = (0..40).map(|number| {
        let (client, tenant) = (&clients[number % 2], ["acme", "apex"][number % 2]);
        async move {
            let remembered = client.call(&format!("{}_remember", GUESTS[number / 2 % 2]), json!({})).await;
            assert_eq!(remembered["structuredContent"], json!({ "calls": 1, "name": tenant }));
        }
    });
    join_all(calls).await;
}
