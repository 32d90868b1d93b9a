//! Tools that prompts and instructions refer to: each caller reads the names it knows, and no line about a tool that
//! it may not use.

use serde_json::{Value, json};

use crate::support::{
    Client, Server, component, initialize,
    tenancy::{callers, shop},
};

/// A service of the `guide`, with further keys of it.
fn guide(rest: &str) -> String {
    format!("guide: {{ component: '{}', {rest} }}", component("guide").display())
}

/// A tenant with a guide and two shops, one of them with a tool of another name, and a tenant with another shop.
fn tenants(of_acme: &str, of_guide: &str) -> String {
    let renamed = shop("south", "s", None, "tools: { rename: { south_read: fetch } }");
    let shops = format!("{}, {renamed}", shop("north", "n", None, ""));
    let acme = format!("acme: {{ {of_acme} services: {{ {shops}, {} }} }}", guide(of_guide));
    let other = format!("other: {{ services: {{ {} }} }}", shop("elsewhere", "e", None, ""));
    format!("tenants: {{ {acme}, {other} }}\n")
}

fn serving<const N: usize>(rights: [&str; N], of_acme: &str, of_guide: &str) -> (Server, [Client; N]) {
    let ids: [String; N] = std::array::from_fn(|n| format!("caller-{n}"));
    let (auth, keys) = callers(std::array::from_fn(|n| (&*ids[n], "acme", rights[n])));
    let server = Server::start(&(auth + &tenants(of_acme, of_guide)));
    let clients = keys.map(|key| server.client_of(&key, "/mcp"));
    (server, clients)
}

/// The prompt, about something: its messages, each with who says it.
async fn prompt(client: &Client, what: &str) -> Vec<(String, String)> {
    let params = json!({ "name": "guide_look_into", "arguments": { "what": what } });
    let answer = client.rpc("prompts/get", params).await;
    assert_eq!(answer["result"]["description"], json!("Of {tool:find}."), "{answer}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let message = |message: &Value| (text(&message["role"]), text(&message["content"]["text"]));
    answer["result"]["messages"].as_array().unwrap().iter().map(message).collect()
}

fn says(role: &str, text: &str) -> (String, String) {
    (role.to_owned(), text.to_owned())
}

async fn instructions(client: &Client) -> Value {
    let answer: Value = serde_json::from_slice(client.post(&initialize("2025-06-18")).await.body()).unwrap();
    answer["result"]["instructions"].clone()
}

const WHOLE: &str = "Look into this:\nrust\n\
                     1. Find it: `guide_find`.\n\
                     2. Look at the shelf: `north_read` or `fetch`, and who asks: `north_who` or `south_who`.\n\
                     3. Repair it: `guide_fix`.\n\
                     4. Sum up.";

#[tokio::test(flavor = "multi_thread")]
async fn references_become_the_names_that_the_caller_knows() {
    let (server, [all]) = serving(["tools: ['*']"], "", "");
    let whole = [says("user", WHOLE), says("assistant", "Shall I use `guide_fix`?"), says("user", "Yes.")];
    assert_eq!(prompt(&all, "rust").await, whole);
    let told = "guide: Begin with `guide_find`.\nPrices: `north_price` or `south_price`.";
    assert_eq!(instructions(&all).await, json!(told));
    // What it refers to and does not have, its author hears of.
    server.logged(|entry| {
        entry["level"] == "DEBUG"
            && (&entry["service"], &entry["tool"]) == (&json!("guide"), &json!("nothing"))
    });
    // Nowhere else is anything put in the place of one.
    let listed = all.rpc("prompts/list", json!({})).await;
    assert_eq!(listed["result"]["prompts"][0]["description"], json!("Uses {tool:find}."));
    let listed = all.rpc("tools/list", json!({})).await["result"]["tools"].take();
    let find = listed.as_array().unwrap().iter().find(|tool| tool["name"] == "guide_find").unwrap();
    assert_eq!(find["description"], json!("Finds what {tool:fix} repairs."));
    assert_eq!(all.call("guide_find", json!({})).await["content"][0]["text"], json!("{tool:fix}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_about_a_tool_that_the_caller_may_not_use_is_left_out() {
    let (_server, [some, none]) = serving(
        ["tools: ['*'], deny_tools: [guide_fix, south_*, fetch]", "tools: [guide_look_into]"],
        "",
        "",
    );
    let steps = "Look into this:\nrust\n1. Find it: `guide_find`.\n\
                 2. Look at the shelf: `north_read`, and who asks: `north_who`.\n3. Sum up.";
    // Of the assistant's message nothing is left.
    assert_eq!(prompt(&some, "rust").await, [says("user", steps), says("user", "Yes.")]);
    assert_eq!(instructions(&some).await, json!("guide: Begin with `guide_find`.\nPrices: `north_price`."));
    let bare = "Look into this:\nrust\n1. Sum up.";
    assert_eq!(prompt(&none, "rust").await, [says("user", bare), says("user", "Yes.")]);
    assert_eq!(instructions(&none).await, Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_is_disabled_or_out_of_scope_is_not_named() {
    let (server, [all]) = serving(["tools: ['*']"], "", "tools: { disable: [guide_fix] }");
    assert!(!prompt(&all, "rust").await[0].1.contains("fix"));
    let own = "Look into this:\nrust\n1. Find it: `guide_find`.\n2. Sum up.";
    let scoped = all.at("/guide");
    assert_eq!(prompt(&scoped, "rust").await, [says("user", own), says("user", "Yes.")]);
    assert_eq!(instructions(&scoped).await, json!("guide: Begin with `guide_find`."));
    let narrowed = all.at("?tools=guide_look_into,guide_find,fetch,*_who");
    let shelf = "2. Look at the shelf: `fetch`, and who asks: `north_who` or `south_who`.\n";
    assert!(prompt(&narrowed, "rust").await[0].1.contains(shelf));
    // A tool that is disabled is there for its author.
    let log = server.log_until_now_of(&all).await;
    assert!(log.contains("that there is not") && !log.contains("\"tool\":\"fix\""), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_that_are_not_listed_one_by_one_are_named_all_the_same() {
    let (_server, [all]) = serving(["tools: ['*']"], "listing: search,", "");
    assert_eq!(prompt(&all, "rust").await[0], says("user", WHOLE));
    let told = instructions(&all).await;
    assert!(told.as_str().unwrap().contains("\nguide: Begin with `guide_find`.\n"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_in_an_argument_tells_only_what_the_caller_may_use() {
    let (_server, [all, few]) =
        serving(["tools: ['*']", "tools: [guide_look_into, guide_find, north_who]"], "", "");
    let asked = "{tool:find} {tool:shop/who}\n{tool:shop/write}\n{tool:elsewhere/who}";
    let first = async |client: &Client| prompt(client, asked).await.remove(0).1;
    let told = first(&all).await;
    assert!(told.starts_with(
        "Look into this:\n`guide_find` `north_who` or `south_who`\n`north_write` or `south_write`\n1. Find"
    ));
    assert!(!told.contains("elsewhere"), "{told}");
    let told = first(&few).await;
    assert_eq!(told, "Look into this:\n`guide_find` `north_who`\n1. Find it: `guide_find`.\n2. Sum up.");
}
