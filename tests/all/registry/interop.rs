//! Others' tools: the library behind `wkg` pulls what we push and pushes what we install, and OpenSSL finds our
//! signatures where cosign keeps them.

use std::{fs, process::Command};

use oci_wasm::{WasmClient, WasmConfig};
use serde_json::Value;

use super::{
    Registry, SIGNED,
    desk::{Desk, PASSWORD, USER, adder, digest},
};

/// The client that `wkg` uses, and its words for us.
fn wkg() -> (WasmClient, oci_wasm_client::secrets::RegistryAuth) {
    use oci_wasm_client::client::{ClientConfig, ClientProtocol};
    // It is made for TLS as well; in this process the host's, which has a provider, need not have run before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() };
    let auth = oci_wasm_client::secrets::RegistryAuth::Basic(USER.into(), PASSWORD.into());
    (WasmClient::new(oci_wasm_client::Client::new(config)), auth)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_push_is_what_wkg_pulls() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let reference = registry.at("acme/calc:1");
    let pushed = desk.push(&reference, None);
    let (client, auth) = wkg();
    let reference = reference.parse().unwrap();
    let image = client.pull(&reference, &auth).await.unwrap();
    assert_eq!(image.layers[0].data, adder());
    let (manifest, config, artifact) = client.pull_manifest_and_config(&reference, &auth).await.unwrap();
    assert_eq!(Some(artifact.as_str()), pushed.split_once('@').map(|(_, digest)| digest));
    assert_eq!((config.architecture.as_str(), config.os.as_str()), ("wasm", "wasip2"));
    assert_eq!(config.layer_digests, [digest(&adder())]);
    // What it imports and exports is what wkg itself would say.
    let (expected, _) = WasmConfig::from_raw_component(adder(), None).unwrap();
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    let (ours, theirs) = (config.component.unwrap(), expected.component.unwrap());
    assert_eq!(sorted(ours.exports), sorted(theirs.exports));
    assert_eq!(sorted(ours.imports), sorted(theirs.imports));
    assert!(manifest.annotations.unwrap().contains_key("org.opencontainers.image.version"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wkg_pushes_is_signed_and_installed() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let text = registry.at("theirs/calc:1");
    let (client, auth) = wkg();
    let (config, layer) = WasmConfig::from_raw_component(adder(), Some("somebody".into())).unwrap();
    client.push(&text.parse().unwrap(), &auth, layer, config, None).await.unwrap();
    desk.ok(&["sign", &text, "--key", "acme.key"]);
    desk.configure(SIGNED, "calc: {}");
    desk.ok(&["install", &text, "--yes"]);
    desk.ok(&["check", "--offline"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn our_signatures_are_where_cosign_keeps_them_and_openssl_checks_them() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let pushed = desk.push(&registry.at("acme/calc:1"), Some("acme"));
    let artifact = pushed.split_once('@').unwrap().1;
    // As cosign's specification names the place.
    let at = registry.at(&format!("acme/calc:{}.sig", artifact.replace(':', "-"))).parse().unwrap();
    let (client, auth) = wkg();
    let (manifest, _) = client.pull_image_manifest(&at, &auth).await.unwrap();
    assert_eq!(manifest.config.media_type, "application/vnd.oci.image.config.v1+json");
    let [layer] = manifest.layers.as_slice() else { panic!("{manifest}") };
    assert_eq!(layer.media_type, "application/vnd.dev.cosign.simplesigning.v1+json");
    let mut payload = Vec::new();
    client.pull_blob(&at, layer, &mut payload).await.unwrap();
    let said: Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(said["critical"]["image"]["docker-manifest-digest"], artifact);
    assert_eq!(said["critical"]["identity"]["docker-reference"], registry.at("acme/calc"));
    assert_eq!(said["critical"]["type"], "cosign container image signature");
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let signature = &layer.annotations.as_ref().unwrap()["dev.cosignproject.cosign/signature"];
    desk.put("payload", &payload);
    desk.put("signature", &BASE64_STANDARD.decode(signature).unwrap());
    let verified = Command::new("openssl")
        .args(["dgst", "-sha256", "-verify", "acme.pub", "-signature", "signature", "payload"])
        .current_dir(desk.path(""))
        .output()
        .unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

/// A key that OpenSSL made signs as well.
#[test]
fn a_key_of_openssl_signs() {
    let registry = Registry::start();
    let desk = Desk::new(&registry);
    let script = "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ssl.key && \
                  openssl pkey -in ssl.key -pubout -out ssl.pub";
    let made = Command::new("sh").args(["-c", script]).current_dir(desk.path("")).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    fs::create_dir(desk.path("components")).unwrap();
    desk.put("components/calc.wasm", &adder());
    desk.ok(&["sign", "components/calc.wasm", "--key", "ssl.key"]);
    desk.configure("required: true, signers: { ssl: { key: ssl.pub } }", "calc: {}");
    assert!(desk.ok(&["check", "--offline"]).contains("  signed      by ssl, as calc, on 20"));
}
