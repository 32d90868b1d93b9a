//! The issuers of tokens: whether their keys can be had, and how long those are good.

use std::time::SystemTime;

use bulkhead::call::Host;

use super::{clock::Clock, configuration::until, finding::Findings, upstreams::mend};

const AREA: &str = "issuers";

pub(super) async fn look(host: &Host, clocks: &mut Vec<Clock>, findings: &mut Findings) {
    for issuer in host.auth().issuers() {
        let name = issuer.issuer();
        match issuer.probe().await {
            Err(why) => {
                let hint = if why.contains("not a public address") {
                    "allow it: `auth.jwt[].network: { allow_addresses: […] }`"
                } else {
                    mend(&why)
                };
                findings.wrong(AREA, format!("{name}: {why}"), hint);
                continue;
            }
            Ok(seen) => {
                if let Some(end) = seen.certificate_until {
                    until(
                        AREA,
                        &format!("the certificate of {name}"),
                        end,
                        "whoever runs it has to renew it",
                        findings,
                    );
                }
                clocks.extend(seen.clock.map(|theirs| Clock {
                    whose: name.to_owned(),
                    theirs,
                    ours: SystemTime::now(),
                }));
            }
        }
        match issuer.keys().await {
            Err(why) => findings.wrong(
                AREA,
                format!("{name}: {why}"),
                "`issuer` must be what its tokens say; `jwks_url` or `discovery` say where else its keys are",
            ),
            Ok((0, _)) => findings.wrong(
                AREA,
                format!("{name} publishes no key that signs tokens"),
                "its keys must be RSA, EC or Ed25519, for signatures",
            ),
            Ok((keys, end)) => {
                findings.well(AREA, format!("{name} publishes keys: {keys}"));
                if let Some(end) = end {
                    until(
                        AREA,
                        &format!("a key of {name}, by its certificate,"),
                        end,
                        "the issuer has to publish another",
                        findings,
                    );
                }
            }
        }
    }
}
