//! Alertmanager's configuration as it tells it: YAML text with most secrets as `<secret>`.

/// What is said beside it.
pub(crate) const NOTE: &str = "secrets are hidden: Alertmanager writes <secret>, and this component hides users, passwords and queries of URLs";

/// The kinds of integrations of a receiver, such as `slack`, once each. Alertmanager writes the configuration itself,
/// always in the same form, so that lines are enough to go by.
pub(crate) fn integrations(config: &str, receiver: &str) -> Vec<String> {
    let section = config.lines().skip_while(|line| *line != "receivers:").skip(1);
    let section = section.take_while(|line| line.starts_with([' ', '-']));
    let (mut found, mut inside) = (Vec::new(), false);
    for line in section {
        if let Some(name) = line.trim_start().strip_prefix("- name:").filter(|_| depth(line) <= 2) {
            inside = name.trim().trim_matches(['"', '\'']) == receiver;
        } else if let Some(kind) = line.trim().strip_suffix("_configs:").filter(|_| inside) {
            found.push(kind.to_owned());
        }
    }
    found
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// The same without what URLs carry beside host and path: servers before 0.26 write those of webhooks in full.
pub(crate) fn hidden(config: &str) -> String {
    let mut out = String::with_capacity(config.len());
    let mut rest = config;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after.find(|letter: char| letter.is_whitespace() || "\"'<>".contains(letter));
        let (url, further) = after.split_at_checked(end.unwrap_or(after.len())).unwrap_or((after, ""));
        let (url, query) = url.split_once('?').map_or((url, ""), |(url, _)| (url, "?<hidden>"));
        match url.split_once('@') {
            Some((_, host)) => out.extend(["<hidden>@", host, query]),
            None => out.extend([url, query]),
        }
        rest = further;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "route:\n  receiver: ops\nreceivers:\n- name: ops\n  slack_configs:\n  - channel: '#a'\n    title: x\n  webhook_configs:\n  - url: http://me:pw@hook/x?token=1\n- name: \"none\"\ntemplates: []\n";

    #[test]
    fn a_receivers_integrations_are_read_from_its_lines() {
        assert_eq!(integrations(CONFIG, "ops"), ["slack", "webhook"]);
        assert_eq!(integrations(CONFIG, "none"), [""; 0]);
        assert_eq!(integrations("", "ops"), [""; 0]);
    }

    #[test]
    fn urls_keep_host_and_path() {
        let hidden = hidden(CONFIG);
        assert!(hidden.contains("  - url: http://<hidden>@hook/x?<hidden>\n- name"), "{hidden}");
        assert_eq!(super::hidden("a: https://b/c\n"), "a: https://b/c\n");
    }
}
