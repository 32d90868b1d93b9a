//! Registries: what is pushed to them, and what is pulled. Nothing that comes is believed before its digest holds, and
//! nothing is kept of what does not.

mod refused;

use std::{
    io,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use oci_client::{
    Client, RegistryOperation,
    client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol},
    manifest::{IMAGE_CONFIG_MEDIA_TYPE, OciDescriptor, OciImageManifest},
    secrets::RegistryAuth,
};
pub use refused::Refused;
use tokio::io::AsyncWrite;

use crate::{
    artifact::{self, Artifact, Contents, describe},
    bundle::{Signature, Signed},
    credentials,
    digest::Digest,
    payload::{ANNOTATION, MEDIA_TYPE},
    reference::Reference,
};

/// A registry that has not accepted a connection by then is not going to.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest silence in an answer.
const READ: Duration = Duration::from_secs(60);
/// A manifest has some kilobytes, a config likewise.
const MOST_WORDS: u64 = 1 << 20;
/// What one artifact may have; each is fetched.
const MOST_SIGNATURES: usize = 64;

/// How registries are reached.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// Without TLS. Registries on this machine are, unless `ca` is given.
    pub plain_http: bool,
    /// Certificates, in PEM, that are trusted instead of the system's.
    pub ca: Option<Vec<u8>>,
}

/// A registry, as it is reached for one artifact.
pub struct Registry {
    client: Client,
    reference: Reference,
    auth: RegistryAuth,
    user: Option<String>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("reference", &self.reference).finish_non_exhaustive()
    }
}

/// What a reference stands for at this moment.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Resolved {
    /// The reference, with the digest of the manifest.
    pub reference: Reference,
    /// What the manifest says.
    pub contents: Contents,
    /// What the registry keeps beside the component.
    pub artifact: Artifact,
}

