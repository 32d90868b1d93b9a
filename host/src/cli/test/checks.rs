//! What the kit looks for: every check by its id, how bad it is, and how what it finds is mended.

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// Worth a look.
    Warning,
    /// The component is broken, or not what it says it is.
    Error,
}

impl Severity {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing the kit looks for.
#[derive(Debug)]
pub(super) struct Check {
    /// Stable: what `--allow` takes, and what scripts may rely on.
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    /// What is wrong with a component that has it.
    pub(super) fault: &'static str,
    /// What its author does about it.
    pub(super) mend: &'static str,
}

impl Check {
    /// What stands before the point: which part of the component it is about.
    pub(super) fn area(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }
}

/// Areas in the order in which they are told, and what is looked at in each.
pub(super) const AREAS: [(&str, &str); 15] = [
    ("component", "the file, the contract it speaks, what it imports"),
    ("manifest", "what it says of itself, and what its config may hold"),
    ("egress", "what it asks to send, and what it sends"),
    ("config", "configs it has to refuse in words"),
    ("listing", "what it lists: the same each time, with names that clients take"),
    ("text", "words that models and people read"),
    ("schema", "what arguments and results are"),
    ("annotations", "whether tools do what their annotations say"),
    ("call", "calls with valid arguments"),
    ("upstream", "upstreams that fail"),
    ("prompt", "prompts, and what they refer to"),
    ("resource", "resources and their templates"),
    ("completion", "completions"),
    ("log", "what is said while calls run"),
    ("cost", "size and memory"),
];

macro_rules! checks {
    ($($id:literal $severity:ident $fault:literal $mend:literal;)*) => {
        /// Every check, by area.
        pub(super) const CHECKS: &[Check] =
            &[$(Check { id: $id, severity: Severity::$severity, fault: $fault, mend: $mend }),*];
    };
}

checks! {
    "component.contract" Error "it is no component of this contract"
        "build it with `bulkhead build`, with the SDK of this host's version";
    "component.imports" Error "it imports what the host does not offer"
        "use only what world `offer` of wit/service.wit has: HTTP goes through wasi:http, and there are no sockets";
    "component.refused" Error "the host does not serve it"
        "mend what the host names";

    "manifest.trap" Error "`describe` crashes or does not end"
        "return a constant";
    "manifest.unstable" Error "two fresh instances describe themselves differently"
        "`describe` may depend on nothing: no clock, no randomness, no environment";
    "manifest.name" Error "the name is not `[a-z][a-z0-9-]*` of at most 32 characters"
        "choose one that is: services are called after it";
    "manifest.version" Error "the version is not a semantic version"
        "write it like 1.4.2";
    "manifest.config_schema" Error "the config schema is no JSON Schema 2020-12 with an object at its root"
        "mend the schema: operators' configs are checked with it";
    "manifest.config_open" Warning "the config schema takes keys that it does not know"
        "`\"additionalProperties\": false`, so that a misspelt key is an error";
    "manifest.secret" Error "the config schema has a secret as a default or example"
        "take it out: everybody can read a manifest";
    "manifest.credential" Warning "the config takes a credential"
        "leave it to the operator's `credentials`: the host attaches them, and the component never sees them";
    "manifest.reference" Error "the instructions name a tool that there is not"
        "mend the reference, or write one of another component as `{tool:component/tool}`";

    "egress.pattern" Error "a request it asks for is no valid URL pattern or method"
        "see `egress-request` in wit/service.wit";
    "egress.reason" Warning "it does not say why it asks for a request"
        "say it, for the operator who decides";
    "egress.any_host" Error "it asks to send to any host"
        "name the hosts, or let the operator: `{config.url}/…`";
    "egress.private" Error "it asks for an address of a private network, or of this machine"
        "let the operator name it: `{config.url}/…`";
    "egress.plaintext" Warning "it asks for a host over plain HTTP"
        "ask for https";
    "egress.undeclared" Error "it sends what neither its manifest nor its tool asks for"
        "ask for it in the manifest (and in the tool's `bulkhead/egress`), or do not send it";
    "egress.malformed" Error "it sends to a URL that can be read in two ways"
        "escape what goes into paths and queries, and put no user name into URLs";
    "egress.credential" Warning "it sends a credential of its own"
        "leave it to the operator's `credentials`";
    "egress.many" Error "a call sends more requests than a call may"
        "ask for pages, or for several things at once; the limit is `requests_per_call`";

    "config.refused" Error "it refuses the config, so no tool could be tried"
        "give one with `--service-config`, or put `examples` into the config schema";
    "config.trap" Error "it crashes on a config instead of saying what is wrong with it"
        "return an error from `initialize` that names the key";

    "listing.trap" Error "listing crashes or does not end"
        "return an error";
    "listing.refused" Error "it does not list its tools"
        "mend what it names; if its upstream has to answer first, say what with `--upstream`";
    "listing.unstable" Error "two fresh instances list different tools"
        "let the list depend on the config and the upstream alone";
    "listing.order" Error "two fresh instances list the same in another order"
        "sort it: a map with random hashes is no order";
    "listing.empty" Warning "it lists no tools"
        "check the config that was used; it is in the report";
    "listing.name" Error "a name is not one that every client takes"
        "lower-case letters, digits and `_`, a letter first, at most 48 characters";
    "listing.duplicate" Error "two things have one name"
        "rename one";
    "listing.tool" Error "the host refuses a tool"
        "mend what the host names";
    "listing.health_trap" Error "the health check crashes or does not end"
        "return an error";
    "listing.health_blind" Error "the health check says that all is well while the upstream fails"
        "look at the status of the response";

    "text.empty" Error "a tool, a prompt or the manifest has no description"
        "say what it does, when to use it and what comes back";
    "text.missing" Warning "an argument has no description"
        "say what it is, with an example if its form is not obvious";
    "text.long" Warning "a text is longer than a model's context should be used for"
        "shorten it; what is true of all tools belongs in `instructions`";
    "text.hidden" Error "a text has characters that nobody sees, or that turn it around"
        "take them out: what a model reads, a person has to be able to read";

    "schema.invalid" Error "a schema is no JSON Schema 2020-12"
        "mend the schema";
    "schema.root" Error "the root of a schema is not `\"type\": \"object\"`"
        "wrap it in an object";
    "schema.remote" Error "a schema refers to another document"
        "put what it refers to under `$defs`";
    "schema.dialect" Error "a schema says that it is written in another dialect"
        "write it in 2020-12, or leave `$schema` out";
    "schema.example" Error "a default or an example is not what its own schema takes"
        "mend one of the two";
    "schema.open" Warning "a tool takes arguments that it does not know"
        "`\"additionalProperties\": false`, so that a misspelt argument is an error";
    "schema.untyped" Warning "an argument takes a value of any type"
        "give it a `type`, an `enum` or a `$ref`";
    "schema.unbounded" Warning "an integer or an array has no bounds"
        "`minimum` and `maximum`, `maxItems`";
    "schema.untried" Warning "no arguments could be made from the schema"
        "put `examples` into it";

    "annotations.contradiction" Warning "a tool only reads, and destroys"
        "`destructive` means nothing where `read-only` is set: choose one";
    "annotations.read_only" Error "a tool that only reads sends a request that writes"
        "do not call it read-only, or send GET";
    "annotations.read_only_post" Warning "a tool that only reads sends POST"
        "if that only asks (a search, a query), say so: the tool's `bulkhead/egress` names POST";
    "annotations.destructive" Error "a tool sends DELETE and does not say that it destroys"
        "annotate it as destructive";
    "annotations.idempotent" Error "a tool that is idempotent sends other requests when it is called again"
        "send the same, or do not call it idempotent";
    "annotations.closed_world" Warning "a tool sends requests and says that it stays inside the host"
        "annotate it as open-world";
    "annotations.cache" Warning "results of a tool that writes are to be used again"
        "no `cache-ttl` where not read-only: the host ignores it";

    "call.trap" Error "a call with valid arguments crashes"
        "return an error; the last words are in the report";
    "call.deadline" Error "a call does not end by its deadline"
        "look at `deadline-ms` of the call's context";
    "call.cpu" Error "a call uses up its processor time"
        "bound what the arguments can ask for, in the schema";
    "call.memory" Error "a call needs more memory than it may have"
        "bound what the arguments can ask for, in the schema, and what is read of a response";
    "call.handles" Error "a call keeps too many handles open"
        "drop requests and streams when they are read";
    "call.result" Error "a result is more than four times as large as it may be"
        "give pages with a cursor";
    "call.output" Error "a result is not what the output schema says"
        "mend one of the two: clients check it";

    "upstream.trap" Error "a call crashes because the upstream fails"
        "return an error for every status and every body";
    "upstream.hang" Error "a call does not end because the upstream fails"
        "stop at the deadline, and do not try again for ever";
    "upstream.memory" Error "a large response takes all of the memory"
        "read a bounded part of it";
    "upstream.error_hidden" Error "a call succeeds though its upstream failed, and does not say so"
        "return an error, or say in the result what could not be had";
    "upstream.not_found_hidden" Warning "a call succeeds though its upstream found nothing, and does not say so"
        "return `not-found`";
    "upstream.status_unsaid" Warning "an error does not say what the upstream answered"
        "say the status: the model cannot see it otherwise";
    "upstream.retry_lost" Warning "the upstream says when to try again, and the error does not"
        "pass `retry-after` on: `rate-limited(retry)`";

    "prompt.trap" Error "a prompt crashes or does not end"
        "return an error";
    "prompt.refused" Error "a prompt refuses the arguments that it asks for"
        "declare what it needs, and what of it is required";
    "prompt.reference" Error "a prompt names a tool that there is not"
        "mend the reference, or write one of another component as `{tool:component/tool}`";

    "resource.trap" Error "listing or reading resources crashes or does not end"
        "return an error";
    "resource.uri" Error "a resource has no valid URI"
        "an absolute URI with a scheme (RFC 3986)";
    "resource.template" Error "a template is no URI template"
        "RFC 6570: braces in pairs, with a name in each";
    "resource.lost" Error "a resource that is listed cannot be read"
        "list what can be read";
    "resource.paging" Error "the pages of resources do not end"
        "give another cursor for each page, and none on the last";

    "completion.trap" Error "a completion crashes or does not end"
        "return an error, or no values";

    "log.secret" Error "a credential of the config is in a log, a result, an error or a request's URL"
        "do not print configs";
    "log.flood" Warning "a call says more than the host keeps"
        "log what an operator needs";
    "log.progress" Error "progress goes backwards, or past its total"
        "`done` only grows (MCP), up to `total`";

    "cost.size" Warning "the file is large"
        "build it in release mode, without debug information";
    "cost.memory" Warning "an instance takes half of its memory before it does anything"
        "load less at the start";
}

/// The check of an id.
pub(super) fn find(id: &str) -> Option<&'static Check> {
    CHECKS.iter().find(|check| check.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_are_unique_and_every_area_has_some() {
        let ids: BTreeSet<&str> = CHECKS.iter().map(|check| check.id).collect();
        assert_eq!(ids.len(), CHECKS.len());
        let areas: BTreeSet<&str> = CHECKS.iter().map(Check::area).collect();
        assert_eq!(areas, AREAS.iter().map(|(area, _)| *area).collect());
    }
}
