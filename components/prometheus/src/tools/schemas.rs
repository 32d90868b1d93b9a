//! Schemas of arguments that a model reads with every listing, said in fewer words than their types would say.

use std::borrow::Cow;

use bulkhead_sdk::prelude::*;
use schemars::{Schema, SchemaGenerator, json_schema};

/// An object; that its values are texts needs no saying.
pub(super) struct Labels;

impl JsonSchema for Labels {
    fn schema_name() -> Cow<'static, str> {
        "Labels".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}
