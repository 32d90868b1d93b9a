//! What creates and changes objects, down to what the server writes of its own.

use std::sync::Arc;

use double_kit::Request;
use serde_json::{Value, json};

use crate::cluster::State;
use crate::options::{APPLY, Options, body};
use crate::route::Target;
use crate::status::{Outcome, Status};
use crate::view::View;
use crate::{apply, clock, known, owned, patch as patches, rollout, strategic, validate, versions};

/// POST.
pub fn create(state: &mut State, target: &Target, request: &Request) -> Outcome {
    let options = Options::of(target, request)?;
    let mut object = body(request)?;
    known::typed(target.kind, &object)?;
    let warnings = known::check(target.kind, &mut object, options.unknown)?;
    let created = add(state, target, versions::stored(target.kind, object), &options, None)?;
    let reply = View::of(request)?.one(target.kind, &created, request, state.now, 201)?;
    Ok(known::warned(reply, &warnings))
}

/// PUT.
pub fn update(state: &mut State, target: &Target, name: &str, request: &Request) -> Outcome {
    let options = Options::of(target, request)?;
    let mut object = body(request)?;
    known::typed(target.kind, &object)?;
    let warnings = known::check(target.kind, &mut object, options.unknown)?;
    let old = existing(state, target, name)?;
    if target.kind.is_custom() && object["metadata"]["resourceVersion"].is_null() {
        return Err(validate::no_version(target.kind, name));
    }
    let new = versions::stored(target.kind, object);
    let updated = change(state, target, name, &old, new, &options)?;
    let reply = View::of(request)?.one(target.kind, &updated, request, state.now, 200)?;
    Ok(known::warned(reply, &warnings))
}

const PATCHES: [&str; 4] = [
    "application/json-patch+json",
    "application/merge-patch+json",
    APPLY,
    "application/strategic-merge-patch+json",
];

/// PATCH.
pub fn patch(state: &mut State, target: &Target, name: &str, request: &Request) -> Outcome {
    let options = Options::of(target, request)?;
    let view = View::of(request)?;
    // What is defined has no Go type whose tags would say how its lists are merged.
    let accepted = if target.kind.is_custom() { &PATCHES[..3] } else { &PATCHES[..] };
    if !accepted.contains(&request.media_type()) {
        return Err(Status::unsupported_media_type(accepted));
    }
    if request.media_type() == APPLY {
        return applied(state, target, name, request, &options, view);
    }
    let old = existing(state, target, name)?;
    let mut new = (*old).clone();
    let patch = request.json();
    match (request.media_type(), patch.as_array()) {
        ("application/json-patch+json", Some(operations)) => {
            patches::json_patch(&mut new, operations).map_err(|_| Status::unprocessable())?;
        }
        ("application/json-patch+json", None) => {
            return Err(Status::bad_request(
                "json: cannot unmarshal object into Go value of type jsonpatch.Patch",
            ));
        }
        _ if !patch.is_object() => {
            return Err(Status::bad_request("error decoding patch: the body is no JSON object"));
        }
        ("application/merge-patch+json", _) => patches::merge(&mut new, &patch),
        _ => strategic::merge(target.kind, &mut new, &patch)?,
    }
    let warnings = known::patched(target.kind, &mut new, options.unknown)?;
    let changed = change(state, target, name, &old, new, &options)?;
    Ok(known::warned(view.one(target.kind, &changed, request, state.now, 200)?, &warnings))
}

