//! Lists: what is selected, a page at a time, all pages of one state.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use double_kit::Request;
use serde_json::{Value, json};

use crate::cluster::State;
use crate::fields::Fields;
use crate::kinds::Kind;
use crate::labels::Selector;
use crate::route::Target;
use crate::status::{Outcome, Status};
use crate::view::View;

/// What a query selects.
#[derive(Debug, Default)]
pub struct Chosen {
    labels: Selector,
    fields: Fields,
}

impl Chosen {
    /// Of a request.
    pub fn of(kind: &Kind, request: &Request) -> Outcome<Self> {
        Ok(Self {
            labels: Selector::parse(request.param("labelSelector").unwrap_or_default())?,
            fields: Fields::parse(kind, request.param("fieldSelector").unwrap_or_default())?,
        })
    }

    /// Whether an object is.
    pub fn has(&self, object: &Value) -> bool {
        self.labels.matches(object) && self.fields.matches(object)
    }

    fn is_all(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }
}

/// Where a list goes on: in which state, after what. The latest state, if none is named.
struct Token {
    revision: Option<u64>,
    after: (String, String),
}

impl Token {
    fn encode(&self) -> String {
        let (revision, (namespace, name)) = (self.revision, &self.after);
        let start = format!("{namespace}/{name}\u{0}");
        let rv = revision.map_or(json!(-1), |revision| json!(revision));
        URL_SAFE_NO_PAD.encode(json!({ "v": "meta.k8s.io/v1", "rv": rv, "start": start }).to_string())
    }

    fn decode(text: &str) -> Option<Self> {
        let token: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (namespace, name) = token["start"].as_str()?.trim_end_matches('\0').split_once('/')?;
        Some(Self { revision: token["rv"].as_u64(), after: (namespace.to_owned(), name.to_owned()) })
    }
}

/// Answers a list.
pub fn list(state: &mut State, target: &Target, request: &Request) -> Outcome {
    let chosen = Chosen::of(target.kind, request)?;
    let view = View::of(request)?;
    let limit = limit(request)?;
    let token = match request.param("continue").filter(|token| !token.is_empty()) {
        Some(token) => Some(Token::decode(token).ok_or_else(|| {
            Status::bad_request(
                "continue key is not valid: unable to decode: illegal base64 data at input byte 0",
            )
        })?),
        None => None,
    };
    let namespace = Some(target.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let revision = token.as_ref().and_then(|token| token.revision);
    let after = token.as_ref().map(|token| &token.after);
    let Some(found) = state.store.read(revision, &target.kind.storage(), namespace, after) else {
        let after = token.map(|token| token.after).unwrap_or_default();
        return Err(Status::expired(&Token { revision: None, after }.encode()));
    };
    let mut found: Vec<_> = found.into_iter().filter(|(_, object)| chosen.has(object)).collect();
    let revision = revision.unwrap_or_else(|| state.store.revision());
    let mut meta = json!({ "resourceVersion": revision.to_string() });
    if found.len() > limit {
        // Only what was counted is said: selectors make the server stop early.
        if chosen.is_all() {
            meta["remainingItemCount"] = (found.len() - limit).into();
        }
        found.truncate(limit);
        let after = found
            .last()
            .map(|((_, namespace, name), _)| (namespace.clone(), name.clone()))
            .unwrap_or_default();
        state.store.pin();
        meta["continue"] = Token { revision: Some(revision), after }.encode().into();
    }
    let objects: Vec<_> = found.into_iter().map(|(_, object)| object).collect();
    view.list(target.kind, &objects, &meta, request, state.now)
}

fn limit(request: &Request) -> Outcome<usize> {
    match request.param("limit").filter(|limit| !limit.is_empty()).map(str::parse::<usize>) {
        None | Some(Ok(0)) => Ok(usize::MAX),
        Some(Ok(limit)) => Ok(limit),
        Some(Err(_)) => Err(Status::bad_request(format!(
            "strconv.ParseInt: parsing {:?}: invalid syntax",
            request.param("limit").unwrap_or_default()
        ))),
    }
}
