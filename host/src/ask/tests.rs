//! What comes back of a question, and what does not.

use serde_json::json;

use super::*;
use crate::auth::tests::caller;

fn talk(caller: &Caller) -> Conversation {
    Conversation { caller: caller.clone(), request: "r".into(), component: "c".into() }
}

fn form(key: &str) -> Question {
    let schema = json!({
        "type": "object", "required": ["name"],
        "properties": { "name": { "type": "string", "maxLength": 8 } },
    });
    let params = json!({ "message": "Who?", "requestedSchema": schema });
    Question { key: key.into(), kind: InputKind::Elicitation, params: params.as_object().unwrap().clone() }
}

fn asked(questions: Vec<Question>) -> Asked {
    Asked { questions, state: Some(b"half way".to_vec()) }
}

fn everything() -> Accepts {
    Accepts { form: true, url: true, sampling: true, roots: true, tasks: false }
}

fn pose(asked: Asked) -> Result<Posed, CallError> {
    talk(&caller("acme", "alice")).pose(asked, &Inputs::default(), everything())
}

fn answer(state: &str, key: &str, answer: Value) -> Answers {
    Answers { state: state.into(), responses: [(key.to_owned(), answer)].into() }
}

#[test]
fn what_was_asked_comes_back_once() {
    let (sealer, alice) = (Sealer::new(&[]).unwrap(), caller("acme", "alice"));
    let inquiry = pose(asked(vec![form("who")])).unwrap().seal(&sealer).unwrap();
    let accepted = json!({ "action": "accept", "content": { "name": "Ann" } });
    let back = answer(&inquiry.state, "who", accepted.clone());
    let inputs = talk(&alice).resume(&sealer, back.clone()).unwrap();
    assert_eq!(inputs.answers, [("who".to_owned(), accepted.to_string())]);
    assert_eq!((inputs.state.as_deref(), inputs.round), (Some(&b"half way"[..]), 1));
    let again = talk(&alice).resume(&sealer, back).unwrap_err();
    assert_eq!(
        again.to_string(),
        "requestState: is unknown, outdated or used already; call again without it"
    );
}

#[test]
fn a_state_is_for_its_caller_its_request_and_its_component() {
    let (sealer, alice) = (Sealer::new(&[]).unwrap(), caller("acme", "alice"));
    let inquiry = pose(asked(vec![form("who")])).unwrap().seal(&sealer).unwrap();
    let back = answer(&inquiry.state, "who", json!({ "action": "decline" }));
    let why = |talk: Conversation| talk.resume(&sealer, back.clone()).unwrap_err().to_string();
    assert!(why(talk(&caller("acme", "bob"))).contains("unknown, outdated or used"));
    assert!(why(talk(&caller("evil", "alice"))).contains("unknown, outdated or used"));
    assert!(why(Conversation { request: "s".into(), ..talk(&alice) }).contains("is of another request"));
    assert!(why(Conversation { component: "d".into(), ..talk(&alice) }).contains("the service was replaced"));
    // None of that has used it up.
    assert!(talk(&alice).resume(&sealer, back).is_ok());
}

#[test]
fn answers_are_checked_against_what_was_asked() {
    let (sealer, alice) = (Sealer::new(&[]).unwrap(), caller("acme", "alice"));
    let ask =
        |kind, params: Value| Question { key: "q".into(), kind, params: params.as_object().unwrap().clone() };
    let page =
        ask(InputKind::Elicitation, json!({ "mode": "url", "url": "https://a.example", "message": "" }));
    let cases = [
        (form("q"), json!(1), "inputResponses.q: is not an object"),
        (
            form("q"),
            json!({ "action": "yes" }),
            "inputResponses.q: action: is not `accept`, `decline` or `cancel`",
        ),
        (form("q"), json!({ "action": "accept" }), "inputResponses.q: content: is not an object"),
        (
            form("q"),
            json!({ "action": "accept", "content": { "name": "far too long" } }),
            "inputResponses.q: content.name: value is longer than 8 characters",
        ),
        (
            form("q"),
            json!({ "action": "accept", "content": {} }),
            "inputResponses.q: content: \"name\" is a required property",
        ),
        (
            ask(InputKind::Sampling, json!({})),
            json!({}),
            "inputResponses.q: role: is not `assistant` or `user`",
        ),
        (
            ask(InputKind::Sampling, json!({})),
            json!({ "role": "assistant", "content": "text" }),
            "inputResponses.q: content: is not a message's",
        ),
        (ask(InputKind::Roots, json!({})), json!({}), "inputResponses.q: roots: is not an array"),
        (
            ask(InputKind::Roots, json!({})),
            json!({ "roots": [{}] }),
            "inputResponses.q: roots: one has no `uri`",
        ),
    ];
    for (question, given, why) in cases {
        let inquiry = pose(asked(vec![question])).unwrap().seal(&sealer).unwrap();
        let error = talk(&alice).resume(&sealer, answer(&inquiry.state, "q", given)).unwrap_err();
        assert_eq!(error.to_string(), why);
        assert_eq!(error.reason(), "bad_answer");
    }
    for (question, given) in [
        (page, json!({ "action": "accept" })),
        (form("q"), json!({ "action": "cancel" })),
        (
            ask(InputKind::Sampling, json!({})),
            json!({ "role": "assistant", "model": "m", "content": { "type": "text", "text": "t" } }),
        ),
        (ask(InputKind::Roots, json!({})), json!({ "roots": [{ "uri": "file:///a" }] })),
    ] {
        let inquiry = pose(asked(vec![question])).unwrap().seal(&sealer).unwrap();
        let inputs = talk(&alice).resume(&sealer, answer(&inquiry.state, "q", given)).unwrap();
        assert_eq!(inputs.answers.len(), 1);
    }
}

