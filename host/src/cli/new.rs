//! `bulkhead new`: from a name, and perhaps an API's document, to a project that builds and passes its tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use bulkhead_openapi::{Choice, Document};
use clap::{Args, ValueEnum};
use guest_builder::{
    from_openapi::{self, Generated},
    project::{Language, Project, ProjectError, SDK},
};
use serde_json::json;

use super::{Options, Outcome, failed, usage};

/// Make a new component: a project with one tool, or those of an API document, with tests and a README.
#[derive(Debug, Args)]
pub(super) struct New {
    /// The component's name; the project goes into a folder of that name.
    name: String,
    /// What it is written in.
    #[arg(long, short, value_name = "LANGUAGE", default_value = "rust")]
    lang: Lang,
    #[command(flatten)]
    api: FromOpenapi,
}

/// Which document, and which of its operations.
#[derive(Debug, Args)]
#[command(next_help_heading = "From an API document")]
struct FromOpenapi {
    /// Make a component in Rust with a tool for each operation of this document: Swagger 2.0 or OpenAPI 3, JSON or YAML.
    #[arg(long, value_name = "FILE")]
    from_openapi: Option<PathBuf>,
    /// Only operations with this tag; `!TAG` takes away. May be repeated, as the next three.
    #[arg(long, value_name = "TAG", requires = "from_openapi")]
    tag: Vec<String>,
    /// Only these paths: `/pets/**`.
    #[arg(long, value_name = "PATTERN", requires = "from_openapi")]
    path: Vec<String>,
    /// Only this method.
    #[arg(long, value_name = "METHOD", requires = "from_openapi")]
    method: Vec<String>,
    /// Only operations with this id, or whose tool has this name.
    #[arg(long, value_name = "ID", requires = "from_openapi")]
    operation: Vec<String>,
    /// Leave deprecated operations out.
    #[arg(long, requires = "from_openapi")]
    no_deprecated: bool,
    /// Only operations that change nothing.
    #[arg(long, requires = "from_openapi")]
    read_only: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lang {
    Rust,
    /// TypeScript, or JavaScript.
    #[value(alias = "javascript", alias = "typescript", alias = "ts")]
    Js,
    #[value(alias = "py")]
    Python,
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Rust => Self::Rust,
            Lang::Js => Self::JavaScript,
            Lang::Python => Self::Python,
        }
    }
}

impl FromOpenapi {
    /// What the document becomes, if there is one.
    fn generate(&self, name: &str) -> Result<Option<Generated>, String> {
        let Some(file) = &self.from_openapi else { return Ok(None) };
        let unreadable = |error| format!("{} cannot be read: {error}", file.display());
        let whole = file.canonicalize().map_err(unreadable)?;
        let bytes = fs::read(&whole).map_err(unreadable)?;
        let folder = whole.parent().unwrap_or(Path::new("/"));
        // What it refers to lies beside it or below: a document of others reads no other file of this machine.
        let beside = |at: &str| {
            let path = Path::new(at).canonicalize().map_err(|error| error.to_string())?;
            match path.starts_with(folder) {
                true => fs::read(path).map_err(|error| error.to_string()),
                false => Err(format!("it is not below {}", folder.display())),
            }
        };
        let at = whole.to_string_lossy();
        let document = Document::load(&bytes, &at, from_openapi::limits(), beside)
            .map_err(|why| format!("{}: {why}", file.display()))?;
        let choice = Choice {
            tags: self.tag.clone(),
            paths: self.path.clone(),
            methods: self.method.clone(),
            operations: self.operation.clone(),
            deprecated: self.no_deprecated.then_some(false),
            read_only: self.read_only,
        };
        from_openapi::generate(&document, &choice, name, &format!("{{ path = \"{SDK}\" }}")).map(Some)
    }
}

impl New {
    pub(super) fn run(self, options: &Options) -> Outcome {
        let language = self.lang.into();
        if self.api.from_openapi.is_some() && language != Language::Rust {
            return Err(usage(format!("--from-openapi makes a component in Rust, not in {language}")));
        }
        let mut project = Project::new(&self.name, language).map_err(usage)?;
        let generated = self.api.generate(&self.name).map_err(failed)?;
        if let Some(generated) = &generated {
            for (path, text) in &generated.files {
                project = project.with(path, text.clone());
            }
        }
        project.write(Path::new(&self.name)).map_err(|error| match error {
            ProjectError::Taken(_) => usage(error),
            error => failed(error),
        })?;
        let next = next(&self.name, language);
        let (tools, notes) = generated.map_or_else(Default::default, |made| (Some(made.tools), made.notes));
        if options.json {
            let files: Vec<&Path> = project.own_files().collect();
            let mut told =
                json!({ "dir": self.name, "language": language.to_string(), "files": files, "next": next });
            if let (Some(tools), Some(fields)) = (tools, told.as_object_mut()) {
                fields.extend([("tools".to_owned(), json!(tools)), ("notes".to_owned(), json!(notes))]);
            }
            out!("{told}");
        } else {
            for note in &notes {
                eprintln!("  {note}");
            }
            let has = match tools.as_deref() {
                None | Some([_]) => "one tool, its test and a README".to_owned(),
                Some(tools) => format!("{} tools, their tests and a README", tools.len()),
            };
            eprintln!("made {}/: a component in {language} with {has}", self.name);
            eprintln!("next:\n  {}", next.join("\n  "));
        }
        Ok(())
    }
}

/// What to type next.
fn next(name: &str, language: Language) -> [String; 3] {
    let (install, test) = language.first_commands();
    let enter = install.map_or_else(|| format!("cd {name}"), |install| format!("cd {name} && {install}"));
    [enter, test.to_owned(), "bulkhead dev".to_owned()]
}
