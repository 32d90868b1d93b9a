//! A double behind a gateway that serves it below a path: so a test shows that a base URL keeps its prefix.

use std::sync::Arc;

use crate::contract::Contract;
use crate::wire::{Double, Reply, Request};

struct Below {
    prefix: String,
    inner: Arc<dyn Double>,
    contract: Contract,
}

/// The double below this prefix, `/prefix`; what is asked without it, is no operation.
pub fn below(prefix: &str, inner: Arc<dyn Double>) -> Arc<dyn Double> {
    let contract = inner.contract().below(prefix);
    Arc::new(Below { prefix: prefix.to_owned(), inner, contract })
}

impl Double for Below {
    fn contract(&self) -> &Contract {
        &self.contract
    }

    fn answer(&self, request: &Request) -> Reply {
        let path = request.path.strip_prefix(&self.prefix).expect("the contract has no other").to_owned();
        self.inner.answer(&Request { path, ..request.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::serve;

    struct Echo(Contract);

    impl Double for Echo {
        fn contract(&self) -> &Contract {
            &self.0
        }
        fn answer(&self, request: &Request) -> Reply {
            Reply::text(200, &request.path)
        }
    }

    #[test]
    fn the_prefix_is_needed_and_the_double_does_not_see_it() {
        let table = "vendor up/openapi.yaml /api\nGET /api/items/{id}";
        let double = below("/prefix", Arc::new(Echo(Contract::parse(table))));
        let ask = |path: &str| serve(&*double, &Request::new("GET", path, Vec::new(), Vec::new()));
        assert_eq!(ask("/prefix/api/items/a"), Reply::text(200, "/api/items/a"));
        assert_eq!(
            ask("/api/items/a"),
            Reply::text(501, "not in the contract: there is no GET /api/items/a")
        );
        let [operation] = double.contract().operations() else { panic!("one operation") };
        assert_eq!(operation.vendor, Some(("up/openapi.yaml".to_owned(), "/prefix/api".to_owned())));
        assert_eq!(double.contract().unused(), [""; 0]);
    }
}
