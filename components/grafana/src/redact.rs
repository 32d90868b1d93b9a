//! What nobody should read in a model's context: Grafana hides its own secrets, but people put some where it does not
//! look (a password in a datasource's `jsonData`, a token in a webhook's URL).

use serde_json::Value;

/// What stands where a secret was.
pub(crate) const HIDDEN: &str = "[redacted]";

/// What the name of a secret has in it, in lower case and without `-` and `_`.
const WORDS: [&str; 9] = [
    "password",
    "passwd",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "credential",
    "authorization",
    "integrationkey",
];

/// Hides every secret in it; true if there was any.
pub(crate) fn secrets(value: &mut Value) -> bool {
    match value {
        Value::Object(object) => {
            let mut hid = false;
            for (name, value) in object.iter_mut() {
                hid |= match value {
                    Value::String(text) if is_secret(name) && !text.is_empty() && text != HIDDEN => {
                        HIDDEN.clone_into(text);
                        true
                    }
                    Value::Object(inner) if name == "secureJsonData" => {
                        inner.values_mut().for_each(|value| *value = HIDDEN.into());
                        !inner.is_empty()
                    }
                    Value::String(text) => user_of_url(text),
                    inner => secrets(inner),
                };
            }
            hid
        }
        // Not `any`: every item is to be looked at.
        Value::Array(items) => items.iter_mut().fold(false, |hid, item| secrets(item) | hid),
        Value::String(text) => user_of_url(text),
        _ => false,
    }
}

/// Leaves the scheme and the host of URLs in a contact point's settings: the path of a webhook often is its secret.
pub(crate) fn webhooks(settings: &mut Value) -> bool {
    let mut hid = secrets(settings);
    for (name, value) in settings.as_object_mut().into_iter().flatten() {
        let Value::String(text) = value else { continue };
        if !name.to_ascii_lowercase().contains("url") {
            continue;
        }
        if let Some((scheme, rest)) = text.split_once("://")
            && let Some((host, path)) = rest.split_once('/')
            && !path.is_empty()
        {
            *text = format!("{scheme}://{host}/{HIDDEN}");
            hid = true;
        }
    }
    hid
}

fn is_secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    // `tokenUrl`, `secretName` and the like say where a secret is, not what it is.
    WORDS.iter().any(|word| plain.ends_with(word)) || plain.starts_with("httpheadervalue")
}

/// `https://user:password@host`, without the two.
fn user_of_url(text: &mut String) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let host = rest.split('/').next().unwrap_or_default();
    let Some((user, _)) = host.rsplit_once('@') else { return false };
    let after = rest.get(user.len()..).unwrap_or_default();
    *text = format!("{scheme}://{HIDDEN}{after}");
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn secrets_are_hidden_wherever_they_are() {
        let mut value = json!({
            "name": "db", "password": "p1", "basicAuthPassword": "", "url": "https://u:p@db:5432/x",
            "jsonData": { "apiKey": "k", "tokenUrl": "https://id/token", "list": [{ "client_secret": "s" }] },
            "secureJsonData": { "anything": "x" }, "secureJsonFields": { "password": true },
        });
        assert!(secrets(&mut value));
        assert_eq!(
            value,
            json!({
                "name": "db", "password": HIDDEN, "basicAuthPassword": "", "url": "https://[redacted]@db:5432/x",
                "jsonData": { "apiKey": HIDDEN, "tokenUrl": "https://id/token", "list": [{ "client_secret": HIDDEN }] },
                "secureJsonData": { "anything": HIDDEN }, "secureJsonFields": { "password": true },
            })
        );
        assert!(!secrets(&mut json!({ "name": "db", "url": "http://db" })));
    }

    #[test]
    fn a_webhook_keeps_its_host() {
        let mut value = json!({ "url": "https://hooks.example.com/T0/B0/xyz", "httpMethod": "POST", "addresses": "a@b.c" });
        assert!(webhooks(&mut value));
        assert_eq!(
            value,
            json!({ "url": "https://hooks.example.com/[redacted]", "httpMethod": "POST", "addresses": "a@b.c" })
        );
        assert!(!webhooks(&mut json!({ "url": "https://hooks.example.com" })));
    }
}
