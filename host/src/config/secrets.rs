//! `${secret:name}`: where secrets are read and put into credentials, and nowhere else.

use std::{collections::BTreeMap, fs, path::Path};

use http::HeaderValue;

use super::{load::suggestion, raw::SecretSource};
use crate::{egress::credential::header_value, secret::Secret};

/// A secret shorter than this cannot be told from ordinary text in a response, so it could not be kept out.
const SHORTEST: usize = 4;

/// A text with its secrets in place.
#[derive(Clone, Debug)]
pub struct Filled {
    /// The text.
    pub text: Secret,
    /// The secrets it holds.
    pub secrets: Vec<Secret>,
}

impl Filled {
    /// A text without secrets.
    #[must_use]
    pub fn plain(text: String) -> Self {
        Self { text: Secret::new(text), secrets: Vec::new() }
    }

    /// A text that is a secret as a whole; `what` it is, for the error.
    ///
    /// # Errors
    /// When it is too short to be kept out of responses.
    pub fn whole(what: &str, text: String) -> Result<Self, String> {
        if text.len() < SHORTEST {
            return Err(format!("{what} is shorter than {SHORTEST} bytes"));
        }
        Ok(Self::plain(text))
    }

    /// As the value of a header, which is not printed.
    ///
    /// # Errors
    /// When it holds characters that a header cannot carry.
    pub fn header_value(&self) -> Result<HeaderValue, String> {
        header_value(self.text.expose())
    }
}

/// The secrets of a configuration, loaded.
#[derive(Debug, Default)]
pub struct Secrets(BTreeMap<String, Secret>);

impl Secrets {
    /// Reads every secret that is declared, so that a missing one is found at start and not at a call.
    ///
    /// # Errors
    /// Names the secret and its source, never its value.
    pub fn load(sources: &BTreeMap<String, SecretSource>, base: &Path) -> Result<Self, String> {
        sources
            .iter()
            .map(|(name, source)| {
                let secret = read(name, source, base)?;
                if secret.expose().len() < SHORTEST {
                    return Err(format!("secret `{name}` is shorter than {SHORTEST} bytes"));
                }
                Ok((name.clone(), secret))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// These, and of `others` those that have no namesake here.
    #[must_use]
    pub fn over(mut self, others: &Self) -> Self {
        for (name, secret) in &others.0 {
            self.0.entry(name.clone()).or_insert_with(|| secret.clone());
        }
        self
    }

    /// Replaces each `${secret:name}` in `text`.
    ///
    /// # Errors
    /// When a secret is not declared, or the text has a `${` that is no secret.
    pub fn fill(&self, text: &str) -> Result<Filled, String> {
        let mut filled = String::new();
        let mut secrets = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let (reference, after) = after.split_once('}').ok_or("`${` without a closing brace")?;
            let name = reference
                .strip_prefix("secret:")
                .ok_or_else(|| format!("`${{{reference}}}` is not understood; write `${{secret:NAME}}`"))?;
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let secret = self.0.get(name).ok_or_else(|| {
                format!("secret `{name}` is not declared under `secrets`. {}", suggestion(name, &known))
            })?;
            filled.push_str(secret.expose());
            secrets.push(secret.clone());
            rest = after;
        }
        filled.push_str(rest);
        Ok(Filled { text: Secret::new(filled), secrets })
    }

    /// A text that is a secret and nothing else, and so long that nobody guesses it.
    ///
    /// # Errors
    /// When it is not.
    pub fn key(&self, text: &str, least: usize) -> Result<Secret, String> {
        let filled = self.fill(text)?;
        match filled.secrets.as_slice() {
            [secret] if *secret == filled.text => {
                if secret.expose().len() < least {
                    return Err(format!(
                        "is shorter than {least} bytes; `openssl rand -base64 {least}` makes one"
                    ));
                }
                Ok(secret.clone())
            }
            _ => Err("must not stand in this file; write `${secret:NAME}`, and nothing else".to_owned()),
        }
    }
}

fn read(name: &str, source: &SecretSource, base: &Path) -> Result<Secret, String> {
    match (&source.file, &source.env) {
        (Some(file), None) => {
            let path = base.join(file);
            let text = fs::read_to_string(&path)
                .map_err(|e| format!("secret `{name}`: {} cannot be read: {e}", path.display()))?;
            let text = text.strip_suffix('\n').unwrap_or(&text);
            Ok(Secret::new(text.strip_suffix('\r').unwrap_or(text).to_owned()))
        }
        (None, Some(variable)) => {
            #[expect(clippy::disallowed_methods, reason = "this is config")]
            let value = std::env::var(variable);
            value.map(Secret::new).map_err(|_| {
                format!("secret `{name}`: the environment variable {variable} is not set (or not UTF-8)")
            })
        }
        _ => Err(format!("secret `{name}` needs exactly one of `file` and `env`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets() -> Secrets {
        Secrets([("token".to_owned(), Secret::new("s3cret".into()))].into())
    }

    #[test]
    fn references_are_replaced() {
        assert_eq!(secrets().fill("Bearer ${secret:token}!").unwrap().text.expose(), "Bearer s3cret!");
        assert_eq!(secrets().fill("plain").unwrap().text.expose(), "plain");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        let error = |text| secrets().fill(text).unwrap_err();
        assert_eq!(
            error("${secret:tokn}"),
            "secret `tokn` is not declared under `secrets`. Did you mean `token`?"
        );
        assert_eq!(error("${env:HOME}"), "`${env:HOME}` is not understood; write `${secret:NAME}`");
        assert_eq!(error("${secret:token"), "`${` without a closing brace");
    }

    #[test]
    fn a_secret_file_loses_its_newline_only() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("t"), " a b \r\n").unwrap();
        let source = SecretSource { file: Some("t".into()), env: None };
        assert_eq!(read("t", &source, dir.path()).unwrap().expose(), " a b ");
    }

    #[test]
    fn a_missing_source_is_named() {
        let missing = SecretSource { file: None, env: Some("BULKHEAD_TEST_NOT_SET".into()) };
        let error = read("t", &missing, Path::new(".")).unwrap_err();
        assert_eq!(
            error,
            "secret `t`: the environment variable BULKHEAD_TEST_NOT_SET is not set (or not UTF-8)"
        );
        let neither = SecretSource { file: None, env: None };
        assert_eq!(
            read("t", &neither, Path::new(".")).unwrap_err(),
            "secret `t` needs exactly one of `file` and `env`"
        );
    }

    #[test]
    fn a_secret_too_short_to_be_kept_out_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("t"), "abc").unwrap();
        let sources = [("t".to_owned(), SecretSource { file: Some("t".into()), env: None })].into();
        assert_eq!(Secrets::load(&sources, dir.path()).unwrap_err(), "secret `t` is shorter than 4 bytes");
    }

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", secrets()), r#"Secrets({"token": Secret(…)})"#);
    }
}
