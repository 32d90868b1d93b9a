//! Tasks: whose, how long, how large.

use serde_json::{Map, json};

use super::*;
use crate::{
    ask::{InputKind, Question},
    auth::tests::caller,
    request::ToolOutput,
};

fn begun(tasks: &Arc<Tasks>, sealer: &Sealer, caller: &Caller) -> (String, Arc<Task>) {
    begun_with(tasks, sealer, caller, Map::new())
}

fn begun_with(
    tasks: &Arc<Tasks>,
    sealer: &Sealer,
    caller: &Caller,
    arguments: Map<String, Value>,
) -> (String, Arc<Task>) {
    let repeat = Repeat {
        scope: Scope::all(),
        operation: Operation::CallTool { name: "t".into(), arguments },
        accepts: Accepts::default(),
        traceparent: None,
        via: Via::default(),
    };
    let seat = tasks.seat(caller).unwrap();
    tasks.begin(sealer, caller, seat, tasks.stopper(), repeat).unwrap()
}

fn roots() -> Inquiry {
    let question = Question { key: "roots".into(), kind: InputKind::Roots, params: Map::new() };
    Inquiry { questions: vec![question], state: "sealed".into() }
}

fn reason(task: &Task) -> &'static str {
    match task.now().stage {
        Stage::Working => "working",
        Stage::Asking(_) => "asking",
        Stage::Cancelled => "cancelled",
        Stage::Ended(end) => end.1.as_ref().map_or_else(CallError::reason, |_| "ok"),
    }
}

#[tokio::test]
async fn a_task_is_its_callers_until_it_is_over() {
    let sealer = Sealer::new(&[]).unwrap();
    let tasks = Tasks::new(Limits { per_caller: 1, total: 2, ..Limits::default() });
    let (alice, bob, eve) = (caller("acme", "alice"), caller("acme", "bob"), caller("globex", "alice"));
    let (handle, task) = begun(&tasks, &sealer, &alice);
    assert!(tasks.find(&sealer, &alice, &handle).is_some());
    assert!([&bob, &eve].iter().all(|other| tasks.find(&sealer, other, &handle).is_none()));
    assert_eq!(tasks.seat(&alice).unwrap_err(), Full::One);
    let _bobs = tasks.seat(&bob).unwrap();
    assert_eq!(tasks.seat(&eve).unwrap_err(), Full::All);
    let now = Instant::now();
    assert!(!task.is_over(now + Limits::default().ttl)); // it runs
    task.end(CallId::new(), Ok(Outcome::Tool(ToolOutput::default())));
    assert!(!task.is_over(now) && task.is_over(Instant::now() + Limits::default().ttl));
    // What has ended stays so.
    task.cancel();
    task.ask(CallId::new(), roots());
    assert!(reason(&task) == "ok" && task.repeat().is_none());
    assert!(task.now().ttl >= Limits::default().ttl);
}

#[tokio::test]
async fn what_nobody_answers_ends_and_nothing_lives_for_ever() {
    let sealer = Sealer::new(&[]).unwrap();
    let tasks = Tasks::new(Limits::default());
    let (_, asking) = begun(&tasks, &sealer, &caller("acme", "alice"));
    asking.ask(CallId::new(), roots());
    assert!(!asking.is_over(Instant::now()) && reason(&asking) == "asking");
    asking.is_over(Instant::now() + PATIENCE);
    assert_eq!(reason(&asking), "bad_answer");
    let (_, running) = begun(&tasks, &sealer, &caller("acme", "alice"));
    assert!(running.is_over(Instant::now() + LIFE));
    assert!(running.stop.is_cancelled() && reason(&running) == "cancelled");
}

#[tokio::test]
async fn the_last_answer_is_taken_once() {
    let sealer = Sealer::new(&[]).unwrap();
    let (_, task) = begun(&Tasks::new(Limits::default()), &sealer, &caller("acme", "alice"));
    task.ask(CallId::new(), roots());
    let answer = || BTreeMap::from([("roots".to_owned(), json!({ "roots": [] }))]);
    assert!(task.answer(BTreeMap::from([("roots".to_owned(), json!(1))])).is_err());
    let (_, answers) = task.answer(answer()).unwrap().unwrap();
    assert_eq!(answers, Answers { state: "sealed".into(), responses: answer() });
    assert!(task.answer(answer()).unwrap().is_none());
    assert_eq!(reason(&task), "working");
}

#[tokio::test]
async fn what_waits_for_answers_is_small() {
    let sealer = Sealer::new(&[]).unwrap();
    let (tasks, alice) = (Tasks::new(Limits::default()), caller("acme", "alice"));
    let large = || Value::from("x".repeat(KEPT));
    let (_, task) = begun_with(&tasks, &sealer, &alice, Map::from_iter([("a".to_owned(), large())]));
    task.ask(CallId::new(), roots());
    assert_eq!(reason(&task), "failed");

    let (_, task) = begun(&tasks, &sealer, &alice);
    let mut inquiry = roots();
    inquiry.questions.push(Question { key: "more".into(), ..inquiry.questions[0].clone() });
    task.ask(CallId::new(), inquiry);
    let many = || json!({ "roots": [{ "uri": large() }] });
    let error = task.answer(BTreeMap::from([("roots".to_owned(), many())])).unwrap_err();
    assert_eq!(
        error.to_string(),
        "inputResponses: without the others at most 256 KiB are kept; give all at once"
    );
    let both = BTreeMap::from([("roots".to_owned(), many()), ("more".to_owned(), json!({ "roots": [] }))]);
    assert!(task.answer(both).unwrap().is_some());
}
