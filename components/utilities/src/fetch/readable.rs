//! Owns turning HTML into Markdown a model can read: what is said, without the furniture around it.

use bulkhead_sdk::{Error, Result};

/// Elements that hold no text of the page.
const FURNITURE: &[&str] = &[
    "script", "style", "noscript", "template", "svg", "iframe", "nav", "footer", "aside", "form", "button",
    "head",
];

/// The title and the text of a page.
pub(super) fn page(html: &str) -> Result<(Option<String>, String)> {
    let converter = htmd::HtmlToMarkdown::builder().skip_tags(FURNITURE.to_vec()).build();
    let text = converter
        .convert(html)
        .map_err(|error| Error::failed(format!("the HTML cannot be read: {error}")))?;
    Ok((title(html), squeezed(&text)))
}

/// What stands in `<title>`.
fn title(html: &str) -> Option<String> {
    let lower = html.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let start = open + lower.get(open..)?.find('>')? + 1;
    let end = start + lower.get(start..)?.find("</title")?;
    let text = html.get(start..end)?.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text, |text, (entity, plain)| text.replace(entity, plain));
    (!text.is_empty()).then_some(text)
}

/// No more than one empty line in a row, no spaces at line ends.
fn squeezed(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.lines().map(str::trim_end) {
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty < 2 {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept.trim().to_owned()
}
