//! A silence as Alertmanager holds it: which alerts it keeps quiet, from when to when, by whom and why.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time;
use bulkhead_sdk::time::Seconds;
use bulkhead_sdk::value::{list, shortened, text};
use serde_json::Map;

use crate::alert::{lasting, moment};
use crate::matchers::Matcher;

/// Comments are a sentence; the rare essay is cut in a summary.
const COMMENT_LENGTH: usize = 200;

/// A silence, as it came.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(transparent)]
pub(crate) struct Silence(pub(crate) Value);

impl Silence {
    pub(crate) fn id(&self) -> &str {
        text(&self.0, "/id")
    }

    /// `active`, `pending` or `expired`.
    pub(crate) fn state(&self) -> &str {
        text(&self.0, "/status/state")
    }

    pub(crate) fn created_by(&self) -> &str {
        text(&self.0, "/createdBy")
    }

    pub(crate) fn comment(&self) -> &str {
        text(&self.0, "/comment")
    }

    /// As it was written: an update in place has to say it to the millisecond.
    pub(crate) fn starts(&self) -> &str {
        text(&self.0, "/startsAt")
    }

    pub(crate) fn ends(&self) -> Seconds {
        moment(text(&self.0, "/endsAt"))
    }

    /// In an order of their own, so that two silences can be compared.
    pub(crate) fn matchers(&self) -> Vec<Matcher> {
        let mut matchers: Vec<Matcher> = list(&self.0, "/matchers").iter().map(Matcher::from_json).collect();
        matchers.sort();
        matchers
    }

    /// Active first, then pending, then expired; each by its end, the next first.
    pub(crate) fn order(&self) -> (u8, i64, String) {
        let state = ["active", "pending"].iter().position(|state| *state == self.state()).unwrap_or(2) as u8;
        let ends = (self.ends() * 1000.0) as i64;
        // What expired last is of more interest than what expired long ago.
        (state, if state == 2 { -ends } else { ends }, self.id().to_owned())
    }

    /// Its id, state, matchers, times, author and comment.
    pub(crate) fn brief(&self, now: Seconds) -> Map<String, Value> {
        let mut out = Map::new();
        out.insert("id".into(), self.id().into());
        out.insert("state".into(), self.state().into());
        out.insert("matchers".into(), written(&self.matchers()).into());
        if self.state() == "pending" {
            out.insert("starts_at".into(), time::rfc3339(moment(self.starts())).into());
        }
        out.insert("ends_at".into(), time::rfc3339(self.ends()).into());
        if self.ends() > now {
            out.insert("ends_in".into(), lasting(self.ends() - now).into());
        }
        out.insert("created_by".into(), self.created_by().into());
        out.insert("comment".into(), shortened(self.comment(), COMMENT_LENGTH).into());
        out
    }
}

/// Matchers as one text, ready to be handed to another tool.
pub(crate) fn written(matchers: &[Matcher]) -> String {
    matchers.iter().map(Matcher::to_string).collect::<Vec<_>>().join(", ")
}
