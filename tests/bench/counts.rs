//! Counts every stage under callgrind, by way of the harness, and compares the counts with what is kept.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio, exit},
};

use serde_json::Value;

use crate::{
    ready::TIMES,
    verdict::{Counts, compare, read, written},
};

/// Says that this process is the harness's own.
const HARNESS: &str = "BENCH_HARNESS";

/// Whether this process is the harness, or runs one stage for it. Its stages have no environment.
pub(crate) fn is_harness() -> bool {
    std::env::var_os(HARNESS).is_some() || std::env::args().any(|argument| argument == "--gungraun-run")
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/bench/instructions.txt")
}

/// Ends the process with an error when a stage takes more than it may.
pub(crate) fn check() {
    let counted = count();
    if std::env::var_os("UPDATE_INSTRUCTIONS").is_some() {
        std::fs::write(file(), written(&counted)).unwrap();
        return println!("written to tests/bench/instructions.txt");
    }
    let kept = read(&std::fs::read_to_string(file()).unwrap()).unwrap_or_else(|why| {
        eprintln!("tests/bench/instructions.txt: {why}");
        exit(1)
    });
    let (table, wrong) = compare(&kept, &counted);
    println!("{:20} {:>10} {:>10}\n{table}", "stage", "counted", "kept");
    if !wrong.is_empty() {
        eprintln!("{}", wrong.join("\n"));
        eprintln!(
            "if that is meant: UPDATE_INSTRUCTIONS=1 make instructions, and commit tests/bench/instructions.txt"
        );
        exit(1);
    }
}

/// Of one run of each stage.
fn count() -> Counts {
    let harness = Command::new(std::env::current_exe().unwrap())
        .args(std::env::args_os().skip(1))
        .args(["--output-format=json", "--nosummary"])
        .env(HARNESS, "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = harness.wait_with_output().unwrap();
    if !output.status.success() {
        eprintln!("the harness failed: {}", output.status);
        exit(1);
    }
    let stages = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    stages
        .map(|stage| {
            let stage = stage.unwrap();
            let name = stage["function_name"].as_str().unwrap().to_owned();
            (name, instructions(&stage) / TIMES as u64)
        })
        .collect()
}

/// What callgrind counted, in the harness's summary of a stage.
fn instructions(stage: &Value) -> u64 {
    let count = &stage["profiles"][0]["data"]["total"]["metrics"]["Ir"]["values"]["new"];
    count.as_u64().unwrap_or_else(|| panic!("the harness's summary has another form: {stage:#}"))
}
