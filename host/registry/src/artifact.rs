//! A component as an OCI artifact: one layer, `application/wasm`, and a config that says what it imports and exports.
//! This is the form of the CNCF's Wasm working group (<https://tag-runtime.cncf.io/wgs/wasm/deliverables/wasm-oci-artifact/>).

use std::collections::BTreeMap;

use oci_client::manifest::{OCI_IMAGE_MEDIA_TYPE, OciDescriptor, OciImageManifest};
use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Media type of the config.
pub const CONFIG: &str = "application/vnd.wasm.config.v0+json";
/// Media type of the layer.
pub const LAYER: &str = "application/wasm";
/// Media type of the manifest.
pub const MANIFEST: &str = OCI_IMAGE_MEDIA_TYPE;

/// A component larger than this is not pulled. One that brings CPython is a sixth of it.
pub const MOST_BYTES: u64 = 256 << 20;

/// The same component makes the same artifact, whoever pushes it and whenever: this stands for the time it was made.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// What a registry keeps of a component beside its bytes.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Artifact {
    /// The config, as its digest was made of it.
    pub config: String,
    /// The manifest, likewise.
    pub manifest: String,
}

/// What is told of a component.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// What it imports.
    pub imports: Vec<String>,
    /// What it exports.
    pub exports: Vec<String>,
    /// Further words: `org.opencontainers.image.version` and the like.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    created: &'a str,
    architecture: &'a str,
    os: &'a str,
    layer_digests: [String; 1],
    component: Component<'a>,
}

#[derive(Serialize)]
struct Component<'a> {
    exports: &'a [String],
    imports: &'a [String],
}

/// Why an artifact is not a component.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a WebAssembly component as registries keep them: {0}")]
pub struct NoComponent(String);

impl Artifact {
    /// The artifact of a component.
    ///
    /// # Errors
    /// Never in practice: when something cannot be written as JSON.
    pub fn new(wasm: &[u8], about: &About) -> Result<Self, NoComponent> {
        let json = |error: serde_json::Error| NoComponent(error.to_string());
        let layer = describe(LAYER, wasm);
        let component = Component { exports: &about.exports, imports: &about.imports };
        let (created, architecture, os) = (CREATED, "wasm", "wasip2");
        let layer_digests = [layer.digest.clone()];
        let config = Config { created, architecture, os, layer_digests, component };
        let config = serde_json::to_string(&config).map_err(json)?;
        let annotations = (!about.annotations.is_empty()).then(|| about.annotations.clone());
        let manifest = OciImageManifest {
            media_type: Some(MANIFEST.to_owned()),
            config: describe(CONFIG, config.as_bytes()),
            layers: vec![layer],
            annotations,
            ..OciImageManifest::default()
        };
        Ok(Self { config, manifest: serde_json::to_string(&manifest).map_err(json)? })
    }

    /// The digest of the manifest: what the artifact is known by, and what is signed.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.manifest.as_bytes())
    }

    /// What the manifest says.
    ///
    /// # Errors
    /// When it is not that of a component.
    pub fn contents(&self) -> Result<Contents, NoComponent> {
        let contents = Contents::read(&self.manifest)?;
        if contents.config != Digest::of(self.config.as_bytes()) {
            return Err(NoComponent("its config is not the one its manifest names".to_owned()));
        }
        Ok(contents)
    }
}

/// What a manifest says of a component.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Contents {
    /// The digest of the component's bytes.
    pub component: Digest,
    /// How many there are.
    pub size: u64,
    /// The digest of the config.
    pub config: Digest,
    /// How many bytes that has.
    pub config_size: u64,
    /// Further words.
    pub annotations: BTreeMap<String, String>,
}

