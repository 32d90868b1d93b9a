//! Results, shaped.

use proptest::prelude::*;

use super::*;
use crate::config::results::Shape;

fn text(text: impl Into<String>) -> Content {
    Content::Text(text.into())
}

fn output(content: Vec<Content>, structured: Option<Value>) -> ToolOutput {
    ToolOutput { content, structured, meta: None }
}

/// Text and structured result alike, as most components answer.
fn both(value: Value) -> ToolOutput {
    output(vec![text(value.to_string())], Some(value))
}

fn select(path: &str) -> Shaping {
    Shape { select: Some(path.to_owned()), ..Shape::default() }.resolve("k").unwrap()
}

fn within(output: ToolOutput, bytes: u64) -> Shaped {
    shape(output, &Shaping::default(), ByteSize(bytes), None)
}

fn only_text(output: &ToolOutput) -> &str {
    match output.content.as_slice() {
        [Content::Text(text)] => text,
        other => panic!("{other:?}"),
    }
}

fn prometheus(series: u32) -> Value {
    let series = (0..series).map(|n| json!({"metric": {"i": n}, "value": [0, "1"]})).collect::<Vec<_>>();
    json!({"status": "success", "data": {"resultType": "vector", "result": series}})
}

#[test]
fn what_fits_is_left_alone() {
    let small = output(vec![text("a\u{1}b"), text("{\"x\": 1}")], None);
    assert_eq!(within(small.clone(), 1024), Shaped { output: small, cut_from: None });
}

