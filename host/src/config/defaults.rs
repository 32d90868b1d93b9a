//! What the file's `defaults` give to tenants and services that do not say otherwise. Mappings are merged key by key;
//! a list or a value that is given replaces the default.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    kubernetes::Kubernetes,
    limits::CallLimits,
    raw::{Defaults, Limits, ListingLimits, Network, Service, Tools, Trip},
    signatures::OfService,
};

/// Takes what is not given from `self`.
trait Over {
    fn over(self, default: &Self) -> Self;
}

impl<T: Clone> Over for Option<T> {
    fn over(self, default: &Self) -> Self {
        self.or_else(|| default.clone())
    }
}

impl<T: Clone> Over for Vec<T> {
    fn over(self, default: &Self) -> Self {
        if self.is_empty() { default.clone() } else { self }
    }
}

impl<T: Clone> Over for BTreeMap<String, T> {
    fn over(self, default: &Self) -> Self {
        let mut merged = default.clone();
        merged.extend(self);
        merged
    }
}

impl Over for Value {
    fn over(self, default: &Self) -> Self {
        match (self, default) {
            (Self::Null, default) => default.clone(),
            (Self::Object(given), Self::Object(default)) => {
                let mut merged = default.clone();
                merged.extend(given);
                Self::Object(merged)
            }
            (given, _) => given,
        }
    }
}

/// A mapping: each of its keys over the default's. A key that is missing here does not compile.
macro_rules! over {
    ($mapping:ident: $($key:ident)*) => {
        impl Over for $mapping {
            fn over(self, default: &Self) -> Self {
                Self { $($key: self.$key.over(&default.$key)),* }
            }
        }
    };
}

over!(Service: component signatures kubernetes config credentials egress network files limits quarantine refresh tools);
over!(OfService: required by r#as);
over!(Kubernetes: kubeconfig context in_cluster service_account insecure_skip_tls_verify);
over!(Network: allow_addresses tls circuit_breaker);
over!(Trip: failures backoff max_backoff);
over!(Tools: disable rename describe fix defaults limits shape);
over!(ListingLimits: memory deadline cpu log_bytes);
over!(CallLimits: calls_per_second burst concurrent_calls calls_per_day);
over!(Limits: memory deadline cpu fuel concurrent_calls calls_per_second burst calls_per_day result_bytes log_bytes listing handles
    requests_per_call concurrent_requests requests_per_second request_bytes response_bytes header_bytes connect_timeout
    first_byte_timeout between_bytes_timeout retries);

impl Defaults {
    /// The service `name` as a tenant wrote it, with what it left out.
    pub(super) fn complete(&self, name: &str, service: Service) -> Service {
        let service = match self.services.get(name) {
            Some(named) => service.over(named),
            None => service,
        };
        service.over(&self.service)
    }

    /// A tenant's limits, with what it left out.
    pub(super) fn limits(&self, given: CallLimits) -> CallLimits {
        given.over(&self.limits)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use crate::config::{Config, load::parse, resolve::resolve};

    fn resolved(text: &str) -> Config {
        resolve(parse(text).unwrap(), Path::new("/nowhere")).unwrap()
    }

    #[test]
    fn what_is_given_goes_over_the_services_default_and_that_over_the_general_one() {
        let config = resolved(
            "defaults:
  limits: { concurrent_calls: 7 }
  service: { limits: { memory: 1MiB, cpu: 1s, retries: 0 } }
  services:
    utilities: { limits: { cpu: 2s, deadline: 9s }, config: { a: 1, b: 1 }, tools: { disable: [x] } }
tenants:
  acme:
    services:
      utilities: { limits: { deadline: 3s }, config: { b: 2 } }
",
        );
        let tenant = &config.tenants[0];
        assert_eq!(tenant.calls.concurrent_calls.map(u32::from), Some(7));
        let service = &tenant.services[0];
        assert_eq!(service.config, json!({ "a": 1, "b": 2 }));
        assert!(service.overrides.check_names(&["y"]).unwrap_err().contains("`x`"));
        assert_eq!(service.caps.retries, 0);
        let limits = service.limits;
        let seconds = (limits.cpu.as_secs(), limits.deadline.as_secs());
        assert_eq!((limits.memory, seconds), (bytesize::ByteSize::mib(1), (2, 3)));
    }

    #[test]
    fn a_default_for_a_service_makes_none() {
        let config = resolved("defaults: { services: { utilities: {} } }\ntenants: { acme: {} }\n");
        assert!(config.tenants[0].services.is_empty());
    }
}
