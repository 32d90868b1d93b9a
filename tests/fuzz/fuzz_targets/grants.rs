//! What a service may send. Lines of `ask METHODS URL` (the manifest), `config JSON`, `rule METHODS URL KEYS`
//! (the operator's egress block; `-` for what is left out) and `send METHOD URL`. Nothing is sent that the
//! manifest does not ask for, that the operator's rules do not allow, or to a host the operator did not write.
#![no_main]

use bulkhead::{
    config::{EgressRule, service::method},
    egress::{pattern::UrlPattern, target::Target},
    grant::{EgressRequest, Grant},
};
use bulkhead_fuzz::{Sent, means, text};
use serde_json::Value;

/// A rule of the operator, as written.
struct Own<'a> {
    methods: Option<Vec<&'a str>>,
    url: Option<&'a str>,
    keys: Option<Vec<&'a str>>,
}

impl<'a> Own<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let mut words = line.split(' ');
        let mut word = || words.next().filter(|word| !matches!(*word, "" | "-"));
        let (methods, url, keys) = (word(), word(), word());
        let list = |word: &'a str| word.split(',').collect();
        Some(Self { methods: methods.map(list), url, keys: keys.map(list) })
    }

    fn rule(&self) -> Option<EgressRule> {
        let methods = self.methods.iter().flatten().map(|m| method(m)).collect::<Result<Vec<_>, _>>().ok()?;
        let url = self.url.map(str::parse::<UrlPattern>).transpose().ok()?;
        let query = self.keys.as_ref().map(|keys| keys.iter().map(|key| (*key).to_owned()).collect());
        Some(EgressRule { url, methods: self.methods.as_ref().map(|_| methods), query, cookies: Vec::new() })
    }

    fn allows(&self, method: &str, sent: &Sent<'_>) -> bool {
        let known =
            |keys: &Vec<&str>| sent.keys().iter().all(|key| keys.iter().any(|own| own.as_bytes() == key));
        self.methods.as_ref().is_none_or(|methods| methods.contains(&method))
            && self.url.is_none_or(|url| means(url, sent))
            && self.keys.as_ref().is_none_or(known)
    }
}

/// The values of the config that a URL of the manifest starts with, and what follows them.
fn values<'a>(url: &'a str, config: &'a Value) -> Option<(Vec<&'a str>, &'a str)> {
    let (key, rest) = url.strip_prefix("{config.")?.split_once('}')?;
    let value = key.split('.').try_fold(config, |value, part| value.get(part));
    let values = match value {
        Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(value)) => vec![value.as_str()],
        _ => Vec::new(),
    };
    Some((values, rest))
}

/// Whether the manifest asks for a request, and the operator's config names the host.
fn asks(asked: &EgressRequest, config: &Value, method: &str, sent: &Sent<'_>) -> (bool, bool) {
    if !asked.methods.iter().any(|own| own == method) {
        return (false, false);
    }
    let Some((values, rest)) = values(&asked.url, config) else { return (means(&asked.url, sent), false) };
    let within = values.iter().filter(|base| {
        let base = base.trim().trim_end_matches('/');
        means(&format!("{base}{rest}"), sent)
    });
    let within: Vec<_> = within.collect();
    // The operator's words alone say which host that is, and where below it.
    for base in &within {
        let base = base.trim().trim_end_matches('/');
        let alone = base.parse::<UrlPattern>().is_ok() && means(&format!("{base}/**"), sent);
        assert!(alone, "`{base}` was turned into a grant for {sent:?} by `{}`", asked.url);
    }
    (!within.is_empty(), !within.is_empty())
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some(text) = text(data) else { return };
    let (mut asked, mut config, mut own, mut requests) = (Vec::new(), Value::Null, None, Vec::new());
    for line in text.lines().take(32) {
        match line.split_once(' ') {
            Some(("ask", rest)) => {
                let Some((methods, url)) = rest.split_once(' ') else { continue };
                let methods = methods.split(',').map(str::to_owned).collect();
                asked.push(EgressRequest { url: url.to_owned(), methods, reason: String::new() });
            }
            Some(("config", rest)) => config = serde_json::from_str(rest).unwrap_or_default(),
            Some(("rule", rest)) => own.get_or_insert_with(Vec::new).extend(Own::read(rest)),
            Some(("send", rest)) => requests.extend(rest.split_once(' ')),
            // An empty block: nothing is allowed.
            None if line == "rule" => drop(own.get_or_insert_with(Vec::new)),
            _ => {}
        }
    }
    let rules = own.as_ref().map(|own| own.iter().map(Own::rule).collect::<Option<Vec<_>>>());
    let rules = match rules {
        Some(None) => return,
        Some(Some(rules)) => Some(rules),
        None => None,
    };
    let grant = match Grant::new(&asked, &config, rules.as_deref()) {
        Ok(grant) => grant,
        Err(error) => return assert!(!error.trim().is_empty()),
    };

    for (verb, url) in requests {
        let (Ok(http), Ok(target)) = (method(verb), Target::parse(url)) else { continue };
        let sent = Sent::read(target.url().as_str()).unwrap_or_else(|| panic!("{url}"));
        let wanted: Vec<_> = asked.iter().map(|asked| asks(asked, &config, verb, &sent)).collect();
        let allowed = grant.check(&http, &target);
        match allowed {
            Ok(rule) => {
                assert!(rule.methods.contains(&http) && grant.rules().contains(rule), "{rule}");
                assert!(wanted.iter().any(|(asked, _)| *asked), "{verb} {url} was not asked for");
                let written = own.iter().flatten().any(|own| own.url.is_some());
                assert!(wanted.iter().any(|(_, named)| *named) || written, "nobody named {url}");
                let own = own.as_ref().is_none_or(|own| own.iter().any(|own| own.allows(verb, &sent)));
                assert!(own, "{verb} {url} is beyond the egress block");
            }
            Err(_) => {
                let implied = own.is_none() && wanted.iter().any(|(_, named)| *named);
                assert!(!implied, "{verb} {url} should be allowed by the config");
            }
        }
    }
});
