//! `bulkhead new`: from a name to a project that builds and passes its test.

use std::path::Path;

use clap::{Args, ValueEnum};
use guest_builder::project::{Language, Project, ProjectError};
use serde_json::json;

use super::{Options, Outcome, failed, usage};

/// Make a new component: a project with one tool, a test and a README.
#[derive(Debug, Args)]
pub(super) struct New {
    /// The component's name; the project goes into a folder of that name.
    name: String,
    /// What it is written in.
    #[arg(long, short, value_name = "LANGUAGE", default_value = "rust")]
    lang: Lang,
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

impl New {
    pub(super) fn run(self, options: &Options) -> Outcome {
        let language = self.lang.into();
        let project = Project::new(&self.name, language).map_err(usage)?;
        project.write(Path::new(&self.name)).map_err(|error| match error {
            ProjectError::Taken(_) => usage(error),
            error => failed(error),
        })?;
        let next = next(&self.name, language);
        if options.json {
            let files: Vec<&Path> = project.own_files().collect();
            out!(
                "{}",
                json!({ "dir": self.name, "language": language.to_string(), "files": files, "next": next })
            );
        } else {
            eprintln!("made {}/: a component in {language} with one tool, its test and a README", self.name);
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
