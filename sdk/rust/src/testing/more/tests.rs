//! Prompts, resources, completions and questions, natively.

use serde_json::json;

use super::*;
use crate::prelude::*;
use crate::testing::{call_as, context};
use crate::{Entry, InputKind, Page, Root};

/// A shelf of books.
struct Shelf;

#[derive(Deserialize, JsonSchema)]
struct Review {
    /// Which book.
    book: String,
    /// How strict.
    #[serde(default)]
    tone: Option<Tone>,
}

#[derive(Deserialize, JsonSchema, Debug)]
#[serde(rename_all = "lowercase")]
enum Tone {
    Mild,
    Harsh,
}

#[derive(Deserialize)]
struct Book {
    name: String,
}

#[derive(Deserialize, JsonSchema, Debug, PartialEq)]
struct Sure {
    /// Whether to go on.
    yes: bool,
}

impl Service for Shelf {
    type Config = NoConfig;

    fn manifest() -> Manifest {
        Manifest::new("shelf", "1.0.0", "Shelf")
    }

    fn new(_: NoConfig) -> Result<Self, String> {
        Ok(Self)
    }

    fn tools(&self) -> Tools<Self> {
        Tools::new().add(Tool::new("burn", "Burns all books.", burn))
    }

    fn prompts(&self) -> Prompts<Self> {
        Prompts::new()
            .add(Prompt::new("review", "Reviews a book.", review).title("Review").complete("book", books))
    }

    fn resources(&self) -> Resources<Self> {
        Resources::new()
            .add(Resource::new("shelf://index", "Index", index).mime_type("text/plain"))
            .add(
                Resource::new("shelf://book/{name}", "A book", book)
                    .mime_type("text/html")
                    .complete("name", books),
            )
            .list(more)
    }
}

async fn review(_: &Shelf, Review { book, tone }: Review, _: &Call) -> Result<Messages> {
    Ok(Messages::user(format!("Review {book}, {:?}", tone.unwrap_or(Tone::Mild))))
}

async fn books(_: &Shelf, typed: &Completing, _: &Call) -> Result<Completion> {
    Ok(typed.matching(["Emma", "Evelina"]))
}

async fn index(_: &Shelf, _: NoArgs, _: &Call) -> Result<Contents> {
    Ok(Contents::text("Emma"))
}

async fn book(_: &Shelf, Book { name }: Book, _: &Call) -> Result<Contents> {
    Ok(Contents::blob(name))
}

async fn more(_: &Shelf, cursor: Option<&str>, _: &Call) -> Result<Page> {
    let next = cursor.is_none().then(|| "2".to_owned());
    Ok(Page { entries: vec![Entry::new("shelf://book/Emma", cursor.unwrap_or("1"))], next })
}

async fn burn(_: &Shelf, _: NoArgs, call: &Call) -> Result<Output> {
    Ok(match call.form::<Sure>("sure")? {
        Some(Reply::Accepted(Sure { yes: true })) => Output::text("gone"),
        Some(_) => Output::text("kept"),
        None => Output::ask(Ask::form::<Sure>("sure", "Burn all?").state(vec![1])),
    })
}

#[test]
fn a_prompt_takes_what_its_type_says() {
    let listed = prompts::<Shelf>(json!({})).unwrap();
    let argument = |name: &str, description: &str, required| PromptArgument {
        name: name.into(),
        description: description.into(),
        required,
    };
    assert_eq!(
        listed[0].arguments,
        [argument("book", "Which book.", true), argument("tone", "How strict.", false)]
    );
    let ask = |arguments: Value| prompt::<Shelf>(json!({}), &Mock::new(), "review", arguments, &context());
    let filled = ask(json!({ "book": "Emma", "tone": "harsh" })).unwrap();
    assert_eq!(filled.messages(), [(Role::User, Content::Text("Review Emma, Harsh".into()))]);
    assert_eq!(ask(json!({})).unwrap_err(), Error::invalid("", "missing field `book`"));
    let unknown = prompt::<Shelf>(json!({}), &Mock::new(), "nothing", json!({}), &context()).unwrap_err();
    assert_eq!(unknown, Error::not_found("this service has no prompt `nothing`"));
}

