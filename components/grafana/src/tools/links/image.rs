//! A panel as a picture, which Grafana's image renderer makes.

use std::time::Duration;

use bulkhead_sdk::prelude::*;

use crate::api::{self, Api};

/// The renderer starts a browser for each panel.
const TIMEOUT: u64 = 60;

const PNG: &[u8] = b"\x89PNG";

/// Pixels a side may have.
const SIDE: std::ops::RangeInclusive<u32> = 100..=4000;

/// Width and height.
pub(super) fn size(text: &str) -> Result<(u32, u32)> {
    let side = |text: &str| text.trim().parse().ok().filter(|side| SIDE.contains(side));
    let both = text.split_once('x').and_then(|(width, height)| Some((side(width)?, side(height)?)));
    both.ok_or_else(|| Error::invalid("image", "expected width and height, 100 to 4000 each: `1000x500`"))
}

/// Whether there is a renderer. Without one Grafana answers with a picture that says so, which no model should take for
/// the panel.
pub(super) async fn available(api: &Api) -> Result<()> {
    let settings: Value = api::json(api.get("/api/frontend/settings")).await?;
    match settings.get("rendererAvailable").and_then(Value::as_bool) {
        Some(false) => Err(Error::failed(
            "this Grafana has no image renderer: its operator installs the grafana-image-renderer plugin or service; \
             until then query_datasource gives the panel's numbers",
        )),
        _ => Ok(()),
    }
}

/// The picture.
pub(super) async fn render(
    api: &Api,
    uid: &str,
    panel: u32,
    pairs: &[(String, String)],
    (width, height): (u32, u32),
) -> Result<Content> {
    let request = api.get("/render/d-solo").segment(uid).query("panelId", panel);
    let request = pairs.iter().fold(request, |request, (name, value)| request.query(name, value));
    let request =
        request.query("width", width).query("height", height).query("tz", "UTC").query("timeout", TIMEOUT);
    let request = request.header("accept", "image/png").timeout(Duration::from_secs(TIMEOUT + 5));
    let response = request.send().await?.ok()?;
    if response.body.starts_with(PNG) {
        return Ok(Content::Image { data: response.body, mime_type: "image/png".into() });
    }
    Err(Error::upstream(response.status, "Grafana gave no image: check the service's `url` and credential"))
}
