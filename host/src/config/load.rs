//! Reads and parses the file. Every error names the file, the line and, for a misspelt key, the nearest
//! valid one.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use super::{
    Config,
    files::{self, Named},
    raw, resolve,
};

/// Why a configuration cannot be used. Its text is complete: what, where, how to mend it.
#[derive(Debug)]
pub struct ConfigError {
    /// The file, if there is one.
    pub file: Option<PathBuf>,
    /// Line and column, from 1.
    pub at: Option<(u64, u64)>,
    /// What is wrong.
    pub message: String,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}:", file.display())?;
        }
        if let Some((line, column)) = self.at {
            write!(f, "{line}:{column}:")?;
        }
        if self.file.is_some() { write!(f, " {}", self.message) } else { f.write_str(&self.message) }
    }
}

/// What became of reading a configuration.
#[derive(Debug)]
pub struct Loaded {
    /// What it is read from; only the file itself, where that cannot be understood.
    pub named: Named,
    /// Whether it can.
    pub understood: bool,
    /// Whether there is a file with nothing in it. A host may be started with it; while it serves, somebody is about to
    /// write the file.
    pub empty: bool,
    /// The configuration.
    pub config: Result<Config, ConfigError>,
}

/// Loads a configuration file.
///
/// # Errors
/// When it cannot be read, parsed or acted on.
pub fn file(path: &Path) -> Result<Config, ConfigError> {
    read(path).config
}

/// Loads a configuration file, and says which others it names.
#[must_use]
pub fn read(path: &Path) -> Loaded {
    let named = |message| ConfigError { file: Some(path.to_owned()), at: None, message };
    let parsed = fs::read_to_string(path).map_err(|e| named(format!("cannot be read: {e}")));
    let parsed = parsed.and_then(|text| match parse(&text) {
        Ok(raw) => Ok((text, raw)),
        Err(error) => Err(ConfigError { file: Some(path.to_owned()), ..error }),
    });
    let (text, raw) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let named = Named { files: [path.to_owned()].into(), ..Named::default() };
            return Loaded { named, understood: false, empty: false, config: Err(error) };
        }
    };
    let base = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut all = files::named(&raw, base);
    all.files.insert(path.to_owned());
    let config = resolve::resolve(raw, base).map_err(|e| {
        let at = e.key.as_deref().and_then(|key| line_of(&text, key)).map(|line| (line, 1));
        ConfigError { file: Some(path.to_owned()), at, message: e.to_string() }
    });
    Loaded { named: all, understood: true, empty: text.trim().is_empty(), config }
}

/// What of a configuration file can be acted on before the components it names are there.
///
/// # Errors
/// When it cannot be read, or the rest of it cannot be acted on.
pub fn without_tenants(path: &Path) -> Result<Config, ConfigError> {
    let named = |at, message| ConfigError { file: Some(path.to_owned()), at, message };
    let text = fs::read_to_string(path).map_err(|e| named(None, format!("cannot be read: {e}")))?;
    let raw = parse(&text).map_err(|error| ConfigError { file: Some(path.to_owned()), ..error })?;
    let base = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let components = raw::Components { serve: Some(false), ..raw.components };
    let rest = raw::File { components, signatures: raw.signatures, ..raw::File::default() };
    resolve::resolve(rest, base).map_err(|e| named(None, e.to_string()))
}

/// The configuration of a host that was given none: the `utilities` component for a local caller, and what lies in
/// `./components`.
#[must_use]
pub fn none() -> Loaded {
    let mut raw = raw::File::default();
    let services = [("utilities".to_owned(), raw::Service::default())].into();
    let local = raw::Tenant { services, ..raw::Tenant::default() };
    raw.tenants.insert("local".to_owned(), local);
    raw.components.serve = Some(true);
    let base = Path::new(".");
    let named = files::named(&raw, base);
    let config =
        resolve::resolve(raw, base).map_err(|e| ConfigError { file: None, at: None, message: e.to_string() });
    Loaded { named, understood: true, empty: false, config }
}

