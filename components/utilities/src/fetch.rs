//! Owns `web_fetch`: reading a page within what the operator allows.
//!
//! Redirects are followed here, one request each, so the host checks every hop. The body is read
//! to a bound, and only text is given back.

mod readable;

use std::time::Duration;

use bulkhead_sdk::prelude::*;

use crate::{Utilities, limits};

/// Enough for any page meant to be read; the rest of a larger one is left unread.
const MOST_BYTES: usize = 4 << 20;
const MOST_REDIRECTS: usize = 5;
const DEFAULT_CHARS: usize = 10_000;
const DEFAULT_TIMEOUT: f64 = 30.0;

pub(crate) fn tools() -> Vec<Tool<Utilities>> {
    vec![
        Tool::new(
            "web_fetch",
            "Reads a web page or text file. HTML comes back as Markdown. Long pages come in parts: call again with \
             `start` set to `next_start`. Only sites the operator lists are reachable.",
            web_fetch,
        )
        .title("Read a web page")
        .read_only()
        .idempotent()
        .open_world()
        .tag("web"),
    ]
}

/// Whether an origin of the config can stand in an egress pattern.
pub(crate) fn check_origin(origin: &str) -> Result<(), String> {
    let expected = "expected such as `https://docs.rs`, `https://*.wikipedia.org` or `https://*`";
    let Some(rest) = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")) else {
        return Err(format!("`{origin}` has no scheme; {expected}"));
    };
    if rest.is_empty() || rest.ends_with('/') {
        return Err(format!("`{origin}` ends with a slash; {expected}"));
    }
    if rest.contains(['?', '#', '@', ' ']) {
        return Err(format!("`{origin}` has more than scheme, host, port and path; {expected}"));
    }
    Ok(())
}

#[derive(Deserialize, JsonSchema)]
struct WebFetch {
    /// Such as `https://docs.rs/jiff/latest/jiff/`.
    url: String,
    /// At most this many characters; 10 000 if left out.
    #[schemars(range(min = 100, max = 200_000))]
    max_chars: Option<usize>,
    /// The character to begin at, to go on where an earlier call ended.
    #[serde(default)]
    start: usize,
    /// Seconds for each request; 30 if left out.
    #[schemars(range(min = 1, max = 120))]
    timeout: Option<f64>,
    /// The source as it is, without turning HTML into Markdown.
    #[serde(default)]
    raw: bool,
}

async fn web_fetch(_: &Utilities, args: WebFetch, call: &Call) -> Result<Output> {
    limits::at_most("url", &args.url, 8_000)?;
    let most = limits::within("max_chars", args.max_chars.unwrap_or(DEFAULT_CHARS), 100, 200_000)?;
    let timeout = limits::within("timeout", args.timeout.unwrap_or(DEFAULT_TIMEOUT), 1.0, 120.0)?;
    if !args.url.trim().starts_with("http://") && !args.url.trim().starts_with("https://") {
        return Err(Error::invalid("url", format!("`{}`: expected https://host/path", args.url)));
    }
    let (url, response) = follow(args.url.trim().to_owned(), Duration::from_secs_f64(timeout), call).await?;
    let status = response.status;
    let response = response.ok()?;
    let kind = response.header("content-type").unwrap_or("application/octet-stream").to_ascii_lowercase();
    if !is_text(&kind) {
        let size = response.header("content-length").map(str::to_owned);
        let value =
            json!({"url": url, "status": status, "content_type": kind, "content_length": size, "text": null});
        let said = format!("{url} is {kind}, not text; it is not shown.");
        return Ok(Output::structured_with_text(value, said));
    }
    let source = decoded(&response.body, &kind);
    let html = kind.contains("html")
        || (kind.starts_with("text/plain") && source.trim_start().starts_with("<!DOCTYPE html"));
    let (title, text) = if html && !args.raw { readable::page(&source)? } else { (None, source) };
    let total = text.chars().count();
    if args.start > 0 && args.start >= total {
        return Err(Error::invalid(
            "start",
            format!("is {}, but the page has {total} characters", args.start),
        ));
    }
    let part: String = text.chars().skip(args.start).take(most).collect();
    let end = args.start.saturating_add(most);
    let next = (end < total).then_some(end);
    let mut said = part.clone();
    if let Some(next) = next {
        said = format!("{said}\n\n[characters {}-{next} of {total}; go on with start={next}]", args.start);
    } else if response.truncated {
        said = format!("{said}\n\n[only the first {MOST_BYTES} bytes were read]");
    }
    let value = json!({
        "url": url,
        "status": status,
        "content_type": kind,
        "title": title,
        "text": part,
        "start": args.start,
        "total_chars": total,
        "next_start": next,
        "truncated": response.truncated,
    });
    Ok(Output::structured_with_text(value, said))
}

