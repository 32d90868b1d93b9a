//! What the cluster has to begin with: in `default` all is well, and in `shop` much is not.

mod base;
mod broken;
mod events;
mod make;
mod state;
mod system;
mod web;

use serde_json::{Value, json};

use crate::clock;
use crate::cluster::State;
use crate::kinds;

/// Plants all of it.
pub fn plant(state: &mut State) {
    let seed = &mut Seed { state };
    base::plant(seed);
    system::plant(seed);
    web::plant(seed);
    broken::plant(seed);
    state::plant(seed);
    events::plant(seed);
}

/// A cluster while it is planted.
struct Seed<'a> {
    state: &'a mut State,
}

impl Seed<'_> {
    fn put(&mut self, object: Value) {
        self.state.plant(object);
    }

    /// So many seconds ago.
    fn ago(&self, seconds: f64) -> String {
        clock::rfc3339(self.state.now - seconds)
    }

    /// An object that is there already.
    fn known(&self, kind: &str, namespace: &str, name: &str) -> Value {
        let storage = kinds::named(kind).unwrap().storage();
        let key = (storage, namespace.to_owned(), name.to_owned());
        (*self.state.store.get(&key).unwrap_or_else(|| panic!("no {kind} {name} yet"))).clone()
    }

    /// `ownerReferences` of what an object controls.
    fn owner(&self, kind: &str, namespace: &str, name: &str) -> Value {
        let owner = self.known(kind, namespace, name);
        json!([{
            "apiVersion": owner["apiVersion"], "kind": kind, "name": name, "uid": owner["metadata"]["uid"],
            "controller": true, "blockOwnerDeletion": true,
        }])
    }

    fn log(&mut self, of: (&str, &str, &str, bool), lines: &[(f64, &str)]) {
        let now = self.state.now;
        self.state.logs.set(now, of, lines);
    }
}
