//! Owns what no caller may read: credentials of repositories and clusters, the data of Secrets, passwords in URLs.
//!
//! Argo CD masks most of these itself. It has not always (tokens in annotations, passwords in proxy URLs), so it is not
//! relied on.

use bulkhead_sdk::prelude::*;

/// What stands in its place.
const REDACTED: &str = "(redacted)";

/// Keys whose value is or may hold a credential, in lower case.
const KEYS: &[&str] = &[
    "password",
    "sshprivatekey",
    "bearertoken",
    "tlsclientcertdata",
    "tlsclientcertkey",
    "certdata",
    "keydata",
    "githubappprivatekey",
    "gcpserviceaccountkey",
    "azureserviceprincipalclientsecret",
    "execproviderconfig",
    "jwttokensbyrole",
    "jwttokens",
];

/// Says the whole object once more, credentials and all.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The same without what nobody shall read, and without the bookkeeping of server-side apply.
pub(crate) fn redacted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let secret = object.get("kind").and_then(Value::as_str) == Some("Secret");
            let kept = object.iter().filter(|(key, _)| *key != LAST_APPLIED && *key != "managedFields");
            let told = kept.map(|(key, value)| {
                let value = match value {
                    Value::Null => Value::Null,
                    Value::Object(data) if secret && matches!(key.as_str(), "data" | "stringData") => {
                        data.keys().map(|key| (key.clone(), Value::from(REDACTED))).collect()
                    }
                    _ if KEYS.contains(&key.to_lowercase().as_str()) => REDACTED.into(),
                    value => redacted(value),
                };
                (key.clone(), value)
            });
            told.collect()
        }
        Value::Array(items) => items.iter().map(redacted).collect(),
        Value::String(text) => without_userinfo(text).into(),
        value => value.clone(),
    }
}

/// A URL without user and password; any other text as it is.
pub(crate) fn without_userinfo(text: &str) -> String {
    let parts = text.split_once("://").and_then(|(scheme, rest)| {
        let end = rest.find(['/', '?', '#', ' ', '\n']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (user, host) = authority.rsplit_once('@')?;
        // `ssh://git@host` has a user who is no secret.
        (user.contains(':') || !scheme.ends_with("ssh"))
            .then(|| format!("{scheme}://{REDACTED}@{host}{path}"))
    });
    parts.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_leave_urls() {
        assert_eq!(without_userinfo("https://me:pw@git.example/x"), "https://(redacted)@git.example/x");
        assert_eq!(without_userinfo("https://token@git.example"), "https://(redacted)@git.example");
        for plain in
            ["ssh://git@git.example/x", "git@git.example:x.git", "https://git.example/a@b", "mail a@b"]
        {
            assert_eq!(without_userinfo(plain), plain);
        }
    }

    #[test]
    fn credentials_leave_objects() {
        let value = json!({
            "kind": "Secret", "data": { "a": "x" }, "metadata": { "annotations": { LAST_APPLIED: "x", "b": "c" } },
            "config": { "bearerToken": "x", "tlsClientConfig": { "keyData": "x", "insecure": true } }, "password": null,
        });
        assert_eq!(
            redacted(&value),
            json!({
                "kind": "Secret", "data": { "a": "(redacted)" }, "metadata": { "annotations": { "b": "c" } },
                "config": { "bearerToken": "(redacted)", "tlsClientConfig": { "keyData": "(redacted)", "insecure": true } },
                "password": null,
            })
        );
    }
}
