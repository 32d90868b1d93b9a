//! What a component offers with its config: tools, prompts, resource templates, as it declared them.

use std::{
    hash::{Hash as _, Hasher},
    sync::Arc,
};

use sha2::{Digest as _, Sha256};

use super::{
    prompt::{DeclaredPrompt, DeclaredTemplate},
    tool::Declared,
};

/// More tools, prompts or templates than a client could list in any sensible time.
const MOST_TOOLS: usize = 4096;

/// What a configured component offers.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its tools.
    pub tools: Arc<[Declared]>,
    /// Its prompts.
    pub prompts: Vec<DeclaredPrompt>,
    /// Its resource templates, if it has resources.
    pub templates: Option<Vec<DeclaredTemplate>>,
    /// Whether nothing but its config can have been behind it: it was granted no folder and asked for nothing to be sent.
    /// Then it is the offer of all services with that config.
    pub of_config: bool,
}

impl Offer {
    /// Another one for every other offer.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut hasher = Sha(Sha256::new());
        (&self.tools, &self.prompts, &self.templates).hash(&mut hasher);
        hasher.0.finalize().into()
    }

    /// The same, if it can be served.
    ///
    /// # Errors
    /// When there is more of it than any client could list.
    pub fn sound(self) -> Result<Self, String> {
        let templates = self.templates.as_ref().map_or(0, Vec::len);
        for (many, what) in
            [(self.tools.len(), "tools"), (self.prompts.len(), "prompts"), (templates, "resource templates")]
        {
            if many > MOST_TOOLS {
                return Err(format!("it has {many} {what}; at most {MOST_TOOLS} can be served"));
            }
        }
        Ok(self)
    }
}

/// SHA-256 of what is hashed.
struct Sha(Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not used: it would be too short to tell offers apart.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_an_offer_counts() {
        let tool = Declared { name: "t".into(), plan: Some(vec![1]), ..Declared::default() };
        let offer = |tools: Vec<Declared>| Offer {
            tools: tools.into(),
            prompts: Vec::new(),
            templates: None,
            of_config: true,
        };
        let one = offer(vec![tool.clone()]).digest();
        assert_eq!(Offer { of_config: false, ..offer(vec![tool.clone()]) }.digest(), one);
        let prompt = DeclaredPrompt { name: "t".into(), ..DeclaredPrompt::default() };
        for other in [
            offer(vec![tool.clone(), tool.clone()]),
            offer(vec![Declared { plan: Some(vec![2]), ..tool.clone() }]),
            offer(vec![Declared { plan: None, ..tool.clone() }]),
            offer(vec![Declared { meta: Some("{}".into()), ..tool.clone() }]),
            Offer { prompts: vec![prompt], ..offer(vec![tool.clone()]) },
            Offer { templates: Some(Vec::new()), ..offer(vec![tool]) },
        ] {
            assert_ne!(other.digest(), one, "{other:?}");
        }
    }
}
