//! A bounded memory of what was verified lately, so that it need not be verified again at every request.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

/// What was found out about a credential, by its digest, until a point in time.
#[derive(Debug)]
pub(super) struct Recent<T> {
    most: usize,
    entries: Mutex<HashMap<[u8; 32], (T, SystemTime)>>,
}

impl<T: Clone> Recent<T> {
    /// Remembers at most `most` of them.
    pub(super) fn new(most: usize) -> Self {
        Self { most, entries: Mutex::default() }
    }

    /// What is remembered and still good.
    pub(super) fn get(&self, digest: &[u8; 32]) -> Option<T> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let (value, until) = entries.get(digest)?;
        if *until > SystemTime::now() {
            return Some(value.clone());
        }
        entries.remove(digest);
        None
    }

    /// Remembers something. Once there are too many, the expired are forgotten, and then everything: what is in
    /// use is soon verified again, and no bookkeeping is needed for what is not.
    pub(super) fn put(&self, digest: [u8; 32], value: T, until: SystemTime) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= self.most {
            let now = SystemTime::now();
            entries.retain(|_, (_, until)| *until > now);
        }
        if entries.len() >= self.most {
            entries.clear();
        }
        entries.insert(digest, (value, until));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_has_expired_is_forgotten() {
        let recent = Recent::new(2);
        let now = SystemTime::now();
        recent.put([1; 32], "old", now - Duration::from_secs(1));
        recent.put([2; 32], "new", now + Duration::from_secs(60));
        assert_eq!(recent.get(&[1; 32]), None);
        assert_eq!(recent.get(&[2; 32]), Some("new"));
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let recent = Recent::new(3);
        let later = SystemTime::now() + Duration::from_secs(60);
        for number in 0..100 {
            recent.put([number; 32], number, later);
            assert!(recent.entries.lock().unwrap().len() <= 3);
            assert_eq!(recent.get(&[number; 32]), Some(number));
        }
    }
}
