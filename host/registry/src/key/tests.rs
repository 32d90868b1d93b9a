//! Keys: our own, and those that cosign made.

use super::*;

/// `cosign generate-key-pair` with an empty password made it; from the tests of sigstore-rs.
const COSIGNS: &str = "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJFY3pJR3Z0bnpFcCsxaEpudERnbGI1UnoxN3gwQVMy
YklvWGRNcDQrU1NJPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJtSVVKbG1OMzNINExvZ0dhaG5MamdmK3R4SmJwci93MCJ9LCJj
aXBoZXJ0ZXh0IjoiM3FtS2FidXRuYm1WT1IvTkZGM2NDaUErTXp1WWQ5L0VERDVI
MVlUSGhQVzZsSzAvdjVqdDZCQzlsME12NGV5am9qZkl0d3B6a2JJOXQrZGx5VXZ3
VUgvMWZjbkFZT2dEdXRLQzkvSkNiOE02SVY2VHpVaDF5c0ZFWDFzeG9xb1FzeUpL
bjM0UVlldFNlaVdDaGtmUHUyZXByQjFEV0pwekdzTGZIakxNVTkzOEdmNk1xM1A0
N0ZSd2syZzY1cFZnSGMwVWV1L1N1OUs0Zmc9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
";

/// As older versions of cosign keep keys (another name, N=32768), made with libsodium and OpenSSL by what cosign's
/// documentation says; and its public key, by OpenSSL.
const OLDER: &str = "-----BEGIN ENCRYPTED COSIGN PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjozMjc2OCwiciI6
OCwicCI6MX0sInNhbHQiOiJlY0t5K2ZrdXJoVXNDaVJwRmw0R0x2QVhVQTVYcHJG
TDZwYzJ6NjNjREJZPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJaU1FucmNNR1AwOU5DcXllY0p5Znk1TzNqc2J4RHFLMSJ9LCJj
aXBoZXJ0ZXh0IjoiQ0FVWDkySVRKckVMenVxOFc1bkdvVjBySFNHckp6cVc3bmhj
T0IydDh2d0Myd3ovVzYxUWtOVXV6NlI3OTJUYlJXRkt1ajhZb201UG1jZkxaa0hP
UWNUejZzT2VzNk8ycm9aTzlMNFloRFkrd0twUEcyN0lGQlRoOStNVFF6ZW1KZzNB
a3RKUmRVMGlEZXY2L0tMNjVRUDZuRlEzbHZyL2hWMjlQY3c5QWtNZTN3Q3B3Nk54
amVoSXhLVUxGOFVtQVFPVnpVTGk0T25FdUE9PSJ9
-----END ENCRYPTED COSIGN PRIVATE KEY-----
";
const OLDER_PUBLIC: &str = "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEbGOxwZZeO2v6zyKkk300DcxkX6m+
oRaix+oTeDsvW9QIvtGlphBiVTsfLHlzGQBp/Szehziei8UVNCYj1Pm2IQ==
-----END PUBLIC KEY-----
";

#[test]
fn keys_that_cosign_made_are_read() {
    let older = SigningKey::from_pem(OLDER, Some("open sesame")).unwrap();
    assert_eq!(older.public().to_pem(), OLDER_PUBLIC);
    for (text, password) in [(COSIGNS, ""), (OLDER, "open sesame")] {
        let key = SigningKey::from_pem(text, Some(password)).unwrap();
        assert!(key.public().verifies(b"a", &key.sign(b"a").unwrap()));
        assert_eq!(SigningKey::from_pem(text, Some("x")).unwrap_err(), KeyError::WrongPassword);
        assert_eq!(SigningKey::from_pem(text, None).unwrap_err(), KeyError::NeedsPassword);
    }
}

#[test]
fn a_signature_that_cosign_made_holds_and_no_other() {
    // From the tests of sigstore-rs.
    let key = PublicKey::from_pem(
        "-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAENptdY/l3nB0yqkXLBWkZWQwo6+cu
OSWS1X9vPavpiQOoTTGC0xX57OojUadxF1cdQmrsiReWg2Wn4FneJfa8xw==
-----END PUBLIC KEY-----",
    )
    .unwrap();
    let message = r#"{"critical":{"identity":{"docker-reference":"registry-testing.svc.lan/busybox"},"image":{"docker-manifest-digest":"sha256:f3cfc9d0dbf931d3db4685ec659b7ac68e2a578219da4aae65427886e649b06b"},"type":"cosign container image signature"},"optional":null}"#;
    let signature =
        "MEUCIQD6q/COgzOyW0YH1Dk+CCYSt4uAhm3FDHUwvPI55zwnlwIgE0ZK58ZOWpZw8YVmBapJhBqCfdPekIknimuO0xH8Jh8=";
    assert!(key.verifies(message.as_bytes(), signature));
    assert!(!key.verifies(message.replace("f3cf", "f3ce").as_bytes(), signature));
    assert!(!key.verifies(message.as_bytes(), "this@is@a@signature"));
    assert!(!SigningKey::generate().unwrap().public().verifies(message.as_bytes(), signature));
}

#[test]
fn a_new_key_is_kept_under_its_password() {
    let key = SigningKey::generate().unwrap();
    let text = key.to_pem("pass").unwrap();
    assert!(text.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"), "{text}");
    let again = SigningKey::from_pem(&text, Some("pass")).unwrap();
    assert_eq!(again.public(), key.public());
    assert_eq!(PublicKey::from_pem(&key.public().to_pem()).unwrap(), key.public());
    assert_eq!(SigningKey::from_pem(&text, Some("Pass")).unwrap_err(), KeyError::WrongPassword);
}

#[test]
fn what_is_no_key_says_what_it_is() {
    let key = SigningKey::generate().unwrap();
    let (private, public) = (key.to_pem("").unwrap(), key.public().to_pem());
    let error = |text: &str| PublicKey::from_pem(text).unwrap_err().to_string();
    assert_eq!(error(&private), "it is a private key; this needs the public one");
    assert!(error("nonsense").starts_with("it is not PEM: "));
    assert_eq!(error(&public.replace("PUBLIC KEY", "CERTIFICATE")), "it is `CERTIFICATE`, not `PUBLIC KEY`");
    let ed25519 = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    assert_eq!(error(ed25519), "it is not an ECDSA key on P-256, as `cosign generate-key-pair` makes them");
    let error = |text: &str| SigningKey::from_pem(text, Some("")).unwrap_err().to_string();
    assert_eq!(error(&public), "it is a public key; to sign, the private one is needed");
    let sec1 = error(&encode("EC PRIVATE KEY", vec![1]));
    assert_eq!(
        sec1,
        "it is `EC PRIVATE KEY`; `openssl pkcs8 -topk8 -nocrypt -in FILE` makes a `PRIVATE KEY` of it"
    );
    assert!(error(&encode("PRIVATE KEY", vec![1])).starts_with("it is not an ECDSA key on P-256 in PKCS#8"));
    // What would take hours to open is not tried.
    let inner = String::from_utf8(pem::parse(&private).unwrap().into_contents()).unwrap();
    let slow = encode("ENCRYPTED SIGSTORE PRIVATE KEY", inner.replace("65536", "1073741824").into_bytes());
    assert_eq!(error(&slow), "its scrypt parameters are odd: N=1073741824, r=8, p=1");
}
