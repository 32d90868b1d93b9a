//! Labels as resources: the vocabulary of selectors, to have at hand while queries are written.

use bulkhead_sdk::prelude::*;
use bulkhead_sdk::time::Window;

use crate::Loki;
use crate::tools::labels;

/// More values than this are ids, and no vocabulary.
const MOST: usize = 1000;

#[derive(Deserialize)]
struct Names {}

#[derive(Deserialize)]
struct Values {
    label: String,
}

pub(crate) fn all() -> Resources<Loki> {
    Resources::new()
        .add(
            Resource::new("loki:///labels", "labels", async |service: &Loki, _: Names, call: &Call| {
                read(service, None, call).await
            })
            .title("Labels")
            .description("The names of all labels of the last six hours.")
            .mime_type("application/json"),
        )
        .add(
            Resource::new(
                "loki:///labels/{label}",
                "label",
                async |service: &Loki, args: Values, call: &Call| {
                    read(service, Some(&args.label), call).await
                },
            )
            .title("Values of a label")
            .description("The values a label had in the last six hours.")
            .mime_type("application/json")
            .complete("label", async |service: &Loki, typed: &Completing, call: &Call| {
                labels::suggest(service, None, typed, call).await
            }),
        )
}

async fn read(service: &Loki, label: Option<&str>, call: &Call) -> Result<Contents> {
    let window = Window::resolve(None, None, labels::DEFAULT_WINDOW, call)?;
    let mut values = labels::fetch(&service.api, label, None, window).await?;
    if values.is_empty()
        && let Some(label) = label
    {
        return Err(Error::not_found(format!("no stream of the last six hours has the label `{label}`")));
    }
    values.sort();
    let total = values.len();
    values.truncate(MOST);
    Ok(Contents::text(json!({ "total": total, "shown": values.len(), "values": values }).to_string()))
}
