//! A silence that is to be made or changed: what it will be, which alerts it hits, and which silences it overlaps.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, Seconds};
use bulkhead_sdk::try_join;
use bulkhead_sdk::value::{put, text};
use serde_json::Map;

use super::{Arguments, MOST, affected};
use crate::Alertmanager;
use crate::alert::{Alert, lasting, moment};
use crate::matchers::{self, Matcher};
use crate::silence::{Silence, written};
use crate::tools::{matching, unexpired};

/// A silence that is settled, but not there yet.
struct Draft {
    id: Option<String>,
    matchers: Vec<Matcher>,
    starts: String,
    ends: Seconds,
    comment: String,
    created_by: String,
}

pub(super) async fn make(
    service: &Alertmanager,
    args: &Arguments,
    ends: Option<Seconds>,
    caller: &str,
    now: Seconds,
) -> Result<Map<String, Value>> {
    let given = args.matchers.as_deref().map(matchers::parse).transpose()?;
    let old: Option<Silence> = match &args.id {
        Some(id) => Some(service.api.silence(id).await?),
        None => None,
    };
    let draft = Draft::new(args, given, ends, old.as_ref(), caller, now)?;
    let (alerts, silences) = try_join!(matching(service, &draft.matchers), unexpired(service))?;

    let mut told = draft.told(now);
    let outcome = match (args.is_dry(), &draft.id) {
        (true, None) => "would be made",
        (true, Some(_)) => "would be changed",
        (false, old) => {
            let answer: Value = service.api.post("silences", &draft.body()).blame("matchers").json().await?;
            let id = text(&answer, "/silenceID");
            told.insert("id".into(), id.into());
            match old.as_deref() {
                None => "made",
                Some(old) if id == old => "changed",
                Some(_) => {
                    "made anew: Alertmanager ended the old one, because what has matched already cannot be changed"
                }
            }
        }
    };
    told.insert("outcome".into(), outcome.into());
    let mut hit = affected(&alerts, now);
    if alerts.is_empty() {
        let note = "no alert there is now matches: right for one that is expected, else check the matchers";
        hit.insert("note".into(), note.into());
    }
    let mut out = Map::new();
    out.insert("silences".into(), json!([told]));
    out.insert("alerts".into(), hit.into());
    out.insert("overlaps".into(), overlaps(&draft, &alerts, &silences, now));
    Ok(out)
}

impl Draft {
    fn new(
        args: &Arguments,
        given: Option<Vec<Matcher>>,
        ends: Option<Seconds>,
        old: Option<&Silence>,
        caller: &str,
        now: Seconds,
    ) -> Result<Self> {
        let missing = |argument: &str, what: &str| Error::invalid(argument, format!("is missing: {what}"));
        let matchers = given
            .or_else(|| old.map(Silence::matchers))
            .ok_or_else(|| missing("matchers", "say which alerts, such as `alertname=\"DiskFull\"`"))?;
        if args.match_all != Some(true) && matchers.iter().all(Matcher::is_open) {
            return Err(Error::invalid(
                "matchers",
                format!(
                    "`{}` singles nothing out and would silence all the others too: name what is meant with `=`, or \
                     set `match_all` if everything is",
                    written(&matchers)
                ),
            ));
        }
        let said = |given: &Option<String>, old: Option<&str>| {
            given.clone().or_else(|| old.map(str::to_owned)).filter(|words| !words.trim().is_empty())
        };
        let comment = said(&args.comment, old.map(Silence::comment))
            .ok_or_else(|| missing("comment", "say why, for whoever wonders where the alert is"))?;
        let created_by = said(&args.created_by, old.map(Silence::created_by));
        // An expired silence cannot be taken up where it was: Alertmanager makes a new one.
        let running = old.filter(|old| old.state() != "expired");
        let starts = match (args.starts, running) {
            (Some(when), _) => time::rfc3339(when.resolve(now)),
            (None, Some(old)) => old.starts().to_owned(),
            (None, None) => time::rfc3339(now),
        };
        let ends = ends
            .or_else(|| running.map(Silence::ends))
            .ok_or_else(|| missing("ends", "say how long, such as `2h`, or until when"))?;
        if ends <= moment(&starts) {
            let why = format!("{} is not after the start, {starts}", time::rfc3339(ends));
            return Err(Error::invalid("ends", why));
        }
        Ok(Self {
            id: args.id.clone(),
            matchers,
            starts,
            ends,
            comment,
            created_by: created_by.unwrap_or_else(|| caller.to_owned()),
        })
    }

    fn body(&self) -> Value {
        let mut body = json!({
            "matchers": self.matchers.iter().map(Matcher::to_json).collect::<Vec<_>>(),
            "startsAt": self.starts, "endsAt": time::rfc3339(self.ends),
            "createdBy": self.created_by, "comment": self.comment,
        });
        if let Some(id) = &self.id {
            put(&mut body, "id", id.as_str());
        }
        body
    }

    fn told(&self, now: Seconds) -> Map<String, Value> {
        let mut out = Map::new();
        for (name, words) in [
            ("matchers", written(&self.matchers)),
            ("starts_at", self.starts.clone()),
            ("ends_at", time::rfc3339(self.ends)),
            ("ends_in", lasting(self.ends - now)),
            ("created_by", self.created_by.clone()),
            ("comment", self.comment.clone()),
        ] {
            out.insert(name.into(), words.into());
        }
        if let Some(id) = &self.id {
            out.insert("id".into(), id.as_str().into());
        }
        out
    }
}

/// Silences with the same matchers, and those that keep some of these alerts quiet already.
fn overlaps(draft: &Draft, alerts: &[Alert], silences: &[Silence], now: Seconds) -> Value {
    let mut wanted = draft.matchers.clone();
    wanted.sort();
    let others = silences.iter().filter(|silence| Some(silence.id()) != draft.id.as_deref());
    let overlap = |silence: &Silence| {
        let same = silence.matchers() == wanted;
        let held = alerts.iter().filter(|alert| alert.silenced_by().any(|id| id == silence.id())).count();
        (same || held > 0).then(|| {
            let mut out = silence.brief(now);
            out.insert("same_matchers".into(), same.into());
            out.insert("silences_of_these".into(), held.into());
            Value::Object(out)
        })
    };
    others.filter_map(overlap).take(MOST).collect()
}
