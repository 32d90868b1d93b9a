//! What each requirement makes of a component and its signatures.

use std::path::PathBuf;

use super::*;
use crate::{
    artifact::{About, Artifact},
    key::SigningKey,
};

const WASM: &[u8] = b"a component";
const NAME: &str = "registry.example/acme/loki";

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

/// A folder with a component, and keys.
struct Case {
    dir: tempfile::TempDir,
    acme: SigningKey,
    other: SigningKey,
}

impl Case {
    fn new() -> Self {
        let (acme, other) = (SigningKey::generate().unwrap(), SigningKey::generate().unwrap());
        Self { dir: tempfile::tempdir().unwrap(), acme, other }
    }

    fn file(&self) -> PathBuf {
        self.dir.path().join("loki.wasm")
    }

    /// Puts a bundle beside the file, with what `sign` signs.
    fn put(&self, sign: impl Fn(&mut Signed)) {
        let artifact = Artifact::new(WASM, &About::default()).unwrap();
        let mut signed = Signed { component: Digest::of(WASM), artifact, signatures: Vec::new() };
        sign(&mut signed);
        Bundle::new(vec![signed]).write(&self.file()).unwrap();
    }

    fn signed_by(&self, key: &SigningKey, name: &str) {
        self.put(|signed| sign(signed, key, name));
    }

    fn signer(&self, name: &str, key: &SigningKey) -> Signer {
        Signer { name: name.into(), proof: Ok(Proof::Key(key.public())), not_after: None, names: None }
    }

    /// Signatures by `acme` are required, who is known as `change` says.
    fn required(&self, change: impl Fn(&mut Signer)) -> Requirement {
        let mut acme = self.signer("acme", &self.acme);
        change(&mut acme);
        Requirement { signers: [acme].into(), required: true, ..Requirement::default() }
    }

    fn check(&self, requirement: &Requirement) -> Result<Verdict, String> {
        requirement.check(&self.file(), &Digest::of(WASM), now())
    }

    #[track_caller]
    fn refused(&self, requirement: &Requirement, why: &str) {
        assert_eq!(self.check(requirement).unwrap_err(), why);
    }
}

fn sign(signed: &mut Signed, key: &SigningKey, name: &str) {
    let payload = Payload { name: name.into(), digest: signed.artifact.digest(), signed: Some(now()) };
    signed.sign(key, &payload).unwrap();
}

#[test]
fn what_a_signer_signed_is_accepted_and_says_who_and_when() {
    let case = Case::new();
    case.put(|signed| {
        sign(signed, &case.other, NAME);
        sign(signed, &case.acme, NAME);
    });
    let verdict = case.check(&case.required(|_| ())).unwrap();
    let vouch = verdict.vouch().unwrap();
    assert_eq!((vouch.signer.as_str(), vouch.name.as_str(), vouch.signed), ("acme", NAME, Some(now())));
    assert_eq!(vouch.key, case.acme.public().fingerprint());
}

#[test]
fn what_nobody_signed_is_refused_if_it_has_to_be_signed_and_only_then() {
    let case = Case::new();
    let unsigned = "it is not signed: there is no loki.wasm.sig.json beside it; `bulkhead install` brings it, `bulkhead sign` makes it";
    case.refused(&case.required(|_| ()), unsigned);
    let lax = Requirement { required: false, ..case.required(|_| ()) };
    assert_eq!(case.check(&lax), Ok(Verdict::Unsigned(unsigned.to_owned())));
    case.put(|_| ());
    case.refused(&case.required(|_| ()), "it is not signed: its registry has no signatures of it");
    case.signed_by(&case.other, NAME);
    case.refused(&case.required(|_| ()), "it is signed, but not by acme");
    assert_eq!(case.check(&lax), Ok(Verdict::Unsigned("it is signed, but not by acme".to_owned())));
    let nobody = Requirement { signers: [].into(), ..case.required(|_| ()) };
    case.refused(&nobody, "it is signed by somebody who is not known here; `signatures.signers` is empty");
}

