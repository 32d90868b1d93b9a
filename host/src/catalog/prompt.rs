//! Prompts and resource templates: what a component declared of them, checked, and ready to be listed.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Map, Value};

use super::{
    tool::{meta, public_name},
    uri,
};
use crate::{access::Facts, operation::resources_of};

/// A prompt as the component declared it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are those of `prompt` in wit/service.wit")]
pub struct DeclaredPrompt {
    pub name: String,
    pub title: Option<String>,
    pub description: String,
    pub arguments: Vec<PromptArgument>,
}

/// An argument of a prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are those of `prompt-argument` in wit/service.wit")]
pub struct PromptArgument {
    pub name: String,
    pub title: Option<String>,
    pub description: String,
    pub required: bool,
}

/// A resource template as the component declared it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the fields are those of `resource-template` in wit/service.wit")]
pub struct DeclaredTemplate {
    pub uri_template: String,
    pub name: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub mime_type: Option<String>,
    pub meta: Option<String>,
}

/// A prompt that is served.
#[derive(Debug)]
pub struct Prompt {
    /// What clients call it: `{service}_{name}`.
    pub public_name: Arc<str>,
    /// As declared.
    pub declared: DeclaredPrompt,
}

/// More are not for people.
const MOST_ARGUMENTS: usize = 64;

impl Prompt {
    /// Checks a declared prompt of the service `service`.
    ///
    /// # Errors
    /// Says what is wrong with which prompt.
    pub fn new(service: &str, declared: DeclaredPrompt) -> Result<Self, String> {
        let fault = |why: String| format!("prompt `{}`: {why}", declared.name);
        let public_name = public_name(service, &declared.name).map_err(fault)?;
        if declared.arguments.len() > MOST_ARGUMENTS {
            return Err(fault(format!("it has more than {MOST_ARGUMENTS} arguments")));
        }
        let mut names = BTreeSet::new();
        for argument in &declared.arguments {
            if argument.name.is_empty() || !names.insert(&argument.name) {
                return Err(fault(format!(
                    "two arguments are called `{}`, or one has no name",
                    argument.name
                )));
            }
        }
        Ok(Self { public_name: public_name.into(), declared })
    }

    /// What authorisation looks at, as a prompt of `service`.
    #[must_use]
    pub fn facts<'a>(&'a self, service: &'a str) -> Facts<'a> {
        reading(&self.public_name, service)
    }

    /// Checks arguments: strings, all of them declared, and none missing that is required.
    ///
    /// # Errors
    /// Names each argument at fault.
    pub fn check(&self, arguments: &Map<String, Value>) -> Result<(), String> {
        let declared = &self.declared.arguments;
        let known = |name: &str| declared.iter().any(|argument| argument.name == name);
        let mut faults = Vec::new();
        for (name, value) in arguments {
            if !known(name) {
                faults.push(format!("arguments.{name}: the prompt has no such argument"));
            } else if !value.is_string() {
                faults.push(format!("arguments.{name}: is not a string"));
            }
        }
        let missing = declared.iter().filter(|one| one.required && !arguments.contains_key(&one.name));
        faults.extend(missing.map(|one| format!("arguments.{}: is required", one.name)));
        faults.truncate(8);
        if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
    }
}

/// The resources of a service that has some: what is known of them without asking it.
#[derive(Debug)]
pub struct Resources {
    /// By which name rights know them.
    pub public_name: Arc<str>,
    /// Its templates, as clients see them.
    pub templates: Vec<Template>,
}

/// A resource template that is served.
#[derive(Debug)]
pub struct Template {
    /// As declared, but for the URI, which is the one clients see.
    pub declared: DeclaredTemplate,
    /// MCP `_meta`.
    pub meta: Option<Map<String, Value>>,
}

impl Resources {
    /// Checks the templates of the service `service`.
    ///
    /// # Errors
    /// Says what is wrong with which template.
    pub fn new(service: &str, templates: Vec<DeclaredTemplate>) -> Result<Self, String> {
        let mut seen = BTreeSet::new();
        let checked = templates.into_iter().map(|declared| {
            if declared.uri_template.is_empty() || !seen.insert(declared.uri_template.clone()) {
                return Err(format!("two templates are `{}`, or one is empty", declared.uri_template));
            }
            let meta = declared.meta.as_deref().map(meta).transpose();
            let meta = meta.map_err(|why| format!("template `{}`: {why}", declared.uri_template))?;
            let uri_template = uri::public(service, &declared.uri_template);
            Ok(Template { declared: DeclaredTemplate { uri_template, ..declared }, meta })
        });
        let templates = checked.collect::<Result<_, _>>()?;
        Ok(Self { public_name: resources_of(service).into(), templates })
    }

    /// What authorisation looks at.
    #[must_use]
    pub fn facts<'a>(&'a self, service: &'a str) -> Facts<'a> {
        reading(&self.public_name, service)
    }
}

/// What is only ever read, and has no tags.
fn reading<'a>(public_name: &'a str, service: &'a str) -> Facts<'a> {
    Facts { public_name, service, tags: &[], read_only: true, destructive: false }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn prompt(name: &str, arguments: &[(&str, bool)]) -> Result<Prompt, String> {
        let argument = |&(name, required): &(&str, bool)| PromptArgument {
            name: name.into(),
            required,
            ..PromptArgument::default()
        };
        let arguments = arguments.iter().map(argument).collect();
        Prompt::new("svc", DeclaredPrompt { name: name.into(), arguments, ..DeclaredPrompt::default() })
    }

    #[test]
    fn unsound_prompts_are_refused() {
        let error = |result: Result<Prompt, String>| result.unwrap_err();
        assert!(error(prompt("Get", &[])).starts_with("prompt `Get`: the name must be"));
        let twice = "prompt `a`: two arguments are called `x`, or one has no name";
        assert_eq!(error(prompt("a", &[("x", true), ("x", false)])), twice);
        assert_eq!(&*prompt("a", &[("x", true)]).unwrap().public_name, "svc_a");
    }

    #[test]
    fn arguments_of_a_prompt_are_strings_it_knows() {
        let prompt = prompt("a", &[("x", true), ("y", false)]).unwrap();
        let check = |arguments: Value| prompt.check(arguments.as_object().unwrap());
        assert_eq!(check(json!({ "x": "1" })), Ok(()));
        assert_eq!(
            check(json!({ "y": 1, "z": "" })).unwrap_err(),
            "arguments.y: is not a string; arguments.z: the prompt has no such argument; \
             arguments.x: is required"
        );
    }

    #[test]
    fn templates_get_the_services_name() {
        let template =
            |uri: &str| DeclaredTemplate { uri_template: uri.into(), ..DeclaredTemplate::default() };
        let resources = Resources::new("svc", vec![template("svc://{a}"), template("file:///{b}")]).unwrap();
        let seen: Vec<_> = resources.templates.iter().map(|one| one.declared.uri_template.as_str()).collect();
        assert_eq!(seen, ["svc://{a}", "svc+file:///{b}"]);
        assert!(Resources::new("svc", vec![template("a:{a}"), template("a:{a}")]).is_err());
    }
}
