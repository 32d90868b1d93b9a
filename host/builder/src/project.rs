//! Owns new projects: what is in one, and that it is written whole or not at all.
//!
//! The SDKs are not on a registry, so a project brings the one this program was built with, as a dependency in
//! `vendor/bulkhead-sdk`. Whoever has the program needs nothing else of ours.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// The templates and the SDKs, gathered by the build script: paths and texts.
mod kits {
    include!(concat!(env!("OUT_DIR"), "/kits.rs"));
}

const LICENSE: &str = include_str!("../../../LICENSE");
/// Where the SDK is in a project.
pub const SDK: &str = "vendor/bulkhead-sdk";
/// What stands in the templates for the project's name.
const NAME: &str = "{{name}}";
/// Ours alone: a crate elsewhere has no such table to take it from.
const OUR_LINTS: &str = "\n[lints]\nworkspace = true\n";
/// As for services and manifests.
const LONGEST: usize = 32;
/// Names that cargo refuses, that stand for something else in a project, or that no service may have.
const TAKEN: [&str; 14] = [
    "alloc",
    "bulkhead-sdk",
    "core",
    "node-modules",
    "proc-macro",
    "schemars",
    "serde",
    "service",
    "src",
    "std",
    "target",
    "test",
    "tool",
    "vendor",
];
/// Rust's, of all editions, as far as they could be names.
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// What a component is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Rust.
    Rust,
    /// TypeScript, or JavaScript.
    JavaScript,
    /// Python.
    Python,
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rust => "Rust",
            Self::JavaScript => "TypeScript",
            Self::Python => "Python",
        })
    }
}

impl Language {
    /// What is typed in a new project before its tests can run, and what runs them.
    #[must_use]
    pub fn first_commands(self) -> (Option<&'static str>, &'static str) {
        match self {
            Self::Rust => (None, "cargo test"),
            Self::JavaScript => (Some("npm install"), "npm test"),
            Self::Python => (
                Some("python3 -m venv .venv && .venv/bin/pip install -r requirements.txt"),
                ".venv/bin/python -m unittest",
            ),
        }
    }
}

/// Why there is no new project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// The name does not do.
    #[error("`{name}` cannot be a component's name: {why}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Something is there already.
    #[error("{} is there already and not an empty folder; nothing was written", .0.display())]
    Taken(PathBuf),
    /// The file system got in the way.
    #[error("writing {}: {source}; nothing is left of it", path.display())]
    Io {
        /// What was written.
        path: PathBuf,
        /// How that failed.
        source: io::Error,
    },
}

/// A project that is not written yet: its files, by their paths in it.
#[derive(Debug)]
pub struct Project {
    files: BTreeMap<PathBuf, Cow<'static, str>>,
}

impl Project {
    /// The project of a component with one tool, its test and its README.
    ///
    /// # Errors
    /// When the name does not do for a crate, a package and a service alike.
    pub fn new(name: &str, language: Language) -> Result<Self, ProjectError> {
        check(name).map_err(|why| ProjectError::Name { name: name.to_owned(), why })?;
        let (template, sdk) = match language {
            Language::Rust => (kits::TEMPLATE_RUST, kits::SDK_RUST),
            Language::JavaScript => (kits::TEMPLATE_JAVASCRIPT, kits::SDK_JAVASCRIPT),
            Language::Python => (kits::TEMPLATE_PYTHON, kits::SDK_PYTHON),
        };
        let mut files = BTreeMap::new();
        for (path, text) in template {
            let path = if *path == "gitignore" { ".gitignore" } else { path };
            files.insert(path.into(), text.replace(NAME, name).into());
        }
        for (path, text) in sdk {
            let text = match *path {
                "Cargo.toml" => text.replace(OUR_LINTS, "").into(),
                _ => Cow::Borrowed(*text),
            };
            files.insert(Path::new(SDK).join(path), text);
        }
        files.insert(Path::new(SDK).join("LICENSE"), LICENSE.into());
        Ok(Self { files })
    }