impl Registry {
    /// The registry of `reference`.
    ///
    /// # Errors
    /// When the credentials or the certificates cannot be used.
    pub fn new(reference: &Reference, access: &Access) -> Result<Self, Refused> {
        // The provider is the process's; where it has one already, that is ring as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let plain = access.plain_http || reference.is_loopback() && access.ca.is_none();
        let inner = reference.inner();
        let certificate =
            |pem: &Vec<u8>| Certificate { encoding: CertificateEncoding::Pem, data: pem.clone() };
        let config = ClientConfig {
            protocol: if plain { ClientProtocol::Http } else { ClientProtocol::Https },
            tls_certs_only: access.ca.iter().map(certificate).collect(),
            platform_resolver: None,
            connect_timeout: Some(CONNECT),
            read_timeout: Some(READ),
            user_agent: concat!("bulkhead/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| Refused::setup(reference, &error))?;
        let (auth, user) = credentials::of(inner.resolve_registry())?;
        Ok(Self { client, reference: reference.clone(), auth, user })
    }

    /// What the reference stands for now.
    ///
    /// # Errors
    /// When the registry refuses, has no such thing, or something else than a component.
    pub async fn resolve(&self) -> Result<Resolved, Refused> {
        self.authorize(RegistryOperation::Pull).await?;
        let manifest = self.manifest(&self.reference).await?;
        let digest = Digest::of(manifest.as_bytes());
        if let Some(asked) = self.reference.digest().filter(|asked| **asked != digest) {
            return Err(Refused::other(&self.reference, format!("the registry has {digest} for {asked}")));
        }
        let no = |why: artifact::NoComponent| Refused::other(&self.reference, why.to_string());
        let contents = Contents::read(&manifest).map_err(no)?;
        let config = OciDescriptor {
            media_type: artifact::CONFIG.to_owned(),
            digest: contents.config.to_string(),
            size: i64::try_from(contents.config_size).unwrap_or(i64::MAX),
            ..OciDescriptor::default()
        };
        let config = self.words(&config).await?;
        Ok(Resolved {
            reference: self.reference.at(&digest),
            contents,
            artifact: Artifact { config, manifest },
        })
    }

    /// Brings the component into a file, checked while it comes.
    ///
    /// # Errors
    /// When it is not what the manifest says, in size or digest; what came of it is left for the caller to throw away.
    pub async fn pull(&self, resolved: &Resolved, file: &Path) -> Result<(), Refused> {
        let here = |error: io::Error| Refused::here(file, &error);
        let layer = OciDescriptor {
            media_type: artifact::LAYER.to_owned(),
            digest: resolved.contents.component.to_string(),
            size: i64::try_from(resolved.contents.size).unwrap_or(i64::MAX),
            ..OciDescriptor::default()
        };
        let file = tokio::fs::File::create_new(file).await.map_err(here)?;
        let mut bounded = Bounded { inner: file, left: resolved.contents.size };
        let pulled = self.client.pull_blob(self.reference.inner(), &layer, &mut bounded).await;
        let came = resolved.contents.size.saturating_sub(bounded.left);
        if bounded.left > 0 && is_end(pulled.as_ref().err()) {
            // The digest does not hold either; this says why.
            let all = resolved.contents.size;
            let why = format!("the registry sent {came} bytes of the component, not all {all}");
            return Err(Refused::other(&self.reference, why));
        }
        pulled.map_err(|error| self.refused(&error))?;
        bounded.inner.sync_all().await.map_err(here)
    }

    /// The signatures of what a reference stands for, as cosign keeps them.
    ///
    /// # Errors
    /// When the registry refuses, or what it has is damaged.
    pub async fn signatures(&self, resolved: &Resolved) -> Result<Vec<Signature>, Refused> {
        let at = self.beside(&resolved.artifact.digest());
        let mut signatures = Vec::new();
        let Some(manifest) = self.signature_manifest(&at).await? else { return Ok(signatures) };
        for layer in
            manifest.layers.iter().filter(|layer| layer.media_type == MEDIA_TYPE).take(MOST_SIGNATURES)
        {
            let annotations = layer.annotations.as_ref();
            let Some(signature) = annotations.and_then(|annotations| annotations.get(ANNOTATION)) else {
                continue;
            };
            signatures.push(Signature { payload: self.words(layer).await?, signature: signature.clone() });
        }
        Ok(signatures)
    }

    /// Uploads a component, and its signatures beside it; those that are there already stay.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn push(&self, wasm: Vec<u8>, signed: &Signed) -> Result<Reference, Refused> {
        self.authorize(RegistryOperation::Push).await?;
        let artifact = &signed.artifact;
        self.blob(artifact.config.clone().into_bytes()).await?;
        self.blob(wasm).await?;
        // The tag is what names it; nobody sees it before it is whole.
        self.put_manifest(&self.reference, artifact.manifest.clone()).await?;
        let pushed = self.reference.at(&artifact.digest());
        if !signed.signatures.is_empty() {
            self.attach(&artifact.digest(), &signed.signatures).await?;
        }
        Ok(pushed)
    }

    /// Puts signatures beside an artifact that is there.
    ///
    /// # Errors
    /// When the registry refuses.
    pub async fn attach(&self, artifact: &Digest, signatures: &[Signature]) -> Result<(), Refused> {
        self.authorize(RegistryOperation::Push).await?;
        let at = self.beside(artifact);
        let mut layers =
            self.signature_manifest(&at).await?.map(|manifest| manifest.layers).unwrap_or_default();
        for Signature { payload, signature } in signatures {
            let annotations = [(ANNOTATION.to_owned(), signature.clone())].into();
            let layer =
                OciDescriptor { annotations: Some(annotations), ..describe(MEDIA_TYPE, payload.as_bytes()) };
            layers.retain(|old| old.digest != layer.digest || old.annotations != layer.annotations);
            layers.push(layer);
            self.blob(payload.clone().into_bytes()).await?;
        }
        let config = image_config(&layers);
        let manifest = OciImageManifest {
            media_type: Some(artifact::MANIFEST.to_owned()),
            config: describe(IMAGE_CONFIG_MEDIA_TYPE, config.as_bytes()),
            layers,
            ..OciImageManifest::default()
        };
        let manifest = serde_json::to_string(&manifest);
        let manifest = manifest.map_err(|error| Refused::other(&self.reference, error.to_string()))?;
        self.blob(config.into_bytes()).await?;
        self.put_manifest(&at, manifest).await
    }

    /// Where cosign keeps the signatures of an artifact.
    fn beside(&self, artifact: &Digest) -> Reference {
        self.reference.tagged_as(format!("sha256-{}.sig", artifact.hex()))
    }

    async fn signature_manifest(&self, at: &Reference) -> Result<Option<OciImageManifest>, Refused> {
        let text = match self.manifest(at).await {
            Err(refused) if refused.is_missing() => return Ok(None),
            other => other?,
        };
        let manifest = serde_json::from_str(&text);
        manifest.map(Some).map_err(|error| Refused::other(at, format!("its manifest of signatures: {error}")))
    }

    async fn authorize(&self, operation: RegistryOperation) -> Result<(), Refused> {
        let authorized = self.client.auth(self.reference.inner(), &self.auth, operation).await;
        authorized.map(drop).map_err(|error| self.refused(&error))
    }

    /// A manifest's text. Its digest is what the registry says, or the reference.
    async fn manifest(&self, reference: &Reference) -> Result<String, Refused> {
        let pulled =
            self.client.pull_manifest_raw(reference.inner(), &self.auth, &[artifact::MANIFEST]).await;
        let (bytes, _) = pulled.map_err(|error| Refused::new(reference, self.user.as_deref(), &error))?;
        if bytes.len() as u64 > MOST_WORDS {
            return Err(Refused::other(reference, format!("its manifest has {} bytes", bytes.len())));
        }
        String::from_utf8(bytes.into())
            .map_err(|_| Refused::other(reference, "its manifest is not text".to_owned()))
    }

    /// A blob of a few words.
    async fn words(&self, blob: &OciDescriptor) -> Result<String, Refused> {
        let odd = |why: String| Refused::other(&self.reference, why);
        let left = u64::try_from(blob.size).ok().filter(|size| *size <= MOST_WORDS);
        let left = left.ok_or_else(|| odd(format!("its {} has {} bytes", blob.media_type, blob.size)))?;
        let mut bounded = Bounded { inner: Vec::new(), left };
        // Only from the registry, whatever else its manifest names.
        let blob = &OciDescriptor { urls: None, ..blob.clone() };
        let pulled = self.client.pull_blob(self.reference.inner(), blob, &mut bounded).await;
        pulled.map_err(|error| self.refused(&error))?;
        String::from_utf8(bounded.inner).map_err(|_| odd(format!("its {} is not text", blob.media_type)))
    }

    /// Uploads a blob, unless it is there.
    async fn blob(&self, bytes: Vec<u8>) -> Result<(), Refused> {
        let digest = Digest::of(&bytes).to_string();
        let inner = self.reference.inner();
        // Registries that do not say are told again.
        if self.client.blob_exists(inner, &digest).await.unwrap_or_default() {
            return Ok(());
        }
        let pushed = self.client.push_blob(inner, bytes, &digest).await;
        pushed.map(drop).map_err(|error| self.refused(&error))
    }

    async fn put_manifest(&self, at: &Reference, manifest: String) -> Result<(), Refused> {
        let odd = |why: String| Refused::other(at, why);
        let kind = artifact::MANIFEST.parse();
        let kind = kind.map_err(|_| odd("the media type is no header".to_owned()))?;
        let pushed = self.client.push_manifest_raw(at.inner(), manifest.into_bytes(), kind).await;
        pushed.map(drop).map_err(|error| self.refused(&error))
    }

    fn refused(&self, error: &oci_client::errors::OciDistributionError) -> Refused {
        Refused::new(&self.reference, self.user.as_deref(), error)
    }
}

/// Whether a transfer ended, rather than was refused.
fn is_end(error: Option<&oci_client::errors::OciDistributionError>) -> bool {
    use oci_client::errors::OciDistributionError as E;
    match error {
        None | Some(E::DigestError(_)) => true,
        Some(E::RequestError(failed)) => !failed.is_connect() && !failed.is_timeout(),
        Some(_) => false,
    }
}

/// The config of an image without anything in it, as cosign writes it beside signatures.
fn image_config(layers: &[OciDescriptor]) -> String {
    let digests: Arc<[&str]> = layers.iter().map(|layer| layer.digest.as_str()).collect();
    let made = "0001-01-01T00:00:00Z";
    serde_json::json!({
        "architecture": "", "os": "", "created": made, "config": {}, "history": vec![serde_json::json!({ "created": made }); layers.len()],
        "rootfs": { "type": "layers", "diff_ids": digests.as_ref() },
    })
    .to_string()
}

/// Takes no more than was announced.
struct Bounded<W> {
    inner: W,
    left: u64,
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Bounded<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if bytes.len() as u64 > self.left {
            return Poll::Ready(Err(io::Error::other("the registry sends more than its manifest says")));
        }
        let written = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = written {
            self.left -= written as u64;
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
