//! Objects as the server prints them.

use double_kit::Request;
use serde_json::{Value, json};

use crate::columns::{self, Column};
use crate::kinds::Kind;
use crate::status::{Outcome, Status};
use crate::view::partial;

/// What a row has of its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
    /// Nothing.
    None,
}

impl Rows {
    /// As `includeObject` says.
    pub fn of(request: &Request) -> Outcome<Self> {
        match request.param("includeObject") {
            None | Some("" | "Metadata") => Ok(Self::Metadata),
            Some("Object") => Ok(Self::Object),
            Some("None") => Ok(Self::None),
            Some(other) => Err(Status::bad_request(format!("unrecognized includeObject value: {other:?}"))),
        }
    }
}

/// A `Table`.
pub fn render(kind: &Kind, objects: &[Value], meta: &Value, rows: Rows, now: f64) -> Value {
    let columns = columns::of(kind);
    let row = |object: &Value| {
        let mut row =
            json!({ "cells": columns.iter().map(|column| (column.cell)(object, now)).collect::<Value>() });
        match rows {
            Rows::Metadata => row["object"] = partial(object),
            Rows::Object => row["object"] = object.clone(),
            Rows::None => {}
        }
        row
    };
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta,
        "columnDefinitions": columns.iter().map(definition).collect::<Value>(),
        "rows": objects.iter().map(row).collect::<Value>(),
    })
}

fn definition(column: &Column) -> Value {
    let format = if column.name == "Name" { "name" } else { "" };
    json!({
        "name": column.name, "type": column.kind, "format": format, "description": column.name,
        "priority": column.priority,
    })
}