    /// Puts a file into it, in the place of one of that path if there is one.
    #[must_use]
    pub fn with(mut self, path: impl Into<PathBuf>, text: impl Into<Cow<'static, str>>) -> Self {
        self.files.insert(path.into(), text.into());
        self
    }

    /// Its files, without those of the SDK.
    pub fn own_files(&self) -> impl Iterator<Item = &Path> {
        self.files.keys().map(PathBuf::as_path).filter(|path| !path.starts_with(SDK))
    }

    /// Writes it: into a folder beside `dir` that gets its name when all is there.
    ///
    /// # Errors
    /// When `dir` is there and not an empty folder, or the file system refuses. Then nothing is left of it.
    pub fn write(&self, dir: &Path) -> Result<(), ProjectError> {
        let taken = match fs::read_dir(dir) {
            Ok(mut entries) => entries.next().is_some(),
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        };
        if taken {
            return Err(ProjectError::Taken(dir.to_owned()));
        }
        let mut name = dir.file_name().unwrap_or_default().to_owned();
        name.push(format!(".new-{}", std::process::id()));
        let beside = dir.with_file_name(name);
        let written = self.fill(&beside).and_then(|()| {
            fs::rename(&beside, dir).map_err(|source| match source.kind() {
                io::ErrorKind::DirectoryNotEmpty => ProjectError::Taken(dir.to_owned()),
                _ => ProjectError::Io { path: dir.to_owned(), source },
            })
        });
        if written.is_err() {
            // What cannot be removed could not be made either.
            let _ = fs::remove_dir_all(&beside);
        }
        written
    }

    fn fill(&self, dir: &Path) -> Result<(), ProjectError> {
        for (path, text) in &self.files {
            let path = dir.join(path);
            let folder = path.parent().unwrap_or(dir);
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&path, text.as_bytes()))
                .map_err(|source| ProjectError::Io { path, source })?;
        }
        Ok(())
    }
}