fn applied(
    state: &mut State,
    target: &Target,
    name: &str,
    request: &Request,
    options: &Options,
    view: View,
) -> Outcome {
    let wanted = request.json();
    if !wanted.is_object() {
        return Err(Status::bad_request("error decoding YAML: the body is no object"));
    }
    if wanted["metadata"]["managedFields"].as_array().is_some_and(|all| !all.is_empty()) {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    known::typed(target.kind, &wanted)?;
    known::applied(target.kind, &wanted)?;
    let live = state.store.get(&target.key(name));
    let time = clock::rfc3339(state.now);
    let mut merged =
        apply::apply(target.kind, live.as_deref(), &wanted, &options.manager, options.force, &time)?;
    merged["metadata"]["name"] = name.into();
    let fields = merged["metadata"]["managedFields"].clone();
    let (object, code) = match &live {
        Some(live) => (put(state, target, name, live, merged, options, Some(fields))?, 200),
        None if target.subresource.is_some() => return Err(Status::not_found(target.kind, name)),
        None => (add(state, target, merged, options, Some(fields))?, 201),
    };
    view.one(target.kind, &object, request, state.now, code)
}

fn existing(state: &State, target: &Target, name: &str) -> Outcome<Arc<Value>> {
    state.store.get(&target.key(name)).ok_or_else(|| Status::not_found(target.kind, name))
}

/// Keeps a new object.
fn add(
    state: &mut State,
    target: &Target,
    mut object: Value,
    options: &Options,
    managed: Option<Value>,
) -> Outcome<Arc<Value>> {
    let kind = target.kind;
    placed(state, target, &mut object)?;
    if let Some(prefix) =
        object["metadata"]["generateName"].as_str().filter(|_| object["metadata"]["name"].is_null())
    {
        let uid = state.store.uid();
        object["metadata"]["name"] = format!("{prefix}{}", &uid[uid.len() - 5..]).into();
    }
    if kind.has("status") {
        object.as_object_mut().map(|fields| fields.remove("status"));
    }
    for field in ["uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "generation"] {
        object["metadata"].as_object_mut().map(|metadata| metadata.remove(field));
    }
    validate::defaults(kind, &mut object);
    validate::new(kind, &object)?;
    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let key = target.key(&name);
    if state.store.get(&key).is_some() {
        return Err(Status::already_exists(kind, &name));
    }
    let time = clock::rfc3339(state.now);
    match managed {
        Some(managed) => object["metadata"]["managedFields"] = managed,
        None => owned::updated(kind, None, &mut object, &options.manager, &time),
    }
    object["metadata"]["uid"] = state.store.uid().into();
    object["metadata"]["creationTimestamp"] = time.into();
    if kind.has_generation() {
        object["metadata"]["generation"] = 1.into();
    }
    if options.dry {
        return Ok(Arc::new(object));
    }
    state.store.put(key.clone(), object);
    rollout::after(state, kind, &key);
    Ok(state.store.get(&key).unwrap_or_default())
}

/// An object goes where the path says, and nowhere else.
fn placed(state: &State, target: &Target, object: &mut Value) -> Outcome<()> {
    if !target.kind.namespaced {
        return Ok(());
    }
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) if namespace != target.namespace => {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        _ => object["metadata"]["namespace"] = target.namespace.clone().into(),
    }
    let namespaces = crate::kinds::named("Namespace").unwrap();
    let key = (namespaces.storage(), String::new(), target.namespace.clone());
    match state.store.get(&key) {
        None => Err(Status::not_found(namespaces, &target.namespace)),
        Some(namespace) if namespace["metadata"]["deletionTimestamp"].is_string() => {
            let why = format!(
                "unable to create new content in namespace {} because it is being terminated",
                target.namespace
            );
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            Err(Status::forbidden(target.kind, name, &why))
        }
        Some(_) => Ok(()),
    }
}

/// Changes an object by a writer that applies nothing.
pub fn change(
    state: &mut State,
    target: &Target,
    name: &str,
    old: &Value,
    new: Value,
    options: &Options,
) -> Outcome<Arc<Value>> {
    put(state, target, name, old, new, options, None)
}

