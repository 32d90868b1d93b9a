//! The whole host from outside: the real binary, real guests, real clients. One binary, one file per
//! subject; the names say what is promised.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

mod access;
mod alertmanager;
mod audit;
mod auth;
mod canaries;
mod client;
mod clients;
mod command_line;
mod components;
mod contract;
mod crash;
mod credentials;
mod dev;
mod direct;
mod docs;
mod doctor;
mod drawn;
mod egress;
mod endurance;
mod examples;
mod explain;
mod front;
mod hostile;
mod http_sse;
mod kit;
mod kubeconfig;
mod languages;
mod limits;
mod listing;
mod live;
mod malformed;
mod matrix;
mod measuring;
mod names;
mod oauth2;
mod observe;
mod oidc;
mod openapi;
mod pins;
mod prometheus;
mod protocol;
mod references;
mod registry;
mod reuse;
mod sandbox;
mod sessions;
mod tasks;
mod tenants;
mod tidy;
mod tls;
mod tutorial;
mod versions;

#[test]
fn every_file_here_is_a_module() {
    let here = support::root().join("tests/all");
    let listed = include_str!("main.rs");
    for entry in std::fs::read_dir(here).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.strip_suffix(".rs").unwrap_or(&name);
        assert!(
            module == "main" || name.ends_with(".golden") || listed.contains(&format!("mod {module};")),
            "{name} is not in main.rs"
        );
    }
}