/// Whether a name does for a crate, a package, a manifest and a service.
fn check(name: &str) -> Result<(), &'static str> {
    let letters = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if !letters
        || name.len() > LONGEST
        || !name.starts_with(|c: char| c.is_ascii_lowercase())
        || name.ends_with('-')
    {
        return Err("lower-case letters, digits and `-` in between, a letter first, at most 32 characters");
    }
    if TAKEN.contains(&name) {
        return Err("it is taken by a part of the project, of its language or of the host; choose another");
    }
    if KEYWORDS.contains(&name) {
        return Err("it is a word of Rust; choose another");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Language; 3] = [Language::Rust, Language::JavaScript, Language::Python];

    fn text<'a>(project: &'a Project, path: &str) -> &'a str {
        project.files.get(Path::new(path)).unwrap_or_else(|| panic!("{path}: {:?}", project.files.keys()))
    }

    #[test]
    fn a_project_has_its_name_and_no_placeholder_is_left() {
        for (language, manifest) in ALL.into_iter().zip(["Cargo.toml", "package.json", "pyproject.toml"]) {
            let project = Project::new("my-api", language).unwrap();
            assert!(text(&project, manifest).contains("\"my-api\""), "{language}");
            assert!(text(&project, "dev.yaml").contains("component: my-api.wasm"), "{language}");
            let own: Vec<&Path> = project.own_files().collect();
            assert!(
                own.contains(&Path::new(".gitignore")) && own.contains(&Path::new("README.md")),
                "{own:?}"
            );
            for path in own {
                let text = &project.files[path];
                assert!(!text.contains("{{"), "{}: {text}", path.display());
            }
        }
    }

    #[test]
    fn a_project_brings_its_sdk_and_the_sdk_stands_alone() {
        let of = |language| Project::new("x", language).unwrap();
        let rust = of(Language::Rust);
        let manifest = text(&rust, "vendor/bulkhead-sdk/Cargo.toml");
        assert!(!manifest.contains("workspace = true") && manifest.contains("[dependencies]"), "{manifest}");
        assert!(text(&rust, "vendor/bulkhead-sdk/wit/service.wit").contains("package bulkhead:service@"));
        text(&rust, "vendor/bulkhead-sdk/wit/deps/http.wit");
        text(&rust, "vendor/bulkhead-sdk/src/testing/mock.rs");
        text(&of(Language::JavaScript), "vendor/bulkhead-sdk/src/testing.ts");
        text(&of(Language::Python), "vendor/bulkhead-sdk/bulkhead_sdk/py.typed");
        for language in ALL {
            let project = of(language);
            text(&project, "vendor/bulkhead-sdk/LICENSE");
            let stray = |path: &&PathBuf| path.components().any(|part| part.as_os_str() == "__pycache__");
            assert_eq!(project.files.keys().find(stray), None);
        }
    }

    #[test]
    fn what_the_sdks_depend_on_is_what_the_workspace_does() {
        let read = |file: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        let (ours, sdk) = (read("../../Cargo.toml"), read("../../sdk/rust/Cargo.toml"));
        let template = read("templates/rust/Cargo.toml");
        for line in ["schemars = ", "serde = "] {
            let of = |text: &str| text.lines().find(|l| l.starts_with(line)).unwrap().to_owned();
            assert_eq!((of(&sdk), of(&template)), (of(&ours), of(&ours)));
        }
        for line in ["version = ", "edition = ", "rust-version = ", "license = "] {
            let of = |text: &str| text.lines().find(|l| l.starts_with(line)).unwrap().to_owned();
            assert_eq!(of(&sdk), of(&ours));
        }
        let sdk = read("../../sdk/js/package.json");
        for package in ["typescript", "@types/node"] {
            let pinned = |text: &str| {
                let version = text.split(&format!("\"{package}\": \"")).nth(1).unwrap();
                version.split('"').next().unwrap().to_owned()
            };
            assert_eq!(pinned(&read("templates/js/package.json")), pinned(&sdk));
        }
    }

    #[test]
    fn names_that_would_not_do_are_refused_with_the_reason() {
        let long = "a".repeat(33);
        for name in
            ["", "Weather", "2fast", "a_b", "-a", "a-", "a/b", "..", &long, "fn", "test", "tool", "serde"]
        {
            let error = Project::new(name, Language::Rust).unwrap_err();
            assert!(
                error.to_string().starts_with(&format!("`{name}` cannot be a component's name: ")),
                "{error}"
            );
        }
        for name in ["a", "weather", "my-api-2", &long[1..]] {
            assert!(Project::new(name, Language::Python).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_folder_that_is_taken_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::new("x", Language::Python).unwrap();
        let dir = folder.path().join("x");
        fs::create_dir(&dir).unwrap();
        project.write(&dir).unwrap();
        assert_eq!(fs::read_to_string(dir.join("service.py")).unwrap(), text(&project, "service.py"));
        fs::write(dir.join("service.py"), "mine").unwrap();
        let error = project.write(&dir).unwrap_err().to_string();
        assert!(error.ends_with("is there already and not an empty folder; nothing was written"), "{error}");
        assert_eq!(fs::read_to_string(dir.join("service.py")).unwrap(), "mine");
        let file = folder.path().join("file");
        fs::write(&file, "mine").unwrap();
        assert!(matches!(project.write(&file), Err(ProjectError::Taken(_))));
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }

    #[test]
    fn of_a_project_that_cannot_be_written_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        // A file where a folder is to be.
        let project = Project::new("x", Language::Rust).unwrap().with("src/lib.rs/inside", "");
        let error = project.write(&folder.path().join("x")).unwrap_err();
        assert!(matches!(error, ProjectError::Io { .. }), "{error}");
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
    }

    #[test]
    fn a_file_can_be_put_in_the_place_of_the_templates() {
        let project = Project::new("x", Language::Rust).unwrap().with("src/lib.rs", "//! Other.");
        assert_eq!(text(&project, "src/lib.rs"), "//! Other.");
    }
}
