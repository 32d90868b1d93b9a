//! Owns a tool's arguments: which there are, what they are called, and where each goes.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::contents::{describe, offered};
use crate::names;
use crate::plan::{self, In, Plan, Style, Written};
use crate::read::{Operation, Parameter};
use crate::schema::{Direction, Schemas};
use crate::security::Schemes;

/// A tool's schema before the definitions it refers to are put in.
pub(crate) struct Arguments {
    properties: Map<String, Value>,
    required: Vec<String>,
}

impl Arguments {
    /// The arguments of an operation; `plan` learns where they go.
    pub(crate) fn new(
        operation: &Operation<'_>,
        schemas: &mut Schemas<'_>,
        schemes: &Schemes<'_>,
        plan: &mut Plan,
        remarks: &mut BTreeSet<String>,
    ) -> Self {
        let mut arguments = Self { properties: Map::new(), required: Vec::new() };
        let mut taken = BTreeSet::new();
        let placeholders = placeholders(&plan.path);
        let mut parameters: Vec<&Parameter<'_>> = operation.parameters.iter().collect();
        // Of two with one name, the one that is nearer to the path keeps it.
        parameters.sort_by_key(|parameter| parameter.place);
        for name in &placeholders {
            if !parameters.iter().any(|parameter| parameter.place == In::Path && parameter.name == name) {
                remarks
                    .insert(format!("{{{name}}} is in the path and described nowhere; it is taken as text"));
                let written = Written { style: Style::Simple, explode: false, reserved: false };
                let schema = json!({ "type": "string" });
                arguments.add(plan, In::Path, name, written, schema, true, &mut taken);
            }
        }
        for parameter in parameters {
            let Parameter { name, place, .. } = parameter;
            if *place == In::Path && !placeholders.contains(&(*name).to_owned()) {
                remarks.insert(format!("path parameter {name} dropped: it is not in the path"));
                continue;
            }
            if let Some(why) = schemes.reserves(*place, name) {
                remarks.insert(format!("{} parameter {name} dropped: {why}", place.word()));
                continue;
            }
            let mut schema = match &parameter.schema {
                Some(schema) => schemas.normal(schema.node(), Direction::Input, remarks),
                None => json!({}),
            };
            if !schema.is_object() {
                schema = json!({});
            }
            describe(&mut schema, parameter.description, schemas.document.limits.description);
            if let Value::Object(schema) = &mut schema {
                if parameter.deprecated {
                    schema.insert("deprecated".to_owned(), json!(true));
                }
                let example = parameter.example.filter(|example| example.to_string().len() <= 200);
                if let (Some(example), false) = (example, schema.contains_key("examples")) {
                    schema.insert("examples".to_owned(), json!([example]));
                }
            }
            arguments.add(plan, *place, name, parameter.written, schema, parameter.required, &mut taken);
        }
        if let Some(body) = &operation.body
            && let Some(offered) = offered(schemas, body, &mut taken, remarks)
        {
            let name = offered.plan.argument.clone();
            if body.required {
                arguments.required.push(name.clone());
            }
            arguments.properties.insert(name, offered.schema);
            if let (Some(choice), Some(schema)) = (&offered.plan.choice, offered.choice) {
                arguments.properties.insert(choice.clone(), schema);
            }
            plan.body = Some(offered.plan);
        }
        arguments
    }

    #[expect(clippy::too_many_arguments, reason = "what an argument is has no other name")]
    fn add(
        &mut self,
        plan: &mut Plan,
        place: In,
        name: &str,
        written: Written,
        schema: Value,
        required: bool,
        taken: &mut BTreeSet<String>,
    ) {
        let argument = names::argument(name, place.word(), taken);
        if required {
            self.required.push(argument.clone());
        }
        self.properties.insert(argument.clone(), schema);
        let name = (argument != name).then(|| name.to_owned());
        plan.parameters.push(plan::Parameter { argument, name, place, written });
    }

    /// The schema.
    pub(crate) fn schema(self) -> Value {
        let mut schema =
            json!({ "type": "object", "properties": self.properties, "additionalProperties": false });
        if let (Value::Object(schema), false) = (&mut schema, self.required.is_empty()) {
            schema.insert("required".to_owned(), json!(self.required));
        }
        schema
    }
}

/// The names in a path's braces, each once.
fn placeholders(path: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut rest = path;
    while let Some((_, (name, after))) =
        rest.split_once('{').and_then(|(_, after)| Some(((), after.split_once('}')?)))
    {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
        rest = after;
    }
    names
}