#[test]
fn the_structured_result_is_repeated_once_and_without_blanks() {
    let value = json!({"a": [1, 2]});
    let pretty = format!("{value:#}");
    let shaped = within(output(vec![text("Two numbers:"), text(pretty)], Some(value.clone())), 4096);
    assert_eq!(
        shaped.output,
        output(vec![text("Two numbers:"), text(r#"{"a":[1,2]}"#)], Some(value.clone()))
    );
    // Older clients would see nothing.
    assert_eq!(within(output(vec![], Some(value.clone())), 4096).output, both(value.clone()));
    // The component's own words stand for it.
    let own = output(vec![text("one and two")], Some(value));
    assert_eq!(within(own.clone(), 4096).output, own);
}

#[test]
fn a_selected_part_is_all_that_is_passed_on() {
    let shaped = |path: &str| shape(both(prometheus(2)), &select(path), ByteSize::kib(4), None).output;
    assert_eq!(shaped("$.data.result[*].metric"), both(json!([{"i": 0}, {"i": 1}])));
    assert_eq!(shaped("$.data.resultType"), both(json!("vector")));
    assert_eq!(shaped("$.nothing[*]"), both(json!([])));
    assert_eq!(shaped("$.nothing"), both(json!(null)));
}

#[test]
fn a_text_that_is_json_is_selected_from_too() {
    let json = output(vec![text("note"), text(format!("{:#}", prometheus(1)))], None);
    let shaped = shape(json, &select("$.data.result[*].value[1]"), ByteSize::kib(4), None);
    assert_eq!(shaped.output, output(vec![text("note"), text(r#"["1"]"#)], None));
    let words = output(vec![text("no JSON")], None);
    assert_eq!(shape(words.clone(), &select("$.a"), ByteSize::kib(4), None).output, words);
}

#[test]
fn a_selection_that_breaks_the_schema_is_in_the_text_alone() {
    let shaped = shape(both(prometheus(1)), &select("$.status"), ByteSize::kib(4), Some(&Value::is_object));
    assert_eq!(shaped.output, output(vec![text("\"success\"")], None));
}

#[test]
fn large_json_loses_the_end_of_its_longest_list() {
    let large = prometheus(1000);
    let shaped = within(both(large.clone()), 4096);
    let structured = shaped.output.structured.clone().unwrap();
    assert_eq!(only_text(&shaped.output), structured.to_string());
    assert_eq!(structured["status"], "success");
    let result = structured["data"]["result"].as_array().unwrap();
    let shown = result.len() - 1;
    assert!(shown > 20, "{shown}");
    assert_eq!(result[..shown], large["data"]["result"].as_array().unwrap()[..shown]);
    let mark = json!({TRUNCATED: {"shown": shown, "of": 1000, "try": "a narrower query or a limit"}});
    assert_eq!(result[shown], mark);
    let size = 2 * large.to_string().len() + 32;
    assert_eq!(shaped.cut_from, Some(ByteSize(size as u64)));
    assert_eq!(shaped.output.meta.unwrap()[TRUNCATED]["of"], size);
}

#[test]
fn a_schema_is_kept_by_cutting_without_marks() {
    let numbers = |value: &Value| value["n"].as_array().is_some_and(|n| n.iter().all(Value::is_number));
    let large = both(json!({"n": (0..5000).collect::<Vec<_>>()}));
    let shaped = shape(large, &Shaping::default(), ByteSize::kib(2), Some(&numbers)).output;
    assert!(numbers(shaped.structured.as_ref().unwrap()));
    assert!(only_text(&shaped).contains(TRUNCATED));
}

#[test]
fn a_structured_result_that_cannot_keep_its_schema_is_dropped() {
    let long = |value: &Value| value["n"].as_array().is_some_and(|n| n.len() == 5000);
    let large = both(json!({"n": (0..5000).collect::<Vec<_>>()}));
    let shaped = shape(large, &Shaping::default(), ByteSize::kib(2), Some(&long)).output;
    assert_eq!(shaped.structured, None);
    let text: Value = serde_json::from_str(only_text(&shaped)).unwrap();
    assert!(text["n"].as_array().unwrap().len() > 200);
}

#[test]
fn large_text_is_cut_at_a_line_and_says_so() {
    let lines: String = (0..1000).map(|n| format!("line {n}\n")).collect();
    let shaped = within(output(vec![text(lines)], None), 1024).output;
    let shown = only_text(&shaped);
    let last = shown.lines().last().unwrap();
    let count = shown.lines().count() - 1;
    assert!(count > 40, "{count}");
    assert_eq!(
        last,
        format!("[cut: {count} of 1000 lines shown; ask for less, e.g. narrow the query or pass a limit]")
    );
    assert!(shown.lines().take(count).enumerate().all(|(n, line)| line == format!("line {n}")));
}

#[test]
fn one_long_line_is_cut_between_characters() {
    let shaped = within(output(vec![text("€".repeat(1000))], None), 1024).output;
    let (head, note) = only_text(&shaped).split_once('\n').unwrap();
    assert!(head.chars().all(|c| c == '€'));
    let bytes = head.len();
    assert_eq!(
        note,
        format!("[cut: {bytes} of 3000 bytes shown; ask for less, e.g. narrow the query or pass a limit]")
    );
}

#[test]
fn bytes_are_left_out_and_never_cut() {
    let image = Content::Image(Media { data: vec![0; 3000], mime_type: "image/png".into() });
    let shaped = within(output(vec![text("see:"), image], None), 1024).output;
    assert_eq!(shaped.content[0], text("see:"));
    let Content::Text(note) = &shaped.content[1] else { panic!() };
    assert!(note.starts_with("[left out: image/png, 4041 bytes where "), "{note}");
}

#[test]
fn too_many_parts_lose_the_last() {
    let shaped = within(output(vec![text("x"); 1000], None), 2048).output;
    let (note, parts) = shaped.content.split_last().unwrap();
    assert!(parts.len() > 40);
    let expected = format!(
        "[cut: {} of 1000 parts shown; ask for less, e.g. narrow the query or pass a limit]",
        parts.len()
    );
    assert_eq!(*note, text(expected));
}

#[test]
fn large_media_is_embedded() {
    let media = |bytes| Media { data: vec![7; bytes], mime_type: "image/png".into() };
    let shaped = |bytes| {
        let image = output(vec![Content::Image(media(bytes))], None);
        within(image, 10 << 20).output.content.remove(0)
    };
    assert_eq!(shaped(LARGE_MEDIA), Content::Image(media(LARGE_MEDIA)));
    let embedded = Content::Resource {
        uri: "bulkhead:result/0".into(),
        mime_type: Some("image/png".into()),
        body: ResourceBody::Blob(vec![7; LARGE_MEDIA + 1]),
    };
    assert_eq!(shaped(LARGE_MEDIA + 1), embedded);
}

#[test]
fn the_tools_own_size_goes_before_the_hosts() {
    let rules = Shaping { select: None, max_bytes: Some(ByteSize::kib(8)) };
    let shaped = shape(output(vec![text("x".repeat(5000))], None), &rules, ByteSize::kib(1), None);
    assert_eq!(shaped.cut_from, None);
}

fn any_content() -> impl Strategy<Value = Content> {
    let json = prune::tests::any_json;
    let media = (proptest::collection::vec(any::<u8>(), 0..600), "[a-z/]{0,300}")
        .prop_map(|(data, mime_type)| Media { data, mime_type });
    prop_oneof![
        any::<String>().prop_map(Content::Text),
        "([a-zäß ]{0,30}\n){0,60}".prop_map(Content::Text),
        json().prop_map(|value| text(format!("{value:#}"))),
        media.clone().prop_map(Content::Image),
        media.clone().prop_map(Content::Audio),
        ("[a-z:]{0,500}", any::<String>()).prop_map(|(uri, name)| Content::Link {
            uri,
            name,
            mime_type: None,
            description: None
        }),
        ("[a-z:]{0,500}", media).prop_map(|(uri, media)| Content::Resource {
            uri,
            mime_type: Some(media.mime_type),
            body: ResourceBody::Blob(media.data)
        }),
        ("[a-z:]{0,500}", "[a-z\n]{0,900}").prop_map(|(uri, text)| Content::Resource {
            uri,
            mime_type: None,
            body: ResourceBody::Text(text)
        }),
    ]
}

fn any_output() -> impl Strategy<Value = ToolOutput> {
    let structured = proptest::option::of(prune::tests::any_json());
    let meta = proptest::option::of(proptest::collection::btree_map("[a-z]{1,9}", "[a-z]{0,300}", 0..4));
    (proptest::collection::vec(any_content(), 0..12), structured, any::<bool>(), meta).prop_map(
        |(mut content, structured, repeated, meta)| {
            if let Some(value) = structured.as_ref().filter(|_| repeated) {
                content.push(text(value.to_string()));
            }
            let meta = meta.map(|meta| meta.into_iter().map(|(key, value)| (key, value.into())).collect());
            ToolOutput { content, structured, meta }
        },
    )
}

proptest! {
    #[test]
    fn what_is_shaped_fits_is_sound_and_stays(
        output in any_output(),
        limit in 0..8192_u64,
        schema in proptest::option::of(any::<bool>()),
    ) {
        let verdict = schema.map(|verdict| move |_: &Value| verdict);
        let conforms = verdict.as_ref().map(|verdict| verdict as Conforms<'_>);
        let once = shape(output.clone(), &Shaping::default(), ByteSize(limit), conforms);
        prop_assert!(size::output(&once.output) <= usize::try_from(limit).unwrap().max(LEAST));
        prop_assert!(output.content.is_empty() || !once.output.content.is_empty());
        for (before, after) in output.content.iter().zip(&once.output.content) {
            // What began as JSON is JSON still, unless another part is in its place.
            if let (Content::Text(before), Content::Text(after)) = (before, after)
                && json_text(before).is_some() && after.starts_with(['{', '[']) && !after.starts_with("[cut: ")
                && !after.starts_with("[left out: ")
            {
                prop_assert!(serde_json::from_str::<Value>(after).is_ok(), "{}", after);
            }
        }
        let twice = shape(once.output.clone(), &Shaping::default(), ByteSize(limit), conforms);
        prop_assert_eq!(twice.cut_from, None);
        prop_assert_eq!(twice.output, once.output);
    }
}
