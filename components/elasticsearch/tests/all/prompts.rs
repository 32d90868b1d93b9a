//! Prompts, with references that the host replaces, and completions.

use bulkhead_sdk::dispatch::Reference;
use bulkhead_sdk::testing::PromptInfo;
use double_kit::prompts;

use super::*;

fn text(prompt: &str, arguments: Value) -> String {
    prompts::text::<Elasticsearch>(&config(), prompt, arguments)
}

fn references(text: &str) -> Vec<&str> {
    prompts::steps::<Elasticsearch>(&config(), text)
}

#[test]
fn prompts_say_what_they_take() {
    let all = testing::prompts::<Elasticsearch>(config()).unwrap();
    let takes = |info: &PromptInfo| -> Vec<(String, bool)> {
        info.arguments.iter().map(|argument| (argument.name.clone(), argument.required)).collect()
    };
    assert_eq!(
        all.iter().map(|info| info.name.as_str()).collect::<Vec<_>>(),
        ["cluster_diagnosis", "log_investigation"]
    );
    let named = |names: &[(&str, bool)]| {
        names.iter().map(|(name, needed)| ((*name).to_owned(), *needed)).collect::<Vec<_>>()
    };
    assert_eq!(takes(&all[0]), named(&[("index", false), ("symptom", false)]));
    assert_eq!(
        takes(&all[1]),
        named(&[("field", false), ("index", false), ("problem", true), ("since", false)])
    );
}

#[test]
fn each_step_names_tools_of_its_own_line() {
    let words = text("cluster_diagnosis", json!({ "symptom": "searches are slow", "index": "logs-*" }));
    assert!(words.starts_with(
        "Find out what is wrong with the Elasticsearch cluster. What was noticed: searches are slow.\n1. "
    ));
    assert_eq!(references(&words), ["diagnose", "shards", "indices", "cluster", "cluster"]);
    assert!(words.contains(
        "\n2. For shards that are unassigned or on the wrong node, call {tool:shards} with `index: logs-*`.\n"
    ));
    let words = text("log_investigation", json!({ "problem": "payments fail", "field": "service.name" }));
    assert!(words.starts_with("Find out from the logs in `logs-app` what went wrong: payments fail\n1. "));
    assert_eq!(references(&words), ["mappings", "log_spikes", "search", "search", "esql", "search"]);
    assert!(words.contains("`by: [\"service.name\"]`") && words.contains("`from: -1h`"));
}

/// What is suggested for an argument after this was typed.
fn completed(of: &Reference, argument: &str, prefix: &str, settled: &Value) -> Vec<String> {
    prompts::completed::<Elasticsearch>(&config(), &upstream(&troubled()), of, argument, prefix, settled)
}

#[test]
fn indices_and_data_streams_complete() {
    let of_prompt = Reference::Prompt("cluster_diagnosis".to_owned());
    let of_resource = Reference::Template("es:///indices/{index}/mapping".to_owned());
    let none: [&str; 0] = [];
    for of in [of_prompt, of_resource, Reference::Prompt("log_investigation".to_owned())] {
        assert_eq!(
            completed(&of, "index", "", &json!({})),
            ["logs-app", "orders-2024", "orders-2026", "payments"]
        );
        assert_eq!(completed(&of, "index", "lo", &json!({})), ["logs-app"]);
        for bad in ["_cl", "a,b", "a*", "zzz"] {
            assert_eq!(completed(&of, "index", bad, &json!({})), none, "{bad}");
        }
    }
}

#[test]
fn fields_complete_of_the_index_that_is_settled() {
    let of = Reference::Prompt("log_investigation".to_owned());
    assert_eq!(completed(&of, "field", "ser", &json!({})), ["service.name"]);
    assert_eq!(completed(&of, "field", "", &json!({ "index": "payments" })), ["id"]);
}
