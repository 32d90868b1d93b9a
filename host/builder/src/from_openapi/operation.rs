//! Owns an operation: its argument struct, the function that sends its request, and the test of both.

use std::collections::{BTreeMap, BTreeSet};

use bulkhead_openapi::{Encoding, In, Much, Operation, Parameter, Plan, Style, required, sample};
use serde_json::{Map, Value};

use super::types::Types;
use super::words::{doc, field_name, pascal, quote};

/// The code of an operation.
pub(super) struct Written {
    /// The struct of its arguments, what belongs to it, and the function.
    pub(super) code: String,
    /// Its line in the list of tools.
    pub(super) tool: String,
    /// Its test.
    pub(super) test: String,
    /// What of `wire` it calls.
    pub(super) wire: BTreeSet<&'static str>,
}

/// Writes an operation.
///
/// # Errors
/// What of it cannot be written in a few lines.
pub(super) fn write(operation: &Operation, module: &str, types: &mut Types) -> Result<Written, String> {
    let schema = &operation.input_schema;
    types.learn(schema);
    let none = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let fields = schema.as_object().unwrap_or(&none);
    let owner = types.claim(&operation.name);
    let mut out = Vec::new();
    let body = types.fields(fields, properties, &owner, false, &mut out);
    let mut idents = BTreeMap::new();
    let mut taken = BTreeSet::from(["more".to_owned()]);
    for name in properties.keys() {
        idents.insert(name.as_str(), field_name(name, &mut taken));
    }
    let required: BTreeSet<&str> = required(fields.get("required")).collect();
    let mut sending = Sending { plan: &operation.plan, properties, idents, required, wire: BTreeSet::new() };
    let lines = sending.lines()?;
    let mut code = String::new();
    if !properties.is_empty() {
        code.push_str(&format!(
            "/// What `{}` takes.\n#[derive(Debug, Deserialize, JsonSchema)]\n",
            operation.name
        ));
        code.push_str(&format!("pub struct {owner} {{\n{body}}}\n\n"));
    }
    for own in out {
        code.push_str(&format!("{own}\n"));
    }
    let sends = format!("{} {}", operation.plan.method(), operation.plan.path());
    code.push_str(&doc(&format!("Sends `{sends}`."), ""));
    let ident = field_name(&operation.name, &mut BTreeSet::new());
    let (args, takes) = if properties.is_empty() { ("_", "NoArgs") } else { ("args", owner.as_str()) };
    code.push_str(&format!(
        "pub(crate) async fn {ident}(service: &crate::Api, {args}: {takes}, _: &Call) -> Result<Output> {{\n{lines}}}\n"
    ));
    Ok(Written { code, tool: tool(operation, module, &ident), test: test(operation)?, wire: sending.wire })
}

fn tool(operation: &Operation, module: &str, ident: &str) -> String {
    let hints = operation.annotations;
    let mut code = format!(
        "            .add(\n                Tool::new({}, {}, {module}::{ident})\n",
        quote(&operation.name),
        quote(&operation.description)
    );
    let mut add = |line: String| code.push_str(&format!("                    {line}\n"));
    if let Some(title) = &operation.title {
        add(format!(".title({})", quote(title)));
    }
    for (set, word) in [
        (hints.read_only, "read_only"),
        (hints.destructive, "destructive"),
        (hints.idempotent && !hints.read_only, "idempotent"),
        (hints.open_world, "open_world"),
    ] {
        if set {
            add(format!(".{word}()"));
        }
    }
    for tag in &operation.tags {
        add(format!(".tag({})", quote(tag)));
    }
    code.push_str("            )\n");
    code
}

/// A call with what is required, and the request that the document means by it.
fn test(operation: &Operation) -> Result<String, String> {
    let arguments = sample(&operation.input_schema, Much::Required);
    let arguments = arguments.ok_or("its schema has no example that could be found, to test it with")?;
    let sent = arguments.as_object().ok_or("its arguments are no object")?;
    let sent =
        operation.plan.request(sent).map_err(|error| format!("an example of it cannot be sent: {error}"))?;
    let kind = sent.headers.iter().find(|(name, _)| name == "content-type").map(|(_, kind)| kind.as_str());
    let body = match (&sent.body, kind) {
        (Some(body), Some(kind)) if kind.contains("json") && !kind.contains("nd") => {
            let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            format!("Some(json!({value}))")
        }
        _ => "None".to_owned(),
    };
    let url = sent.url.strip_prefix(super::BASE).unwrap_or(&sent.url);
    let method = pascal(&sent.method.to_lowercase());
    let name = field_name(&operation.name, &mut BTreeSet::new());
    let name = name.trim_start_matches("r#");
    Ok(format!(
        "#[test]\nfn {name}_sends_its_request() {{\n    sends(\n        {},\n        json!({arguments}),\n        \
         Method::{method},\n        {},\n        {body},\n    );\n}}\n",
        quote(&operation.name),
        quote(url)
    ))
}