#[test]
fn a_signature_for_other_bytes_is_refused_required_or_not() {
    let case = Case::new();
    case.signed_by(&case.acme, NAME);
    for required in [true, false] {
        let requirement = Requirement { required, ..case.required(|_| ()) };
        let (was, is) = (Digest::of(WASM), Digest::of(b"others"));
        let refused = requirement.check(&case.file(), &is, now()).unwrap_err();
        assert_eq!(refused, format!("its signatures are for {was}, and the file is {is}"));
        // A bundle that says it is for these bytes, with the manifest of others.
        let mut bundle = Bundle::read(&case.file()).unwrap().unwrap();
        bundle.artifacts[0].component = is.clone();
        bundle.write(&case.file()).unwrap();
        let refused = requirement.check(&case.file(), &is, now()).unwrap_err();
        assert_eq!(refused, format!("its manifest is for {was}, and the file is {is}"));
        case.signed_by(&case.acme, NAME);
    }
    // The signature of one artifact, beside another of the same component.
    let mut bundle = Bundle::read(&case.file()).unwrap().unwrap();
    let signed = bundle.artifacts[0].artifact.digest();
    let about = About { imports: vec!["x".into()], ..About::default() };
    bundle.artifacts[0].artifact = Artifact::new(WASM, &about).unwrap();
    let now = bundle.artifacts[0].artifact.digest();
    bundle.write(&case.file()).unwrap();
    case.refused(&case.required(|_| ()), &format!("what `acme` signed is {signed}, and this is {now}"));
}

#[test]
fn a_changed_payload_is_signed_by_nobody() {
    let case = Case::new();
    case.signed_by(&case.acme, "registry.example/acme/other");
    let mut bundle = Bundle::read(&case.file()).unwrap().unwrap();
    let payload = &mut bundle.artifacts[0].signatures[0].payload;
    *payload = payload.replace("acme/other", "acme/loki");
    bundle.write(&case.file()).unwrap();
    case.refused(&case.required(|_| ()), "it is signed, but not by acme");
}

#[test]
fn a_signature_counts_for_the_name_it_was_made_for() {
    let case = Case::new();
    let other = "registry.example/acme/payments";
    case.signed_by(&case.acme, other);
    case.refused(
        &case.required(|_| ()),
        "`acme` signed it as registry.example/acme/payments, and here it is loki; if that is meant, write `signatures: { as: registry.example/acme/payments }` for the service",
    );
    let meant = |name: &str| Requirement { signed_as: Some(name.into()), ..case.required(|_| ()) };
    assert!(case.check(&meant(other)).unwrap().vouch().is_some());
    case.signed_by(&case.acme, NAME);
    case.refused(&meant(other), &format!("`acme` signed it as {NAME}, and it has to be {other}"));
    // A file that was signed where it lay has no registry in its name.
    case.signed_by(&case.acme, "loki");
    assert!(case.check(&case.required(|_| ())).unwrap().vouch().is_some());
}

#[test]
fn a_signer_may_sign_what_the_operator_says() {
    let case = Case::new();
    case.signed_by(&case.acme, NAME);
    let only = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        case.required(|acme| acme.names = Some(names.clone()))
    };
    assert!(case.check(&only(&["x", "registry.example/acme/*"])).unwrap().vouch().is_some());
    let why = format!("`acme` may sign registry.example/ops/*, and signed it as {NAME}");
    case.refused(&only(&["registry.example/ops/*"]), &why);
    assert!(case.check(&only(&[])).is_err(), "an empty list allows nothing");
    // The same key, known by two names.
    let (mut first, second) = (case.signer("first", &case.acme), case.signer("second", &case.acme));
    first.names = Some(vec!["x".into()]);
    let both = Requirement { signers: [first, second].into(), required: true, ..Requirement::default() };
    assert_eq!(case.check(&both).unwrap().vouch().unwrap().signer, "second");
}

#[test]
fn an_expired_key_counts_no_more_required_or_not() {
    let case = Case::new();
    case.signed_by(&case.acme, NAME);
    let until = |at| case.required(move |acme| acme.not_after = Some(at));
    assert!(case.check(&until(now())).unwrap().vouch().is_some());
    let gone = until(now() - Duration::from_secs(1));
    let why = "it is signed by `acme`, whose key expired on 2023-11-14T22:13:19Z";
    case.refused(&gone, why);
    case.refused(&Requirement { required: false, ..gone }, why);
}

