//! Silences that are to end: one by its id, or all with exactly these matchers; and which alerts are heard again then.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::{self, Seconds};
use bulkhead_sdk::try_join;
use serde_json::Map;

use super::{Arguments, MOST, affected};
use crate::Alertmanager;
use crate::alert::Alert;
use crate::matchers;
use crate::silence::{Silence, written};
use crate::tools::unexpired;

pub(super) async fn end(
    service: &Alertmanager,
    args: &Arguments,
    now: Seconds,
) -> Result<Map<String, Value>> {
    let held = service.api.get("alerts").with("active", false).json::<Vec<Alert>>();
    let (silences, held) = try_join!(chosen(service, args), held)?;
    let running: Vec<&Silence> = silences.iter().filter(|silence| silence.state() != "expired").collect();
    let mut ended: Vec<Result<()>> = Vec::new();
    if !args.is_dry() {
        ended = join_all(running.iter().map(|silence| service.api.expire(silence.id()))).await;
    }
    // Where nothing at all could be done, the reason is the answer.
    if let (Some(Err(error)), true) = (ended.first(), ended.iter().all(Result::is_err)) {
        return Err(error.clone());
    }
    let error_of = |silence: &Silence| {
        let place = running.iter().position(|other| other.id() == silence.id())?;
        ended.get(place)?.as_ref().err().map(Error::to_string)
    };
    let told = |silence: &Silence| {
        let mut out = silence.brief(now);
        let outcome = match (silence.state(), args.is_dry(), error_of(silence)) {
            ("expired", _, _) => "had ended already".to_owned(),
            (_, true, _) => "would end".to_owned(),
            (_, false, None) => "ended".to_owned(),
            (_, false, Some(error)) => format!("not ended: {error}"),
        };
        if outcome == "ended" {
            out.insert("state".into(), "expired".into());
            out.insert("ends_at".into(), time::rfc3339(now).into());
            out.remove("ends_in");
        }
        out.insert("outcome".into(), outcome.into());
        Value::Object(out)
    };
    let mut out = Map::new();
    out.insert("silences".into(), silences.iter().map(told).collect());
    out.insert("alerts".into(), affected(&heard_again(held, &running), now).into());
    Ok(out)
}

/// The silences that are meant.
async fn chosen(service: &Alertmanager, args: &Arguments) -> Result<Vec<Silence>> {
    let mut wanted = match (&args.id, &args.matchers) {
        (Some(id), None) => return Ok(vec![service.api.silence(id).await?]),
        (None, Some(text)) => matchers::parse(text)?,
        _ => return Err(Error::invalid("", "to end silences, give either `id` or `matchers`")),
    };
    wanted.sort();
    let mut silences = unexpired(service).await?;
    silences.retain(|silence| silence.matchers() == wanted);
    match silences.len() {
        0 => Err(Error::not_found(format!(
            "no active or pending silence has exactly the matchers `{}`: `silences` lists those there are",
            written(&wanted)
        ))),
        count if count > MOST => {
            let why = format!("{count} silences have exactly these: end them one by one with `id`");
            Err(Error::invalid("matchers", why))
        }
        _ => Ok(silences),
    }
}

/// The alerts that nothing else keeps quiet, worst first.
fn heard_again(mut held: Vec<Alert>, ending: &[&Silence]) -> Vec<Alert> {
    let ends = |id: &str| ending.iter().any(|silence| silence.id() == id);
    held.retain(|alert| {
        alert.silenced_by().next().is_some()
            && alert.silenced_by().all(ends)
            && alert.inhibited_by().next().is_none()
    });
    held.sort_by_cached_key(Alert::order);
    held
}
