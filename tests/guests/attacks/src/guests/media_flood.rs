//! Answers with more content than a result may be, of the kind it is told.

use crate::{
    bindings::bulkhead::service::types::{ResourceBody, ResourceContents, ResourceLink},
    guest::{Answer, Content, Guest, Input, Media, contents},
};

pub struct Attack;

const LARGE: usize = 100_000;

impl Guest for Attack {
    fn run(&self, input: &Input<'_>) -> Answer {
        let short = || "x".to_owned();
        let long = || "x".repeat(LARGE);
        let media = |data| Media { data: vec![0; data], mime_type: short() };
        let link = |uri, name, mime_type, description| {
            vec![Content::ResourceLink(ResourceLink { uri, name, mime_type, description })]
        };
        let embedded =
            |uri, mime_type, body| vec![Content::Embedded(ResourceContents { uri, mime_type, body })];
        contents(match input.argument("kind") {
            "image" => vec![Content::Image(media(LARGE))],
            "audio" => vec![Content::Audio(media(LARGE))],
            "many" => (0..10_000).map(|_| Content::Image(media(10))).collect(),
            "empty" => (0..5_000).map(|_| Content::Text(String::new())).collect(),
            "link" => link(long(), short(), None, None),
            "link type" => link(short(), short(), Some(long()), None),
            "link description" => link(short(), short(), None, Some(long())),
            "blob" => embedded(short(), None, ResourceBody::Blob(vec![0; LARGE])),
            "blob type" => embedded(short(), Some(long()), ResourceBody::Blob(Vec::new())),
            other => panic!("there is no kind `{other}`"),
        })
    }
}
