//! Owns where documents are: absolute URLs, or absolute paths in a file system, and what a reference relative to one
//! means (RFC 3986 §5). Whether a place may be read is for whoever reads it.

/// The place of a reference, without its fragment.
///
/// # Errors
/// It has a scheme that is never read from: `file:`, `data:` and the like.
pub(crate) fn join(base: &str, reference: &str) -> Result<String, String> {
    let reference = reference.split('#').next().unwrap_or_default();
    if reference.is_empty() {
        return Ok(base.to_owned());
    }
    if let Some((scheme, _)) = reference.split_once(':').filter(|(scheme, _)| is_scheme(scheme)) {
        return match scheme.to_ascii_lowercase().as_str() {
            "http" | "https" => Ok(reference.to_owned()),
            _ => Err(format!(
                "`{scheme}:` is never read from; only http and https are, and relative references"
            )),
        };
    }
    let (origin, path) = split(base);
    if let Some(rest) = reference.strip_prefix("//") {
        return match origin.split_once("//") {
            Some((scheme, _)) => Ok(format!("{scheme}//{rest}")),
            None => Err(format!("`{reference}` names a host, and the document is a file")),
        };
    }
    let query = reference.find('?').map_or("", |at| reference.get(at..).unwrap_or_default());
    let target = reference.split('?').next().unwrap_or_default();
    let whole = match target.starts_with('/') {
        true => target.to_owned(),
        false => format!("{}/{target}", path.rsplit_once('/').map_or("", |(folder, _)| folder)),
    };
    Ok(format!("{origin}{}{query}", without_dots(&whole)))
}

/// Scheme, host and port of a URL (none of a path), and the path.
pub(crate) fn split(at: &str) -> (&str, &str) {
    let Some(start) = at.find("://").map(|at| at + 3) else { return ("", at) };
    let end = at.get(start..).and_then(|rest| rest.find('/')).map_or(at.len(), |slash| start + slash);
    let path = at.get(end..).unwrap_or_default();
    (at.get(..end).unwrap_or_default(), path.split(['?', '#']).next().unwrap_or_default())
}

/// Whether a URL is at or below another: the same origin, and its path begins with the other's segments.
pub(crate) fn is_below(url: &str, prefix: &str) -> bool {
    let ((origin, path), (granted, below)) = (split(url), split(prefix.trim().trim_end_matches('/')));
    let rest = path.strip_prefix(below);
    !origin.is_empty()
        && origin.eq_ignore_ascii_case(granted)
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_scheme(text: &str) -> bool {
    text.len() > 1
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let last = path.rsplit('/').next().unwrap_or_default();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let folder = matches!(last, "." | "..");
    format!("/{}{}", kept.join("/"), if folder && !kept.is_empty() { "/" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_relative_to_their_document() {
        for (base, reference, expected) in [
            ("https://h/a/b.json", "c.json#/x", "https://h/a/c.json"),
            ("https://h/a/b.json", "../c.json", "https://h/c.json"),
            ("https://h/a/b.json", "../../../c.json", "https://h/c.json"),
            ("https://h/a/b.json", "/c?d=1", "https://h/c?d=1"),
            ("https://h", "c.json", "https://h/c.json"),
            ("https://h/a", "//other/c", "https://other/c"),
            ("https://h/a", "http://other/c", "http://other/c"),
            ("/api/openapi.yaml", "./schemas/pet.yaml", "/api/schemas/pet.yaml"),
            ("/api/openapi.yaml", "../../etc/passwd", "/etc/passwd"),
            ("/api/openapi.yaml", "#/x", "/api/openapi.yaml"),
            ("https://h/api/openapi.json", "..", "https://h/"),
        ] {
            assert_eq!(join(base, reference).as_deref(), Ok(expected), "{base} {reference}");
        }
    }

    #[test]
    fn only_http_is_ever_read_by_scheme() {
        for reference in
            ["file:///etc/passwd", "FILE:/etc/passwd", "data:application/json,{}", "gopher://h/1"]
        {
            assert!(
                join("https://h/a", reference).unwrap_err().contains("is never read from"),
                "{reference}"
            );
        }
        assert!(join("/a.yaml", "//h/b").unwrap_err().contains("the document is a file"));
    }

    #[test]
    fn below_is_by_origin_and_segment() {
        assert!(is_below("https://h/api/v1", "https://h/api/"));
        assert!(is_below("https://H/api", "https://h/api"));
        for other in ["https://h/apis", "https://h.evil/api", "http://h/api", "https://h:8/api", "/api"] {
            assert!(!is_below(other, "https://h/api"), "{other}");
        }
    }
}
