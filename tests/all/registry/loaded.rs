//! Signatures whenever a component is loaded: from the folder, from the cache of compiled code, while a host serves.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use super::{
    Registry, SIGNED,
    desk::{Desk, adder, digest, renamed},
};
use crate::support::Server;

/// A desk with the component in the folder, signed by a key.
fn signed_by(key: &str, signatures: &str) -> (Registry, Desk) {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    fs::create_dir(desk.path("components")).unwrap();
    desk.put("components/calc.wasm", &adder());
    desk.ok(&["sign", "components/calc.wasm", "--key", &format!("{key}.key")]);
    desk.configure(signatures, "calc: {}");
    (registry, desk)
}

/// Why the service is left out when a host starts.
fn left_out(server: &Server) -> String {
    let entry =
        server.logged(|entry| entry["message"] == "a service is left out" && entry["service"] == "calc");
    entry["error"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_in_is_held_to_its_signature() {
    let (_registry, desk) = signed_by("acme", SIGNED);
    let calls = json!({ "a": 1, "b": 2 });
    desk.serve().client().ok("calc_add", calls).await;
    // Its compiled code is in the cache now; that is no way around.
    fs::rename(desk.path("components/calc.wasm.sig.json"), desk.path("kept")).unwrap();
    let server = desk.serve();
    let why = left_out(&server);
    assert!(why.contains("calc.wasm: it is not signed: there is no calc.wasm.sig.json beside it"), "{why}");
    assert!(server.client().tools().await.iter().all(|tool| !tool.starts_with("calc_")));
    let health: Value = serde_json::from_str(&server.client().get("/healthz").await).unwrap();
    assert_eq!(health["services"][1], json!({ "name": "calc", "state": "left_out", "why": why }));
    // As soon as its signature is there, it is served.
    let mark = server.mark();
    fs::rename(desk.path("kept"), desk.path("components/calc.wasm.sig.json")).unwrap();
    server.logged_after(mark, |entry| entry["loaded"] == "acme/calc");
    server.client().ok("calc_add", json!({ "a": 1, "b": 2 })).await;
    // Others' bytes do not take its place, and it stays.
    let mark = server.mark();
    desk.put("components/calc.wasm", &renamed(adder()));
    let fault = server
        .logged_after(mark, |entry| entry["message"] == "a service cannot be loaded; it is served as before");
    let (was, is) = (digest(&adder()), digest(&renamed(adder())));
    let why = format!("its signatures are for {was}, and the file is {is}");
    assert!(fault["error"].as_str().unwrap().ends_with(&why), "{fault}");
    server.client().ok("calc_add", json!({ "a": 1, "b": 2 })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_signer_is_refused_and_so_is_one_whose_key_is_taken_away() {
    let (_registry, desk) = signed_by("other", SIGNED);
    let server = desk.serve();
    let why = left_out(&server);
    assert!(why.ends_with("calc.wasm: it is signed, but not by acme"), "{why}");
    let mark = server.mark();
    desk.configure("required: true, signers: { other: { key: other.pub } }", "calc: {}");
    server.logged_after(mark, |entry| entry["loaded"] == "acme/calc,acme/utilities");
    // What it served is not served any more, although its file is as it was.
    let mark = server.mark();
    desk.configure(SIGNED, "calc: {}");
    server.logged_after(mark, |entry| entry["message"] == "a service cannot be loaded; it is not served");
    assert!(server.client().tools().await.iter().all(|tool| !tool.starts_with("calc_")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_expires_while_a_host_serves_ends_what_it_signed() {
    let (_registry, desk) = signed_by("acme", "");
    let end = humantime::format_rfc3339_millis(SystemTime::now() + Duration::from_secs(3));
    desk.configure(&format!("signers: {{ acme: {{ key: acme.pub, not_after: '{end}' }} }}"), "calc: {}");
    let server = desk.serve();
    let gone = server.logged(|entry| {
        let fault = &entry["error"];
        fault.as_str().is_some_and(|why| why.contains("it is signed by `acme`, whose key expired on "))
    });
    assert_eq!(gone["service"], "calc");
    assert!(server.client().tools().await.iter().all(|tool| !tool.starts_with("calc_")));
}

#[test]
fn what_nobody_has_to_sign_runs_unsigned_and_says_so() {
    let (_registry, desk) = signed_by("other", "signers: { acme: { key: acme.pub } }");
    let checked = desk.ok(&["check", "--offline"]);
    assert!(!checked.contains("signed"), "{checked}");
    let inspected = desk.ok(&["inspect", "components/calc.wasm"]);
    assert!(inspected.contains("unsigned it is signed, but not by acme\n"), "{inspected}");
    fs::write(desk.path("components/calc.wasm.sig.json"), "{").unwrap();
    let why = desk.refused(&["check", "--offline"]);
    assert!(why.contains("calc.wasm.sig.json has no signatures as this version writes them"), "{why}");
}

#[test]
fn a_key_pair_is_made_once_and_its_private_half_is_the_users_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let mode = fs::metadata(desk.path("acme.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = desk.run(&["key", "signing", "--out", "acme"]);
    assert_eq!(again.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(again.stderr).unwrap(),
        "error: acme.key is there already; choose another --out\n"
    );
}
