//! What is listed beside tools, and the levels of the log.

use rmcp::model::{
    LoggingLevel, MetaObject, Prompt as WirePrompt, PromptArgument, Resource as WireResource,
    ResourceTemplate as WireTemplate,
};
use serde_json::{Value, json};

use crate::{
    catalog::prompt::{Prompt, Template},
    operation::Resource,
    request::Level,
};

/// A prompt as it is listed.
pub(in crate::transport) fn prompt(prompt: &std::sync::Arc<Prompt>) -> WirePrompt {
    let declared = &prompt.declared;
    let arguments = declared.arguments.iter().map(|one| {
        let mut argument = PromptArgument::new(&one.name).with_required(one.required);
        argument.title.clone_from(&one.title);
        argument.description = Some(one.description.clone()).filter(|text| !text.is_empty());
        argument
    });
    let arguments: Vec<_> = arguments.collect();
    let arguments = Some(arguments).filter(|arguments| !arguments.is_empty());
    let mut wire = WirePrompt::new(&*prompt.public_name, Some(&declared.description), arguments);
    wire.title.clone_from(&declared.title);
    wire
}

/// A template as it is listed.
pub(in crate::transport) fn template(template: &Template) -> WireTemplate {
    let declared = &template.declared;
    let mut wire = WireTemplate::new(&declared.uri_template, &declared.name);
    wire.title.clone_from(&declared.title);
    wire.description.clone_from(&declared.description);
    wire.mime_type.clone_from(&declared.mime_type);
    wire.meta = template.meta.clone().map(MetaObject);
    wire
}

/// A resource as it is listed.
pub(in crate::transport) fn resource(resource: Resource) -> WireResource {
    let mut wire = WireResource::new(resource.uri, resource.name);
    wire.title = resource.title;
    wire.description = resource.description;
    wire.mime_type = resource.mime_type;
    wire.size = resource.size;
    wire.meta = resource.meta.map(MetaObject);
    wire
}

/// What a line of a guest's log says.
pub(in crate::transport) fn log_data(message: String, data: Option<Value>) -> Value {
    match data {
        Some(data) => json!({ "message": message, "data": data }),
        None => message.into(),
    }
}

macro_rules! levels {
    ($($level:ident),*) => {
        /// The level a client asks for.
        pub(in crate::transport) fn level(level: LoggingLevel) -> Level {
            match level {
                $(LoggingLevel::$level => Level::$level,)*
            }
        }

        /// A level as clients know it.
        pub(in crate::transport) fn logging_level(level: Level) -> LoggingLevel {
            match level {
                $(Level::$level => LoggingLevel::$level,)*
            }
        }
    };
}
levels!(Debug, Info, Notice, Warning, Error, Critical, Alert, Emergency);
