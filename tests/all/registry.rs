//! Components from a real registry, Debian's: what is pushed and signed, what is installed, and all that is refused.

mod desk;
mod interop;
mod loaded;

use std::fs;

use serde_json::{Value, json};

use desk::{Desk, adder, digest, renamed};
pub(crate) use desk::{Registry, log_in};

use crate::support::{Authority, component};

/// Signatures by `acme` are required.
const SIGNED: &str = "required: true, signers: { acme: { key: acme.pub } }";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pushed_and_signed_is_installed_and_served() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let reference = registry.at("acme/calc:1");
    let pushed = desk.push(&reference, Some("acme"));
    assert!(pushed.starts_with(&format!("{reference}@sha256:")), "{pushed}");
    assert_eq!(desk.push(&reference, Some("acme")), pushed, "the same component makes the same artifact");

    // The configuration may name what is not there yet.
    desk.configure(SIGNED, "calc: {}");
    let shown = desk.ok(&["install", &reference, "--yes"]);
    for part in [
        format!("from     {pushed}\n"),
        format!("signed   by acme, as {}, on 20", registry.at("acme/calc")),
        "asks to send\n  nothing\n".to_owned(),
        "tools (1)\n  add  [".to_owned(),
        "installed ./components/calc.wasm\n".to_owned(),
    ] {
        assert!(shown.contains(&part), "`{part}` is not in {shown}");
    }
    assert_eq!(fs::read(desk.path("components/calc.wasm")).unwrap(), adder());
    let artifact = pushed.split_once('@').unwrap().1;
    let expected = json!([{ "reference": reference, "artifact": artifact, "component": digest(&adder()) }]);
    assert_eq!(desk.installed("components/calc.wasm"), expected);
    let server = desk.serve();
    assert_eq!(server.client().ok("calc_add", json!({ "a": 1, "b": 2 })).await, json!({ "sum": 3 }));

    let checked = desk.ok(&["check", "--offline"]);
    assert!(checked.contains("  signed      by acme, as "), "{checked}");
    for what in ["components/calc.wasm", &reference] {
        let inspected = desk.ok(&["inspect", what, "--json"]);
        let provenance = &serde_json::from_str::<Value>(&inspected).unwrap()["provenance"];
        let words =
            ["reference", "artifact", "signer", "signedAs"].map(|key| provenance[key].as_str().unwrap());
        assert_eq!(words, [&*reference, artifact, "acme", &registry.at("acme/calc")]);
    }
}

#[test]
fn a_configuration_with_no_service_of_it_is_told_how_to_serve_it() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let reference = registry.at("acme/calc:1");
    desk.push(&reference, Some("acme"));
    desk.configure(SIGNED, "");
    let shown = desk.ok(&["install", &reference, "--as", "sums", "--yes"]);
    let name = registry.at("acme/calc");
    let hint = format!("sums: {{ component: sums, signatures: {{ as: {name} }} }}");
    assert!(shown.contains(&hint), "{shown}");
    desk.configure(SIGNED, &hint);
    desk.ok(&["check", "--offline"]);
    desk.configure(SIGNED, "sums: {}");
    let why = format!(
        "service `sums`: ./components/sums.wasm: `acme` signed it as {name}, and here it is sums; if that is meant, write `signatures: {{ as: {name} }}` for the service"
    );
    assert_eq!(desk.refused(&["check", "--offline"]), why);
}

#[test]
fn nobody_at_a_terminal_agrees_to_nothing() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let reference = registry.at("acme/calc:1");
    desk.push(&reference, None);
    let error = "nothing is installed; --yes installs what is shown";
    assert_eq!(desk.refused(&["install", &reference]), error);
    assert_eq!(desk.refused(&["install", &reference, "--json"]), error);
}

#[test]
fn a_registry_that_does_not_let_one_says_whom() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let reference = registry.at("acme/calc:1");
    desk.push(&reference, None);
    let address = &registry.address;
    desk.log_in(address, "wrong");
    let denied = format!(
        "{reference}: {address} does not let `ops`, whom docker's config.json names; `docker login {address}` changes that"
    );
    assert_eq!(desk.refused(&["install", &reference, "--yes"]), denied);
    assert_eq!(desk.refused(&["push", "calc.wasm", &reference]), denied);
    desk.log_in("elsewhere.example", "x");
    let nobody = format!(
        "{reference}: {address} wants to know who asks, and docker's config.json has nobody for it; `docker login {address}` writes it"
    );
    assert_eq!(desk.refused(&["install", &reference, "--yes"]), nobody);
    desk.put("docker/config.json", b"{");
    let odd = format!(
        "the credentials for {address} in docker's config.json cannot be used: it is not JSON as docker writes it"
    );
    assert_eq!(desk.refused(&["install", &reference, "--yes"]), odd);
}

