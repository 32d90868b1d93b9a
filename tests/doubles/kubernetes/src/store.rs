//! The objects, each write of which has a revision, and the states that lists in progress are read from.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

/// Where an object is: resource (`deployments.apps`), namespace (empty for the cluster's own) and name.
pub type Key = (String, String, String);

type Objects = BTreeMap<Key, Arc<Value>>;

/// What the cluster has.
#[derive(Debug)]
pub struct Store {
    objects: Objects,
    revision: u64,
    uids: u64,
    /// States that continue tokens are bound to.
    pinned: BTreeMap<u64, Objects>,
}

impl Store {
    /// An empty one.
    pub fn new() -> Self {
        Self { objects: Objects::new(), revision: 410_000, uids: 0, pinned: BTreeMap::new() }
    }

    /// An object.
    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.objects.get(key).cloned()
    }

    /// Keeps an object under the next revision.
    pub fn put(&mut self, key: Key, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let object = Arc::new(object);
        self.objects.insert(key, object.clone());
        object
    }

    /// Forgets an object.
    pub fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        self.revision += 1;
        self.objects.remove(key)
    }

    /// The objects of a resource, by namespace and name.
    pub fn all(&self, resource: &str) -> Vec<Arc<Value>> {
        below(&self.objects, resource, None, None).map(|(_, object)| object.clone()).collect()
    }

    /// The same in a namespace.
    pub fn within(&self, resource: &str, namespace: &str) -> Vec<Arc<Value>> {
        below(&self.objects, resource, Some(namespace), None).map(|(_, object)| object.clone()).collect()
    }

    /// Every key.
    pub fn keys(&self) -> Vec<Key> {
        self.objects.keys().cloned().collect()
    }

    /// What comes after a place at a pinned revision, or now; none if that revision is not kept any more.
    pub fn read(
        &self,
        revision: Option<u64>,
        resource: &str,
        namespace: Option<&str>,
        after: Option<&(String, String)>,
    ) -> Option<Vec<(Key, Arc<Value>)>> {
        let objects = match revision {
            Some(revision) => self.pinned.get(&revision)?,
            None => &self.objects,
        };
        let found = below(objects, resource, namespace, after);
        Some(found.map(|(key, object)| (key.clone(), object.clone())).collect())
    }

    /// Keeps the present state for lists that go on.
    pub fn pin(&mut self) {
        let objects = &self.objects;
        self.pinned.entry(self.revision).or_insert_with(|| objects.clone());
    }

    /// Drops what lists that go on are read from.
    pub fn compact(&mut self) {
        self.pinned.clear();
    }

    /// Of the last write.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// One that no object has.
    pub fn uid(&mut self) -> String {
        self.uids += 1;
        let (count, mixed) = (self.uids, self.uids.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (high, low) = (mixed >> 32, mixed & 0xfff);
        format!("{high:08x}-{:04x}-4{low:03x}-8{:03x}-{count:012x}", mixed >> 16 & 0xffff, mixed >> 8 & 0xfff)
    }
}

fn below<'a>(
    objects: &'a Objects,
    resource: &str,
    namespace: Option<&str>,
    after: Option<&(String, String)>,
) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
    let (resource, namespace) = (resource.to_owned(), namespace.map(str::to_owned));
    let start = (resource.clone(), namespace.clone().unwrap_or_default(), String::new());
    let after = after.cloned();
    objects
        .range(start..)
        .take_while(move |(key, _)| key.0 == resource && namespace.as_ref().is_none_or(|ns| key.1 == *ns))
        .skip_while(move |(key, _)| after.as_ref().is_some_and(|(ns, name)| (&key.1, &key.2) <= (ns, name)))
}