impl Contents {
    /// Reads a manifest.
    ///
    /// # Errors
    /// When it is not that of a component.
    pub fn read(manifest: &str) -> Result<Self, NoComponent> {
        let no = |why: String| NoComponent(why);
        let manifest: OciImageManifest =
            serde_json::from_str(manifest).map_err(|error| no(format!("its manifest: {error}")))?;
        if manifest.config.media_type != CONFIG {
            return Err(no(format!("its config is `{}`, not `{CONFIG}`", manifest.config.media_type)));
        }
        let [layer] = manifest.layers.as_slice() else {
            return Err(no(format!("it has {} layers, not one", manifest.layers.len())));
        };
        if layer.media_type != LAYER {
            return Err(no(format!("its layer is `{}`, not `{LAYER}`", layer.media_type)));
        }
        let bytes = |size: i64| u64::try_from(size).map_err(|_| no(format!("a size of {size} bytes")));
        let (size, config_size) = (bytes(layer.size)?, bytes(manifest.config.size)?);
        if size > MOST_BYTES {
            return Err(no(format!("{size} bytes are more than the {MOST_BYTES} a component may have")));
        }
        Ok(Self {
            component: layer.digest.parse().map_err(no)?,
            size,
            config: manifest.config.digest.parse().map_err(no)?,
            config_size,
            annotations: manifest.annotations.unwrap_or_default(),
        })
    }
}

/// A descriptor of some bytes.
pub(crate) fn describe(media_type: &str, bytes: &[u8]) -> OciDescriptor {
    OciDescriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes).to_string(),
        size: i64::try_from(bytes.len()).unwrap_or(i64::MAX),
        ..OciDescriptor::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        About { imports: vec!["a:b/c@1.0.0".into()], exports: vec!["d:e/f".into()], ..About::default() }
    }

    #[test]
    fn the_same_component_makes_the_same_artifact() {
        let artifact = Artifact::new(b"wasm", &about()).unwrap();
        assert_eq!(artifact, Artifact::new(b"wasm", &about()).unwrap());
        assert_ne!(artifact.digest(), Artifact::new(b"wasm2", &about()).unwrap().digest());
        let contents = artifact.contents().unwrap();
        assert_eq!((contents.component, contents.size), (Digest::of(b"wasm"), 4));
        let config: serde_json::Value = serde_json::from_str(&artifact.config).unwrap();
        let expected = serde_json::json!({
            "created": "1970-01-01T00:00:00Z", "architecture": "wasm", "os": "wasip2",
            "layerDigests": [Digest::of(b"wasm").to_string()],
            "component": { "exports": ["d:e/f"], "imports": ["a:b/c@1.0.0"] },
        });
        assert_eq!(config, expected);
    }

    #[test]
    fn what_is_no_component_says_why() {
        let manifest = Artifact::new(b"wasm", &about()).unwrap().manifest;
        let error = |manifest: &str| Contents::read(manifest).unwrap_err().to_string();
        let odd = |from: &str, to: &str| {
            assert!(manifest.contains(from), "{manifest}");
            error(&manifest.replace(from, to))
        };
        let prefix = "not a WebAssembly component as registries keep them: ";
        assert_eq!(odd(CONFIG, "x/y"), format!("{prefix}its config is `x/y`, not `{CONFIG}`"));
        assert_eq!(
            odd(r#""application/wasm""#, r#""x/y""#),
            format!("{prefix}its layer is `x/y`, not `{LAYER}`")
        );
        assert_eq!(odd(r#""size":4"#, r#""size":-4"#), format!("{prefix}a size of -4 bytes"));
        let large = format!("{prefix}268435457 bytes are more than the 268435456 a component may have");
        assert_eq!(odd(r#""size":4"#, r#""size":268435457"#), large);
        assert!(error("{").starts_with(&format!("{prefix}its manifest: ")));
        let none = serde_json::from_str::<serde_json::Value>(&manifest).unwrap();
        let none = serde_json::json!({ "schemaVersion": 2, "config": none["config"], "layers": [] });
        assert_eq!(error(&none.to_string()), format!("{prefix}it has 0 layers, not one"));
    }
}
