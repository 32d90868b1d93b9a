//! Core modules in the text format, made into components: for what no compiler would write.

use std::{
    fs,
    path::{Path, PathBuf},
};

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::root;

/// Makes `tests/guests/attacks/wat/{name}.wat` into a component of world `service`.
pub(crate) fn core_component(name: &str) -> PathBuf {
    let mut module = wat::parse_str(module(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut contract = Resolve::default();
    let (package, _) = contract.push_dir(root().join("wit")).unwrap();
    let world = contract.select_world(&[package], Some("service")).unwrap();
    embed_component_metadata(&mut module, &contract, world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().module(&module).unwrap();
    let component = encoder.validate(true).encode().unwrap_or_else(|error| panic!("{name}: {error:?}"));
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.wasm"));
    fs::write(&file, component).unwrap();
    file
}

/// The guest's own parts and, for every export it lacks, the usual one.
fn module(name: &str) -> String {
    let folder = root().join("tests/guests/attacks/wat");
    let own = fs::read_to_string(folder.join(format!("{name}.wat"))).unwrap();
    let usual = fs::read_to_string(folder.join("usual.txt")).unwrap();
    let export = |block: &str| Some(block.split_once("(export \"")?.1.split_once('"')?.0.to_owned());
    let lacking = |block: &&str| export(block).is_none_or(|name| !own.contains(&format!("\"{name}\"")));
    let usual: Vec<&str> = usual.split("\n\n").filter(lacking).collect();
    format!("(module\n{}\n{own})", usual.join("\n"))
}