/// The response at the end of the redirects, and where it was.
async fn follow(mut url: String, timeout: Duration, call: &Call) -> Result<(String, bulkhead_sdk::Response)> {
    for _ in 0..=MOST_REDIRECTS {
        let response = Http::get(&url)
            .header(
                "accept",
                "text/html, application/xhtml+xml, text/*;q=0.9, application/json;q=0.9, */*;q=0.1",
            )
            .header("user-agent", "bulkhead-utilities (web_fetch)")
            .timeout(timeout)
            .read_at_most(MOST_BYTES)
            .send()
            .await?;
        let target = match response.status {
            301 | 302 | 303 | 307 | 308 => response.header("location").map(str::to_owned),
            _ => None,
        };
        let Some(target) = target else { return Ok((url, response)) };
        url = joined(&url, &target).ok_or_else(|| {
            Error::failed(format!("{url} redirects to `{target}`, which cannot be followed"))
        })?;
        call.log(Level::Debug, &format!("redirected to {url}"));
    }
    Err(Error::failed(format!("more than {MOST_REDIRECTS} redirects; the last was to {url}")))
}

/// A redirect's target against the page it came from (RFC 3986 §5, as far as redirects use it).
fn joined(base: &str, target: &str) -> Option<String> {
    let target = target.trim();
    let (scheme, rest) = base.split_once("://")?;
    if let Some(at) = target.find("://")
        && target.get(..at)?.bytes().all(|byte| byte.is_ascii_alphanumeric())
    {
        return target
            .get(..at)
            .filter(|scheme| ["http", "https"].contains(scheme))
            .map(|_| target.to_owned());
    }
    if target.starts_with("//") {
        return Some(format!("{scheme}:{target}"));
    }
    let rest = rest.split(['?', '#']).next()?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if target.starts_with('/') {
        return Some(format!("{scheme}://{authority}{target}"));
    }
    if target.starts_with('?') {
        return Some(format!("{scheme}://{authority}{path}{target}"));
    }
    let folder = path.rfind('/').and_then(|slash| path.get(..=slash)).unwrap_or("/");
    Some(format!("{scheme}://{authority}{}", without_dots(&format!("{folder}{target}"))))
}

/// RFC 3986 §5.2.4: `.` and `..` are resolved here, so that the host sees the path that is sent.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            other => kept.push(other),
        }
    }
    format!("/{}{query}", kept.join("/"))
}

fn is_text(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.starts_with("text/")
        || ["json", "xml", "javascript", "yaml", "toml", "markdown", "graphql", "x-sh", "sql", "x-ndjson"]
            .iter()
            .any(|word| kind.starts_with("application/") && kind.ends_with(word))
        || kind == "image/svg+xml"
}

/// UTF-8, or Latin-1 where the server says so; other character sets are rare and come out marked.
fn decoded(body: &[u8], kind: &str) -> String {
    let latin = ["iso-8859-1", "latin1", "windows-1252"].iter().any(|name| kind.contains(name));
    if latin {
        return body.iter().map(|byte| char::from(*byte)).collect();
    }
    String::from_utf8_lossy(body).trim_start_matches('\u{feff}').to_owned()
}

#[cfg(test)]
mod tests;