#[test]
fn what_is_not_there_or_not_what_it_should_be_is_refused() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let reference = registry.at("acme/calc:1");
    let pushed = desk.push(&reference, None);
    let artifact = pushed.split_once('@').unwrap().1;
    let refused = |reference: &str| desk.refused(&["install", reference, "--yes"]);

    let other = registry.at("acme/calc:2");
    assert_eq!(refused(&other), format!("there is no {other}"));
    let other = format!("{reference}@{}", digest(b"another"));
    assert_eq!(refused(&other), format!("there is no {other}"));

    // Its bytes, changed and cut where the registry keeps them.
    let layer = registry.blob(&digest(&adder()));
    let (whole, mut changed) = (fs::read(&layer).unwrap(), fs::read(&layer).unwrap());
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&layer, &changed).unwrap();
    let why =
        format!("{reference}: what the registry sent is {}, and not {}", digest(&changed), digest(&whole));
    assert_eq!(refused(&reference), why);
    let (half, all) = (whole.len() / 2, whole.len());
    fs::write(&layer, &whole[..half]).unwrap();
    let why = format!("{reference}: the registry sent {half} bytes of the component, not all {all}");
    assert_eq!(refused(&reference), why);
    fs::write(&layer, [whole.as_slice(), b"x"].concat()).unwrap();
    let why = format!("{reference}: the registry sends more than its manifest says");
    assert_eq!(refused(&reference), why);
    fs::write(&layer, &whole).unwrap();

    // Its manifest.
    let manifest = registry.blob(artifact);
    let text = fs::read_to_string(&manifest).unwrap();
    let changed = text.replace("application/wasm", "application/wusm");
    fs::write(&manifest, &changed).unwrap();
    let error = refused(&reference);
    assert!(error.starts_with(&format!("{reference}: ")), "{error}");
    fs::write(&manifest, &text).unwrap();
    desk.ok(&["install", &pushed, "--yes"]);
}

#[test]
fn what_is_no_component_is_neither_pushed_nor_installed() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    desk.put("calc.wasm", b"\0asm\x01\0\0\0");
    let error = desk.refused(&["push", "calc.wasm", &registry.at("acme/calc:1")]);
    assert!(error.starts_with("calc.wasm: "), "{error}");
}

#[test]
fn a_tag_that_has_moved_is_refused_until_the_operator_means_it() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let reference = registry.at("acme/calc:1");
    let first = desk.push(&reference, None);
    desk.ok(&["install", &reference, "--yes"]);
    desk.put("calc.wasm", &renamed(adder()));
    let second = desk.push(&reference, None);
    let [was, is] = [&first, &second].map(|pushed| pushed.split_once('@').unwrap().1);
    let why = format!(
        "{reference} has moved: it was {was} when it was installed, and is {is} now; --update installs what it is now"
    );
    for args in [&["install", &reference, "--yes"][..], &["install", &reference, "--as", "other", "--yes"]] {
        assert_eq!(desk.refused(args), why);
    }
    // The first is still there by its digest.
    desk.ok(&["install", &first, "--yes"]);
    desk.ok(&["install", &reference, "--update", "--yes"]);
    assert_eq!(fs::read(desk.path("components/calc.wasm")).unwrap(), renamed(adder()));
    assert_eq!(desk.installed("components/calc.wasm")[0]["artifact"], is);
}

#[test]
fn what_is_not_signed_as_it_has_to_be_is_refused() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let (unsigned, others) = (registry.at("acme/calc:unsigned"), registry.at("other/calc:1"));
    desk.push(&unsigned, None);
    desk.put("calc.wasm", &renamed(adder()));
    desk.push(&others, Some("other"));
    let refused = |signatures: &str, reference: &str, flags: &[&str]| {
        desk.configure(signatures, "");
        let error = desk.refused(&[&["install", reference, "--yes"][..], flags].concat());
        error.strip_prefix(&format!("{reference} is refused: ")).unwrap_or(&error).to_owned()
    };
    assert_eq!(refused(SIGNED, &unsigned, &[]), "it is not signed: its registry has no signatures of it");
    assert_eq!(refused(SIGNED, &others, &[]), "it is signed, but not by acme");
    let both = "signers: { acme: { key: acme.pub }, other: { key: other.pub } }";
    assert_eq!(
        refused(both, &others, &["--signer", "acme"]),
        "it is signed by `other`, and has to be by acme"
    );
    let expired = "signers: { other: { key: other.pub, not_after: 2020-01-01T00:00:00Z } }";
    let why = "it is signed by `other`, whose key expired on 2020-01-01T00:00:00Z";
    assert_eq!(refused(expired, &others, &[]), why);
    let narrow = "required: true, signers: { other: { key: other.pub, names: ['*/acme/*'] } }";
    let name = registry.at("other/calc");
    assert_eq!(refused(narrow, &others, &[]), format!("`other` may sign */acme/*, and signed it as {name}"));
    let broken = "required: true, signers: { other: { key: calc.wasm } }";
    let why = refused(broken, &others, &[]);
    assert!(why.starts_with("the signatures of `other` cannot be checked: ./calc.wasm"), "{why}");
    // Required of its service alone.
    desk.configure(both, "calc: { signatures: { by: [other] } }");
    desk.ok(&["install", &others, "--yes"]);
    desk.ok(&["check", "--offline"]);
    desk.configure(both, "calc: { signatures: { by: [acme] } }");
    let why = "service `calc`: ./components/calc.wasm: it is signed by `other`, and has to be by acme";
    assert_eq!(desk.refused(&["check", "--offline"]), why);
}