#[test]
fn answers_to_what_was_not_asked_are_left_out() {
    let (sealer, alice) = (Sealer::new(&[]).unwrap(), caller("acme", "alice"));
    let inquiry = pose(asked(vec![form("who")])).unwrap().seal(&sealer).unwrap();
    let inputs = talk(&alice).resume(&sealer, answer(&inquiry.state, "else", json!(1))).unwrap();
    assert_eq!(inputs.answers, []);
}

#[test]
fn oversize_answers_are_refused() {
    let (sealer, alice) = (Sealer::new(&[]).unwrap(), caller("acme", "alice"));
    let inquiry = pose(asked(vec![form("who")])).unwrap().seal(&sealer).unwrap();
    let large = json!({ "action": "decline", "content": "x".repeat(ANSWERED) });
    let error = talk(&alice).resume(&sealer, answer(&inquiry.state, "who", large)).unwrap_err();
    assert_eq!(error.to_string(), "inputResponses.who: the answers are larger than 1024 KiB");
}

#[test]
fn a_guest_asks_within_bounds() {
    let why = |asked: Asked| pose(asked).unwrap_err().to_string();
    assert!(why(asked(vec![])).contains("0 questions; 1 to 16 at once"));
    assert!(why(asked((0..17).map(|n| form(&n.to_string())).collect())).contains("17 questions"));
    assert!(why(asked(vec![form("a"), form("a")])).contains("a key of its own"));
    assert!(why(asked(vec![form(&"a".repeat(65))])).contains("at most 64 characters"));
    assert!(
        why(Asked { questions: vec![form("a")], state: Some(vec![0; ASKED]) }).contains("more than 64 KiB")
    );
    let mut bad = form("a");
    bad.params.insert("requestedSchema".into(), json!({ "$ref": "https://elsewhere.example" }));
    assert!(why(asked(vec![bad])).contains("the form of `a`: `$ref` must begin with `#`"));
    // The largest that may be asked still fits a handle.
    let most = Asked { questions: vec![form("a")], state: Some(vec![0; ASKED - 1000]) };
    assert!(pose(most).unwrap().seal(&Sealer::new(&[]).unwrap()).is_ok());
}

#[test]
fn a_guest_that_asks_for_ever_is_stopped() {
    let alice = caller("acme", "alice");
    let ask = |round| {
        let before = Inputs { round, ..Inputs::default() };
        talk(&alice).pose(asked(vec![form("who")]), &before, everything())
    };
    assert!(ask(MOST_ROUNDS - 1).is_ok());
    let error = ask(MOST_ROUNDS).unwrap_err().to_string();
    assert_eq!(error, "the integration asked the user more than 8 times in one call");
}

#[test]
fn a_client_is_asked_only_what_it_declared() {
    let ask = |question: Question, accepts| {
        let posed = talk(&caller("acme", "alice")).pose(asked(vec![question]), &Inputs::default(), accepts);
        match posed {
            Ok(_) => None,
            Err(CallError::InputUnavailable(lacking)) => Some(lacking),
            Err(other) => panic!("{other}"),
        }
    };
    let (none, forms) = (Accepts::default(), Accepts { form: true, ..Accepts::default() });
    assert_eq!(ask(form("a"), forms), None);
    assert_eq!(ask(form("a"), none), Some(forms));
    let mut page = form("a");
    page.params.insert("mode".into(), "url".into());
    assert_eq!(ask(page, forms), Some(Accepts { url: true, ..none }));
    let kinds: Vec<_> = Accepts { url: true, roots: true, ..none }.kinds().collect();
    assert_eq!(kinds, [InputKind::Elicitation, InputKind::Roots]);
}