#[test]
fn resources_are_listed_and_read() {
    assert_eq!(templates::<Shelf>(json!({})).unwrap()[0].uri, "shelf://book/{name}");
    let list = |cursor| resources::<Shelf>(json!({}), &Mock::new(), cursor, &context()).unwrap();
    let names = |page: &Page| page.entries.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    let first = list(None);
    assert_eq!((names(&first), first.next.as_deref()), (vec!["Index".to_owned(), "1".to_owned()], Some("2")));
    let second = list(Some("2"));
    assert_eq!((names(&second), second.next), (vec!["2".to_owned()], None));
    let read = |uri: &str| read::<Shelf>(json!({}), &Mock::new(), uri, &context());
    let part = read("shelf://book/Emma").unwrap().parts()[0].clone();
    assert_eq!(part.uri.as_deref(), Some("shelf://book/Emma"));
    assert_eq!(part.mime_type.as_deref(), Some("text/html"));
    let missing = Error::not_found("there is no resource `shelf://nothing`");
    assert_eq!(read("shelf://nothing").unwrap_err(), missing);
}

#[test]
fn arguments_are_completed_where_there_is_a_completer() {
    let complete = |reference: Reference, argument: &str| {
        let typed = Completing { prefix: "Em".into(), ..Completing::default() };
        complete::<Shelf>(json!({}), &Mock::new(), &reference, argument, &typed, &context()).unwrap()
    };
    assert_eq!(complete(Reference::Prompt("review".into()), "book").values(), ["Emma"]);
    assert_eq!(complete(Reference::Prompt("review".into()), "tone").values(), [""; 0]);
    assert_eq!(complete(Reference::Template("shelf://book/{name}".into()), "name").values(), ["Emma"]);
    let many: Completion = (0..150).map(|n| n.to_string()).collect();
    let (values, total, more) = many.into_parts();
    assert_eq!((values.len(), total, more), (100, Some(150), true));
}

#[test]
fn a_call_asks_and_reads_the_answer() {
    let run = |call| call_as::<Shelf>(json!({}), &Mock::new(), "burn", json!({}), call);
    let asked = run(context()).unwrap().asked().unwrap().clone();
    assert_eq!((asked.requests[0].kind, asked.state), (InputKind::Elicitation, Some(vec![1])));
    assert_eq!(asked.requests[0].params["requestedSchema"]["properties"]["yes"]["type"], json!("boolean"));
    let said = |answer: Value| run(context().with_input("sure", answer)).map(|output| output.text_content());
    assert_eq!(said(json!({ "action": "accept", "content": { "yes": true } })).unwrap(), "gone");
    assert_eq!(said(json!({ "action": "decline" })).unwrap(), "kept");
    assert_eq!(said(json!({ "action": "cancel" })).unwrap(), "kept");
    let error = said(json!({ "action": "accept", "content": {} })).unwrap_err();
    assert_eq!(error, Error::failed("the answer `sure`: missing field `yes`"));
}

#[test]
fn several_are_asked_at_once() {
    let ask = Ask::model("m", "Hello?", 10).and(Ask::roots("r")).and(Ask::page(
        "p",
        "Sign in",
        "https://a.example",
    ));
    let kinds: Vec<_> = ask.requests.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, [InputKind::Sampling, InputKind::Roots, InputKind::Elicitation]);
    let text = json!({ "role": "assistant", "content": [{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }] });
    let call = context()
        .with_input("m", text)
        .with_input("r", json!({ "roots": [{ "uri": "file:///x", "name": "x" }] }));
    assert_eq!(call.model_text("m").unwrap(), "a\nb");
    assert_eq!(
        call.roots("r").unwrap(),
        Some(vec![Root { uri: "file:///x".into(), name: Some("x".into()) }])
    );
    assert_eq!((call.model_text("x"), call.roots("x").unwrap()), (None, None));
}
