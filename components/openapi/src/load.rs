//! Owns getting the document: over HTTP or from a granted folder, with what it refers to, and the operator's overlays.

use bulkhead_openapi::Document;
use bulkhead_sdk::prelude::*;

use crate::config::Config;

/// The document as the operator wants it.
pub(crate) async fn document(config: &Config) -> Result<Document> {
    let limits = config.limits();
    let (at, bytes) = match (&config.document, &config.file) {
        (Some(url), _) => (url, fetch(url, limits.bytes).await?),
        (None, Some(path)) => (path, file(path).map_err(Error::failed)?),
        (None, None) => return Err(Error::failed("config: there is neither `document` nor `file`")),
    };
    let wrong = |why: String| Error::failed(format!("the document {at}: {why}"));
    let mut document = Document::parse(&bytes, at, limits.clone()).map_err(wrong)?;
    drop(bytes);
    while let Some(next) = document.wanted().map(str::to_owned) {
        let found = match next.starts_with('/') {
            true => file(&next),
            false if is_granted(&next, &config.references) => {
                fetch(&next, limits.bytes).await.map_err(|error| error.to_string())
            }
            false => Err("it is not below any of the URLs in `references`".to_owned()),
        };
        match found {
            Ok(bytes) => document.provide(&next, &bytes),
            Err(why) => document.refuse(&next, &why),
        }
    }
    for (number, overlay) in config.overlays.iter().enumerate() {
        apply(&mut document, overlay)
            .map_err(|why| Error::failed(format!("config.overlays[{number}]: {why}")))?;
    }
    for path in &config.overlay_files {
        let wrong = |why: String| Error::failed(format!("the overlay {path}: {why}"));
        let overlay = bulkhead_openapi::read(&file(path).map_err(Error::failed)?, &limits).map_err(wrong)?;
        apply(&mut document, &overlay).map_err(wrong)?;
    }
    Ok(document)
}

fn apply(document: &mut Document, overlay: &Value) -> Result<(), String> {
    for remark in document.overlay(overlay)? {
        bulkhead_sdk::log(Level::Warning, &format!("document: {remark}"));
    }
    Ok(())
}

/// Whether a URL is below one of those; the host's grant says the same, later and less kindly.
fn is_granted(url: &str, references: &[String]) -> bool {
    references.iter().any(|prefix| {
        url.strip_prefix(prefix.trim_end_matches('/'))
            .is_some_and(|rest| rest.starts_with('/') || rest.is_empty())
    })
}

async fn fetch(url: &str, limit: usize) -> Result<Vec<u8>> {
    const KINDS: &str = "application/json, application/yaml;q=0.9, text/yaml;q=0.9, */*;q=0.5";
    let response = Http::get(url).header("accept", KINDS).limit(limit).send().await?;
    Ok(response.ok().map_err(|error| error.context(format!("the document {url}")))?.body)
}

fn file(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| {
        format!("the file {path} cannot be read: {error}; is its folder among the service's `files`?")
    })
}

/// Whether what calls need is there.
pub(crate) async fn health(config: &Config) -> Result<String, String> {
    let ask = |url: String| async move {
        let response = Http::get(&url).read_at_most(1024).send().await?.ok()?;
        Ok::<_, Error>(format!("{url} answers {}", response.status))
    };
    match (&config.health, &config.url, &config.document, &config.file) {
        (Some(path), Some(url), ..) => ask(format!("{}{path}", url.trim_end_matches('/'))).await,
        (.., Some(document), _) => ask(document.clone()).await,
        (.., Some(path)) => {
            let size = std::fs::metadata(path).map_err(|error| format!("the file {path}: {error}"))?.len();
            return Ok(format!("the document is there, {size} bytes"));
        }
        _ => return Err("there is neither `document` nor `file`".to_owned()),
    }
    .map_err(|error| error.to_string())
}
