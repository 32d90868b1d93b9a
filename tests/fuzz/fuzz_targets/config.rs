//! A configuration file. Either it is understood, and then nothing in it is out of bounds; or what is wrong is
//! said, with a place that is in the file.
#![no_main]

use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use bulkhead::config::{
    Config, ConfigError,
    load::{self, parse},
    raw,
    resolve::resolve,
};
use bulkhead_fuzz::text;

/// Has one file, `token`: what every secret of every input is read from.
const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/files");
const TOKEN: &str = "canary-in-a-token-file";

/// Where the input lies as a file.
static FILE: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("bulkhead-fuzz-{}.yaml", std::process::id())));

/// No input makes the fuzzer read a device or wait for a pipe. Says whether it named any file to be read.
fn harmless(raw: &mut raw::File) -> bool {
    let mut named = false;
    let mut token = |path: &mut Option<PathBuf>| {
        if path.is_some() {
            (*path, named) = (Some("token".into()), true);
        }
    };
    raw.secrets.values_mut().for_each(|secret| token(&mut secret.file));
    let own = raw.tenants.values_mut().flat_map(|tenant| tenant.secrets.values_mut());
    own.for_each(|secret| token(&mut secret.file));
    let defaults = std::iter::once(&mut raw.defaults.service).chain(raw.defaults.services.values_mut());
    let services = raw.tenants.values_mut().flat_map(|tenant| tenant.services.values_mut());
    for tls in services.chain(defaults).flat_map(|service| &mut service.network.tls) {
        [&mut tls.ca, &mut tls.client_certificate, &mut tls.client_key].into_iter().for_each(&mut token);
    }
    named
}

fn sound(config: &Config) {
    assert!(config.server.listen.ip().is_loopback() || config.auth.is_some());
    assert!(config.server.concurrent_calls > 0);
    assert!(config.tenants.len() <= 1 || config.auth.is_some());
    for tenant in &config.tenants {
        for service in &tenant.services {
            let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!((1..=32).contains(&service.name.len()) && service.name.chars().all(letters));
            assert!(service.config.is_object() && !service.config.to_string().contains("${secret:"));
            assert!(service.limits.memory.as_u64() <= 4 << 30 && service.limits.deadline.as_secs() <= 3600);
            assert!(service.calls.concurrent_calls.is_some() && !service.limits.cpu.is_zero());
            assert!(service.caps.concurrent_requests > 0 && !service.caps.connect_timeout.is_zero());
            assert!(service.quarantine.failures > 0 && !service.quarantine.backoff.is_zero());
            assert!(service.files.iter().filter(|folder| folder.quota.is_some()).count() <= 1);
            for credential in &service.credentials {
                let audience = credential.audience();
                assert_eq!(audience.to_string().parse().as_ref(), Ok(audience), "{audience}");
            }
            for rule in service.egress.iter().flatten() {
                let never = ["TRACE", "CONNECT"];
                assert!(!rule.methods.iter().flatten().any(|method| never.contains(&method.as_str())));
            }
        }
    }
}

fn said(error: &ConfigError, text: &str) {
    assert!(!error.message.trim().is_empty());
    assert!(error.to_string().contains(&error.message));
    assert!(!error.message.contains(TOKEN), "{error}");
    if let Some((line, column)) = error.at {
        // YAML's lines end in more ways than one; a place behind the last line is its end.
        let lines = text.split(['\n', '\r']).count() as u64 + 1;
        assert!((1..=lines).contains(&line) && column >= 1, "{error}");
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(text) = text(data) else { return };
    // It learns the words of its targets.
    if text.contains(TOKEN) {
        return;
    }
    let mut raw = match parse(text) {
        Ok(raw) => raw,
        Err(error) => return said(&error, text),
    };
    let named = harmless(&mut raw);
    let resolved = resolve(raw, Path::new(FILES));
    match &resolved {
        Ok(config) => {
            sound(config);
            assert!(!format!("{config:?}").contains(TOKEN), "a secret is shown");
        }
        Err(error) => {
            let shown = error.to_string();
            let message =
                error.key.as_ref().map_or(Some(shown.as_str()), |key| shown.strip_prefix(key.as_str()));
            assert!(message.is_some_and(|message| message.len() > 2), "{shown}");
            assert!(!shown.contains(TOKEN), "{shown}");
        }
    }
    // The same as a file, where the place of a key is looked for.
    if !named && resolved.is_err() {
        fs::write(&*FILE, text).unwrap();
        if let Err(error) = load::file(&FILE) {
            assert_eq!(error.file.as_deref(), Some(FILE.as_path()));
            said(&error, text);
        }
    }
});