#[test]
fn only_those_who_are_named_count() {
    let case = Case::new();
    case.signed_by(&case.other, NAME);
    let signers: Arc<[Signer]> = [case.signer("acme", &case.acme), case.signer("ops", &case.other)].into();
    let by = |by: &[&str]| {
        let by = Some(by.iter().map(|&name| name.to_owned()).collect());
        Requirement { signers: signers.clone(), required: true, by, signed_as: None }
    };
    assert_eq!(case.check(&by(&["acme", "ops"])).unwrap().vouch().unwrap().signer, "ops");
    case.refused(&by(&["acme"]), "it is signed by `ops`, and has to be by acme");
}

#[test]
fn a_key_that_cannot_be_read_opens_nothing() {
    let case = Case::new();
    case.signed_by(&case.acme, NAME);
    let broken = case.required(|acme| acme.proof = Err("keys/acme.pub cannot be read".into()));
    let why = "the signatures of `acme` cannot be checked: keys/acme.pub cannot be read";
    case.refused(&broken, why);
    case.refused(&Requirement { required: false, ..broken }, why);
}

#[test]
fn a_damaged_bundle_is_refused_required_or_not() {
    let case = Case::new();
    for (text, part) in [
        ("{", "EOF"),
        (r#"{"version":2,"artifacts":[]}"#, "its version is 2, not 1"),
        ("{\"x\":1}", "unknown field"),
    ] {
        std::fs::write(crate::bundle::beside(&case.file()), text).unwrap();
        let lax = Requirement { required: false, ..case.required(|_| ()) };
        let why = case.check(&lax).unwrap_err();
        assert!(
            why.contains("loki.wasm.sig.json has no signatures as this version writes them: ")
                && why.contains(part),
            "{why}"
        );
    }
    let large = std::fs::File::create(crate::bundle::beside(&case.file())).unwrap();
    large.set_len(2 << 20).unwrap();
    assert!(case.check(&case.required(|_| ())).unwrap_err().contains("larger than 1048576 bytes"));
}

#[test]
fn what_was_accepted_is_upheld_as_long_as_its_signer_is() {
    let case = Case::new();
    case.signed_by(&case.acme, NAME);
    let requirement = case.required(|acme| acme.not_after = Some(now()));
    let verdict = case.check(&requirement).unwrap();
    let vouch = verdict.vouch();
    assert!(requirement.upholds(vouch, now()));
    assert!(!requirement.upholds(vouch, now() + Duration::from_secs(1)));
    assert!(!requirement.upholds(None, now()));
    let others_key =
        Requirement { signers: [case.signer("acme", &case.other)].into(), ..requirement.clone() };
    assert!(!others_key.upholds(vouch, now()));
    let elsewhere = Requirement { by: Some(vec!["ops".into()]), ..requirement };
    assert!(!elsewhere.upholds(vouch, now()));
    assert!(Requirement::default().upholds(None, now()));
}

#[test]
fn signing_again_under_a_name_replaces_what_was_signed() {
    let case = Case::new();
    case.put(|signed| {
        sign(signed, &case.acme, NAME);
        sign(signed, &case.acme, NAME);
        sign(signed, &case.acme, "loki");
        sign(signed, &case.other, NAME);
        assert_eq!(signed.signatures.len(), 3);
    });
}

#[test]
fn a_star_is_any_text() {
    for (pattern, name, like) in [
        ("a/*", "a/b", true),
        ("a/*", "a/b/c", true),
        ("a/*", "b/a/c", false),
        ("*/loki", "x/y/loki", true),
        ("a*b*c", "a-b-c", true),
        ("a*b*c", "a-c-b", false),
        ("a", "a", true),
        ("a", "ab", false),
        ("*", "", true),
        ("a*a", "a", false),
    ] {
        assert_eq!(matches(pattern, name), like, "{pattern} {name}");
    }
}
