//! The component's exports: the chosen guest behind the contract's functions.

use std::cell::OnceCell;

use serde_json::{Value, json};

use crate::{
    bindings::{
        bulkhead::service::types::{
            CallContext, EgressRequest, Manifest, Outcome, ServiceError, Tool, ToolCall,
        },
        exports::bulkhead::service::{lifecycle, tools},
    },
    guest::{Guest, Input},
    guests,
};

struct Honest;

impl Guest for Honest {}

macro_rules! choice {
    ($($name:ident,)*) => {
        /// The guest of this name.
        fn choose(name: &str) -> Option<&'static dyn Guest> {
            match name {
                "honest" => Some(&Honest),
                $(stringify!($name) => Some(&guests::$name::Attack),)*
                _ => None,
            }
        }
    };
}
guests!(choice);

struct Chosen {
    guest: &'static dyn Guest,
    config: Value,
}

std::thread_local! {
    static CHOSEN: OnceCell<&'static Chosen> = const { OnceCell::new() };
}

fn chosen() -> &'static Chosen {
    CHOSEN.with(|chosen| *chosen.get().unwrap())
}

/// What is exported.
pub struct Component;

impl lifecycle::Guest for Component {
    /// There is no config yet, so all guests share one manifest.
    fn describe() -> Manifest {
        let methods = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"];
        Manifest {
            name: "attacks".to_owned(),
            version: "0.1.0".to_owned(),
            title: "Attacks".to_owned(),
            description: "Does what a guest must not.".to_owned(),
            instructions: None,
            config_schema: json!({ "type": "object" }).to_string(),
            egress: vec![EgressRequest {
                url: "{config.url}/allowed/**".to_owned(),
                methods: methods.map(str::to_owned).to_vec(),
                reason: "to try what else goes through".to_owned(),
            }],
        }
    }

    fn initialize(config: String) -> Result<(), String> {
        let config: Value = serde_json::from_str(&config).unwrap();
        let name = config["guest"].as_str().unwrap_or("honest");
        let guest = choose(name).ok_or_else(|| format!("there is no guest `{name}`"))?;
        guest.initialize(&config)?;
        let made: &'static Chosen = Box::leak(Box::new(Chosen { guest, config }));
        CHOSEN.with(|chosen| chosen.set(made)).map_err(|_| "initialize was called twice".to_owned())
    }

    fn health_check() -> Result<String, String> {
        chosen().guest.health_check()
    }
}

impl tools::Guest for Component {
    fn list_tools() -> Result<Vec<Tool>, ServiceError> {
        chosen().guest.list_tools()
    }

    fn call_tool(context: CallContext, call: ToolCall) -> Result<Outcome, ServiceError> {
        let arguments = serde_json::from_str(&call.arguments)
            .map_err(|error| ServiceError::InvalidArguments(error.to_string()))?;
        let Chosen { guest, config } = chosen();
        guest.call_tool(&Input { config, arguments: &arguments, context: &context, call: &call })
    }
}

#[cfg(target_family = "wasm")]
#[expect(unsafe_code, reason = "the exports of a component are raw symbols")]
mod symbols {
    crate::bindings::export!(Component with_types_in crate::bindings);
    use super::Component;
}