/// How a request is put together.
struct Sending<'a> {
    plan: &'a Plan,
    properties: &'a Map<String, Value>,
    idents: BTreeMap<&'a str, String>,
    required: BTreeSet<&'a str>,
    wire: BTreeSet<&'static str>,
}

/// Of what a text is made where it is written plainly.
#[derive(Clone, Copy, PartialEq)]
enum Plain {
    Text,
    Copy,
    Other,
}

impl Sending<'_> {
    fn lines(&mut self) -> Result<String, String> {
        let mut code = format!("    let request = {};\n", self.path()?);
        let query: Vec<&str> = self.plan.query().split('&').filter(|pair| !pair.is_empty()).collect();
        for pair in query {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            code.push_str(&format!("    let request = request.query({}, {});\n", quote(key), quote(value)));
        }
        let mut cookies = Vec::new();
        for parameter in self.plan.parameters() {
            match parameter.place {
                In::Path => {}
                In::Query => code.push_str(&self.query(parameter)?),
                In::Header => code.push_str(&self.header(parameter)?),
                In::Cookie => cookies.push(parameter),
            }
        }
        if !cookies.is_empty() {
            self.need(&["cookies", "plain", "value"]);
            let pairs = cookies.iter().map(|cookie| {
                Ok(format!("({}, wire::value(&{})?)", quote(cookie.name()), self.at(&cookie.argument)?))
            });
            let pairs = pairs.collect::<Result<Vec<_>, String>>()?.join(", ");
            code.push_str(&format!("    let request = wire::cookies(request, &[{pairs}])?;\n"));
        }
        code.push_str(&self.body()?);
        code.push_str(&format!(
            "    wire::answer(request.header(\"accept\", {})).await\n",
            quote(self.plan.accept())
        ));
        self.need(&["answer"]);
        Ok(code)
    }

    fn need(&mut self, parts: &[&'static str]) {
        self.wire.extend(parts);
    }

    /// `args.pet_id`
    fn at(&self, argument: &str) -> Result<String, String> {
        let ident =
            self.idents.get(argument).ok_or_else(|| format!("its argument `{argument}` has no schema"))?;
        Ok(format!("args.{ident}"))
    }

    fn plain(&self, argument: &str) -> Plain {
        let Some(Value::Object(schema)) = self.properties.get(argument) else { return Plain::Other };
        match schema.get("type").and_then(Value::as_str) {
            Some("string") if !schema.contains_key("enum") => Plain::Text,
            Some("integer" | "number" | "boolean") if !schema.contains_key("enum") => Plain::Copy,
            _ => Plain::Other,
        }
    }

    fn path(&mut self) -> Result<String, String> {
        let method = self.plan.method();
        let segments: Vec<&str> = self.plan.path().split('/').skip(1).collect();
        let fixed = segments.iter().take_while(|segment| !segment.contains('{')).count();
        let (before, after) = segments.split_at(fixed);
        let before = quote(&format!("/{}", before.join("/")));
        let before = if fixed == 0 { "\"\"" } else { before.as_str() };
        let helper = ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&method);
        let mut code = match helper {
            true => format!("service.base.{}({before})", method.to_lowercase()),
            false => format!("service.base.request(Method::{}, {before})", pascal(&method.to_lowercase())),
        };
        for segment in after {
            code.push_str(&format!(".segment({})", self.segment(segment)?));
        }
        Ok(code)
    }

    fn segment(&mut self, template: &str) -> Result<String, String> {
        if template.is_empty() {
            return Err("its path ends with a slash behind a parameter".to_owned());
        }
        let (mut format, mut values) = (String::new(), Vec::new());
        let mut rest = template;
        let whole = template.starts_with('{') && template.find('}') == Some(template.len() - 1);
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, after)| Some((before, after.split_once('}')?)))
        {
            format.push_str(before);
            format.push_str("{}");
            let of_path = |one: &&Parameter| one.place == In::Path && one.name() == name;
            let parameter = self.plan.parameters().iter().find(of_path);
            let parameter = parameter.ok_or_else(|| format!("nothing is known of {{{name}}}"))?;
            if matches!(parameter.written.style, Style::Label | Style::Matrix) {
                return Err(format!("{{{name}}} is written in the style {:?}", parameter.written.style));
            }
            let at = self.at(&parameter.argument)?;
            let list = self.properties.get(&parameter.argument).and_then(|schema| schema.get("type"));
            values.push(match (self.plain(&parameter.argument), list.and_then(Value::as_str)) {
                (Plain::Text, _) if whole => format!("&{at}"),
                (Plain::Text | Plain::Copy, _) if !whole => at,
                (Plain::Copy, _) => format!("&{at}.to_string()"),
                (_, Some("array" | "object")) => {
                    self.need(&["segments", "items", "plain", "value"]);
                    format!("&wire::segments({}, &{at})?", quote(parameter.name()))
                }
                _ => {
                    self.need(&["text", "plain", "value"]);
                    format!("&wire::text(&{at})?")
                }
            });
            rest = after;
        }
        format.push_str(rest);
        match values.as_slice() {
            [] => Ok(quote(template)),
            [value] if whole => Ok(value.clone()),
            values => Ok(format!("&format!({}, {})", quote(&format), values.join(", "))),
        }
    }

    fn query(&mut self, parameter: &Parameter) -> Result<String, String> {
        let (key, at) = (quote(parameter.name()), self.at(&parameter.argument)?);
        let needed = self.required.contains(parameter.argument.as_str());
        let line = |code: String| Ok(format!("    let request = {code};\n"));
        let plain = self.plain(&parameter.argument);
        if parameter.written.style == Style::Json {
            self.need(&["json", "value"]);
            return line(format!("wire::json(request, {key}, &{at})?"));
        }
        match (plain, needed) {
            (Plain::Text, true) => return line(format!("request.query({key}, &{at})")),
            (Plain::Text, false) => return line(format!("request.query_opt({key}, {at}.as_ref())")),
            (Plain::Copy, true) => return line(format!("request.query({key}, {at})")),
            (Plain::Copy, false) => return line(format!("request.query_opt({key}, {at})")),
            (Plain::Other, _) => {}
        }
        self.need(&["plain", "value"]);
        let between = match parameter.written.style {
            Style::Deep => {
                self.need(&["deep"]);
                return line(format!("wire::deep(request, {key}, &{at})?"));
            }
            _ if parameter.written.explode => {
                self.need(&["each", "items"]);
                return line(format!("wire::each(request, {key}, &{at})?"));
            }
            Style::Space => ' ',
            Style::Pipe => '|',
            Style::Tab => '\t',
            _ => ',',
        };
        self.need(&["joined", "items"]);
        line(format!("wire::joined(request, {key}, {between:?}, &{at})?"))
    }

    fn header(&mut self, parameter: &Parameter) -> Result<String, String> {
        if parameter.written.style == Style::Json {
            return Err(format!("its header {} is JSON", parameter.name()));
        }
        self.need(&["header", "items", "plain", "value"]);
        let at = self.at(&parameter.argument)?;
        Ok(format!("    let request = wire::header(request, {}, &{at})?;\n", quote(parameter.name())))
    }

    fn body(&mut self) -> Result<String, String> {
        let Some(body) = self.plan.body() else { return Ok(String::new()) };
        let at = self.at(&body.argument)?;
        let needed = self.required.contains(body.argument.as_str());
        let first = body.media.first().map_or("application/json", String::as_str);
        let kind = match &body.choice {
            Some(choice) => {
                self.need(&["text", "plain", "value"]);
                let chosen = self.at(choice)?;
                format!(
                    "&match &{chosen} {{ Some(kind) => wire::text(kind)?, None => {}.to_owned() }}",
                    quote(first)
                )
            }
            None => quote(first),
        };
        let here = if needed { format!("&{at}") } else { "body".to_owned() };
        if body.fields.iter().any(|field| {
            field.written.is_some_and(|written| !written.explode || written.style != Style::Form)
        }) {
            return Err("fields of its form are written in styles of their own".to_owned());
        }
        let send = match body.encoding {
            Encoding::Json if body.choice.is_none() && first == "application/json" => {
                format!("request.json_body({here})")
            }
            Encoding::Json => {
                self.need(&["body", "value"]);
                format!("wire::body(request, {kind}, {here})?")
            }
            Encoding::Lines => {
                self.need(&["lines", "value"]);
                format!("wire::lines(request, {kind}, {here})?")
            }
            Encoding::Text if self.plain(&body.argument) == Plain::Text => {
                format!("request.body({here}.as_bytes(), {kind})")
            }
            Encoding::Text => return Err("its body is text, and its schema says otherwise".to_owned()),
            Encoding::Binary => {
                self.need(&["file", "binary"]);
                format!("wire::binary(request, {kind}, {here})?")
            }
            Encoding::Form => {
                self.need(&["form", "items", "plain", "value"]);
                format!("wire::form(request, {here})?")
            }
            Encoding::Multipart => {
                self.need(&["multipart", "file", "plain", "value"]);
                let files = body.fields.iter().filter(|field| field.file).map(|field| quote(&field.name));
                format!("wire::multipart(request, {here}, &[{}])?", files.collect::<Vec<_>>().join(", "))
            }
        };
        let send = send.replace("request.body(&args.", "request.body(args.");
        Ok(match needed {
            true => format!("    let request = {send};\n"),
            false => format!(
                "    let request = match &{at} {{\n        Some(body) => {send},\n        None => request,\n    }};\n"
            ),
        })
    }
}