#[test]
fn a_signature_can_come_later_and_from_several() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let reference = registry.at("acme/calc:1");
    let pushed = desk.push(&reference, None);
    for key in ["other.key", "acme.key"] {
        let said = desk.ok(&["sign", &reference, "--key", key]);
        let artifact = pushed.split_once('@').unwrap().1;
        let name = registry.at("acme/calc");
        assert!(
            said.starts_with(&format!("{pushed}: {artifact} is signed as {name}, with the key sha256:")),
            "{said}"
        );
    }
    for (name, key) in [("acme", "acme.pub"), ("other", "other.pub")] {
        desk.configure(&format!("required: true, signers: {{ {name}: {{ key: {key} }} }}"), "");
        desk.ok(&["install", &reference, "--yes"]);
    }
    // Signed where it lies, and then pushed.
    desk.ok(&["sign", "calc.wasm", "--key", "acme.key"]);
    let elsewhere = registry.at("elsewhere/calc:1");
    desk.push(&elsewhere, None);
    desk.configure(SIGNED, "");
    desk.ok(&["install", &elsewhere, "--yes"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_version_that_asks_for_more_is_shown_and_served_once_agreed_to() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let (first, second) = (registry.at("acme/calc:1"), registry.at("acme/calc:2"));
    desk.push(&first, Some("acme"));
    desk.put("calc.wasm", &fs::read(component("hostile")).unwrap());
    desk.push(&second, Some("acme"));
    desk.configure(SIGNED, "calc: {}");
    desk.ok(&["install", &first, "--yes"]);
    let server = desk.serve();
    let shown = desk.run(&["install", &second, "--config", "bulkhead.yaml"]);
    let shown = String::from_utf8(shown.stdout).unwrap();
    for part in
        ["acme/calc: sha256:", "+ asks for GET {config.url}/allowed/**\n", "+ tool fetch: Sends a request."]
    {
        assert!(shown.contains(part), "`{part}` is not in {shown}");
    }
    let mark = server.mark();
    desk.ok(&["install", &second, "--yes"]);
    server.logged_after(mark, |entry| entry["loaded"] == "acme/calc");
    assert!(server.client().tools().await.contains(&"calc_fetch".to_owned()));
}

#[test]
fn a_file_that_is_exchanged_after_it_was_installed_waits_although_it_says_the_same() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let reference = registry.at("acme/calc:1");
    desk.push(&reference, None);
    desk.configure("", "calc: {}");
    desk.ok(&["install", &reference, "--yes"]);
    desk.put("components/calc.wasm", &renamed(adder()));
    // The signatures beside it are of other bytes.
    let (was, is) = (digest(&adder()), digest(&renamed(adder())));
    let why =
        format!("service `calc`: ./components/calc.wasm: its signatures are for {was}, and the file is {is}");
    assert_eq!(desk.refused(&["check", "--offline"]), why);
    fs::remove_file(desk.path("components/calc.wasm.sig.json")).unwrap();
    let why = format!(
        "service `calc`: it waits for approval: not the file that was installed from {reference}; `bulkhead approve calc` shows and approves it"
    );
    assert_eq!(desk.refused(&["check", "--offline"]), why);
    let shown = desk.ok(&["approve", "calc", "--yes"]);
    let line = format!("~ components/calc.wasm is not what was installed from {reference}, {was}\n");
    assert!(shown.contains(&line), "{shown}");
    desk.ok(&["check", "--offline"]);
    assert_eq!(desk.installed("components/calc.wasm"), Value::Null);
}

#[test]
fn over_tls_the_authority_has_to_be_one_that_is_named() {
    let (authority, other) = (Authority::new(), Authority::new());
    let registry = Registry::with_tls(&authority.certify("127.0.0.1"));
    let desk = Desk::new(&registry);
    desk.put("ca.pem", authority.pem().as_bytes());
    desk.put("other.pem", other.pem().as_bytes());
    let reference = registry.at("acme/calc:1");
    let pushed = desk.ok(&["push", "calc.wasm", &reference, "--ca", "ca.pem"]);
    assert!(pushed.starts_with(&format!("{reference}@sha256:")), "{pushed}");
    let why = desk.refused(&["install", &reference, "--yes", "--ca", "other.pem"]);
    assert!(why.starts_with(&format!("{reference}: ")) && why.contains("certificate"), "{why}");
    let why = desk.refused(&["install", &reference, "--yes"]);
    assert!(why.contains("--ca"), "{why}");
    let shown = desk.ok(&["install", &reference, "--yes", "--ca", "ca.pem"]);
    assert!(shown.contains("installed ./components/calc.wasm\n"), "{shown}");
    assert_eq!(fs::read(desk.path("components/calc.wasm")).unwrap(), adder());
}