fn put(
    state: &mut State,
    target: &Target,
    name: &str,
    old: &Value,
    mut new: Value,
    options: &Options,
    managed: Option<Value>,
) -> Outcome<Arc<Value>> {
    let kind = target.kind;
    same_object(target, name, old, &new)?;
    let part = target.subresource.as_deref();
    only_its_part(kind.has("status"), part, old, &mut new);
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "generation",
        "resourceVersion",
    ] {
        let kept = old["metadata"][field].clone();
        match kept {
            Value::Null => {
                new["metadata"].as_object_mut().map(|metadata| metadata.remove(field));
            }
            kept => new["metadata"][field] = kept,
        }
    }
    validate::defaults(kind, &mut new);
    validate::changed(kind, old, &new)?;
    if kind.has_generation() && part != Some("status") && spec_differs(old, &new) {
        new["metadata"]["generation"] = json!(old["metadata"]["generation"].as_i64().unwrap_or(1) + 1);
    }
    let fields = old["metadata"]["managedFields"].clone();
    new["metadata"]["managedFields"] = fields;
    let time = clock::rfc3339(state.now);
    match managed {
        Some(managed) => new["metadata"]["managedFields"] = managed,
        None => owned::updated(kind, Some(old), &mut new, &options.manager, &time),
    }
    if new["metadata"]["managedFields"].is_null() {
        new["metadata"].as_object_mut().map(|metadata| metadata.remove("managedFields"));
    }
    // What changes nothing is no write.
    if new == *old || options.dry {
        return Ok(Arc::new(new));
    }
    let key = target.key(name);
    let free = new["metadata"]["finalizers"].as_array().is_none_or(Vec::is_empty);
    if free && new["metadata"]["deletionTimestamp"].is_string() {
        state.store.remove(&key);
        return Ok(Arc::new(new));
    }
    let kept = state.store.put(key.clone(), new);
    if spec_differs(old, &kept) {
        rollout::after(state, kind, &key);
    }
    Ok(state.store.get(&key).unwrap_or(kept))
}

/// The path, the object and what it says of itself are one and the same.
fn same_object(target: &Target, name: &str, old: &Value, new: &Value) -> Outcome<()> {
    let word = |field: &str| new["metadata"][field].as_str().unwrap_or_default();
    if !word("name").is_empty() && word("name") != name {
        let given = word("name");
        return Err(Status::bad_request(format!(
            "the name of the object ({given}) does not match the name on the URL ({name})"
        )));
    }
    if !word("namespace").is_empty() && word("namespace") != target.namespace {
        return Err(Status::bad_request(format!(
            "the namespace of the object ({}) does not match the namespace on the URL ({})",
            word("namespace"),
            target.namespace
        )));
    }
    if !word("uid").is_empty() && old["metadata"]["uid"] != word("uid") {
        let why = format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            word("uid"),
            old["metadata"]["uid"].as_str().unwrap_or_default()
        );
        return Err(Status::conflict(target.kind, name, &why));
    }
    if !word("resourceVersion").is_empty() && old["metadata"]["resourceVersion"] != word("resourceVersion") {
        return Err(Status::conflict(target.kind, name, STALE));
    }
    Ok(())
}

/// Somebody was faster.
pub const STALE: &str =
    "the object has been modified; please apply your changes to the latest version and try again";

/// The status is changed by its own path, and all else by the object's.
fn only_its_part(has_status: bool, part: Option<&str>, old: &Value, new: &mut Value) {
    let status = |object: &Value| object.get("status").cloned();
    let (kept, mut base) = match part {
        Some("status") => (status(new), old.clone()),
        _ if has_status => (status(old), new.take()),
        _ => return,
    };
    if let Some(fields) = base.as_object_mut() {
        fields.remove("status");
        fields.extend(kept.map(|kept| ("status".to_owned(), kept)));
    }
    *new = base;
}

/// Whether anything but metadata and status differs.
pub fn spec_differs(old: &Value, new: &Value) -> bool {
    let rest = |object: &Value| {
        let fields = object.as_object().into_iter().flatten();
        let rest = fields.filter(|(field, _)| *field != "metadata" && *field != "status");
        rest.map(|(field, value)| (field.clone(), value.clone())).collect::<Vec<_>>()
    };
    rest(old) != rest(new)
}