/// Parses the text of a file.
///
/// # Errors
/// With line and column of the first thing that is not understood.
pub fn parse(text: &str) -> Result<raw::File, ConfigError> {
    if text.trim().is_empty() {
        return Ok(raw::File::default());
    }
    serde_saphyr::from_str(text).map_err(|error| {
        let at = error.location().map(|l| (l.line(), l.column()));
        ConfigError { file: None, at, message: plain(error.without_snippet()) }
    })
}

/// A person wants the key that was meant; the place is told apart from the text.
fn plain(error: &serde_saphyr::Error) -> String {
    if let serde_saphyr::Error::SerdeUnknownField { field, expected, .. } = error {
        return format!("unknown key `{field}`. {}", suggestion(field, expected));
    }
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or(&text).trim().to_owned()
}

/// "Did you mean …?", or the whole list.
#[must_use]
pub fn suggestion(found: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(found, name), name))
        .min()
        .filter(|(distance, name)| *distance <= 2.max(name.len() / 3));
    match nearest {
        Some((_, name)) => format!("Did you mean `{name}`?"),
        None if known.is_empty() => "Nothing is known here.".to_owned(),
        None => format!("Known here: {}.", known.join(", ")),
    }
}

/// The line on which the last part of a dotted key first stands, following its parents.
fn line_of(text: &str, key: &str) -> Option<u64> {
    let mut lines = text.lines().zip(1_u64..);
    let mut found = None;
    for part in key.split('.').filter(|part| !part.starts_with('[')) {
        let part = part.split('[').next().unwrap_or(part);
        let at = lines.by_ref().find(|(line, _)| {
            let line = line.trim_start().trim_start_matches("- ").trim_start_matches(['{', '"', '\'', ' ']);
            line.strip_prefix(part)
                .is_some_and(|rest| rest.trim_start_matches(['"', '\'']).trim_start().starts_with(':'))
        });
        match at {
            Some((_, line)) => found = Some(line),
            None => break,
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(parse(text).unwrap_err().to_string(), expected);
    }

    #[test]
    fn a_misspelt_key_is_named_with_line_and_nearest() {
        let error = parse("server:\n  listn: 127.0.0.1:1\n").unwrap_err();
        assert_eq!(error.at.map(|at| at.0), Some(2));
        assert_eq!(error.message, "unknown key `listn`. Did you mean `listen`?");
    }

    #[test]
    fn an_unknown_key_lists_what_is_known() {
        let error = parse("tenants: {a: {services: {s: {frobnicate: 1}}}}").unwrap_err();
        assert_eq!(
            error.message,
            "unknown key `frobnicate`. Known here: component, signatures, kubernetes, config, credentials, egress, network, files, limits, quarantine, refresh, tools."
        );
    }

    #[test]
    fn a_bad_unit_says_how_to_write_it() {
        let error =
            parse("tenants:\n  a:\n    services:\n      s:\n        limits: { memory: lots }\n").unwrap_err();
        assert!(error.message.contains("`lots` is not a size; write it like 64MiB"), "{error}");
        assert_eq!(error.at.map(|at| at.0), Some(5));
    }

    #[test]
    fn a_key_written_twice_is_refused() {
        assert!(parse("server: {}\nserver: {}\n").unwrap_err().message.contains("duplicate"));
    }

    #[test]
    fn broken_yaml_has_a_line() {
        assert!(parse("server:\n  listen: [").unwrap_err().at.is_some());
        refused("[]", &parse("[]").unwrap_err().to_string());
    }

    #[test]
    fn an_empty_file_is_an_empty_config() {
        assert!(parse("\n").unwrap().tenants.is_empty());
    }

    #[test]
    fn a_dotted_key_is_found_in_the_text() {
        let text = "tenants:\n  acme:\n    services:\n      prom:\n        config: {url: x}\n";
        assert_eq!(line_of(text, "tenants.acme.services.prom.config"), Some(5));
        assert_eq!(line_of(text, "secrets.x"), None);
    }
}
