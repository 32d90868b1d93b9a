//! Issues of a repository on a GitHub-like API: the example of the SDK. `issues-js` and `issues-python` do the same.

use bulkhead_sdk::list::Key;
use bulkhead_sdk::prelude::*;
use bulkhead_sdk::{
    Ask, Completing, Completion, Contents, InputKind, Messages, Prompt, Prompts, Reply, Request, Resource,
    Resources,
};

/// Where the issues are.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Config {
    /// The API's base URL.
    url: String,
    /// The repository: `owner/name`.
    #[schemars(regex(pattern = "^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$"))]
    repo: String,
}

/// A repository's issues, below `/repos/{owner}/{name}`.
#[derive(Debug)]
pub struct Issues {
    base: Base,
    repo: String,
    owner: String,
    name: String,
}

impl Issues {
    fn repository(&self) -> Request {
        self.base.get("/repos").segment(&self.owner).segment(&self.name)
    }

    fn issue(&self, number: &str) -> Request {
        self.repository().segment("issues").segment(number)
    }
}

/// An issue as the API has it, as far as it is used.
#[derive(Deserialize)]
struct Issue {
    number: u32,
    title: String,
    state: String,
    user: User,
    labels: Vec<Label>,
    comments: u32,
    body: Option<String>,
    html_url: String,
}

#[derive(Deserialize)]
struct User {
    login: String,
}

#[derive(Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
struct Comment {
    user: User,
    body: String,
}

#[derive(Serialize, JsonSchema)]
struct Summary {
    number: u32,
    title: String,
    state: String,
    author: String,
    labels: Vec<String>,
    comments: u32,
}

impl From<Issue> for Summary {
    fn from(issue: Issue) -> Self {
        Self {
            number: issue.number,
            title: issue.title,
            state: issue.state,
            author: issue.user.login,
            labels: issue.labels.into_iter().map(|label| label.name).collect(),
            comments: issue.comments,
        }
    }
}

#[derive(Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    #[default]
    Open,
    Closed,
    All,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::All => "all",
        }
    }
}

#[derive(Deserialize, JsonSchema)]
struct List {
    /// Which issues.
    #[serde(default)]
    state: State,
    /// Only issues with this label.
    label: Option<String>,
    /// At most so many.
    #[serde(default = "twenty")]
    #[schemars(range(min = 1, max = 100))]
    limit: u32,
    /// `next_cursor` of the previous answer.
    cursor: Option<String>,
}

fn twenty() -> u32 {
    20
}

#[derive(Serialize, JsonSchema)]
struct Listed {
    shown: u32,
    issues: Vec<Summary>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    next_cursor: Option<String>,
}

async fn list_issues(service: &Issues, args: List, _: &Call) -> Result<Output> {
    let key = Key::new("list_issues", &(args.state, &args.label))?;
    let page: u32 = match &args.cursor {
        Some(cursor) => key.word(cursor)?.parse().unwrap_or(1),
        None => 1,
    };
    let request = service.repository().segment("issues").query("state", args.state.name());
    let request = request.query_opt("labels", args.label).query("per_page", args.limit).query("page", page);
    let response = request.header("accept", "application/json").send().await?.ok()?;
    let issues: Vec<Issue> = response.json()?;
    let more = response.header("link").is_some_and(|link| link.contains("rel=\"next\""));
    Ok(Output::json(&Listed {
        shown: u32::try_from(issues.len()).unwrap_or(u32::MAX),
        issues: issues.into_iter().map(Summary::from).collect(),
        next_cursor: more.then(|| key.cursor((page + 1).to_string())),
    }))
}

#[derive(Deserialize, JsonSchema)]
struct Get {
    /// The issue's number.
    #[schemars(range(min = 1))]
    number: u32,
}

async fn get_issue(service: &Issues, args: Get, call: &Call) -> Result<Output> {
    call.progress(0.0, Some(2.0), Some("reading the issue and its comments"));
    let number = args.number.to_string();
    let comments = service.issue(&number).segment("comments").query("per_page", 100);
    let (issue, comments) =
        bulkhead_sdk::try_join!(service.issue(&number).json::<Issue>(), comments.json::<Vec<Comment>>(),)?;
    call.progress(2.0, Some(2.0), Some("read"));
    let comments: Vec<_> = comments
        .iter()
        .map(|comment| json!({ "author": comment.user.login, "body": comment.body }))
        .collect();
    let body = issue.body.clone().unwrap_or_default();
    Ok(Output::json(&json!({ "issue": Summary::from(issue), "body": body, "comments": comments })))
}

#[derive(Deserialize, JsonSchema)]
struct Create {
    /// Its title.
    #[schemars(length(min = 1, max = 256))]
    title: String,
    /// Its text, in Markdown.
    #[serde(default)]
    body: String,
    /// Its labels.
    #[serde(default)]
    #[schemars(length(max = 10))]
    labels: Vec<String>,
    /// Only say what would be created.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Deserialize, JsonSchema)]
struct Confirm {
    /// Create it.
    confirm: bool,
}

async fn create_issue(service: &Issues, args: Create, call: &Call) -> Result<Output> {
    let issue = json!({ "title": args.title, "body": args.body, "labels": args.labels });
    if args.dry_run {
        return Ok(Output::json(&json!({ "created": false, "would_create": issue })));
    }
    if !call.accepts(InputKind::Elicitation) {
        return Err(Error::denied(
            "an issue is created once the user has confirmed it, and this client cannot ask",
        ));
    }
    match call.form::<Confirm>("confirm")? {
        None => {
            let question = format!("Create the issue \"{}\" in {}?", args.title, service.repo);
            return Ok(Output::ask(Ask::form::<Confirm>("confirm", question)));
        }
        Some(Reply::Accepted(Confirm { confirm: true })) => {}
        Some(_) => {
            return Ok(Output::json(&json!({ "created": false, "because": "the user did not confirm" })));
        }
    }
    let request =
        service.base.post("/repos").segment(&service.owner).segment(&service.name).segment("issues");
    let created: Issue = request.json_body(&issue).json().await?;
    call.log_data(Level::Info, "issue created", &json!({ "number": created.number }));
    Ok(Output::json(&json!({ "created": true, "number": created.number, "url": created.html_url })))
}

#[derive(Deserialize, JsonSchema)]
struct Triage {
    /// Which issues.
    state: Option<State>,
}

async fn triage(service: &Issues, args: Triage, _: &Call) -> Result<Messages> {
    Ok(Messages::user(format!(
        "Triage the {} issues of {}.\n1. List them: {{tool:list_issues}}.\n2. Read each: {{tool:get_issue}}.",
        args.state.unwrap_or_default().name(),
        service.repo
    )))
}

async fn states(_: &Issues, typed: &Completing, _: &Call) -> Result<Completion> {
    Ok(typed.matching([State::Open, State::Closed, State::All].map(State::name)))
}

#[derive(Deserialize)]
struct Number {
    number: String,
}

async fn issue_text(service: &Issues, args: Number, _: &Call) -> Result<Contents> {
    let issue: Issue = service.issue(&args.number).json().await?;
    Ok(Contents::text(format!("# {}\n\n{}", issue.title, issue.body.unwrap_or_default())))
}

impl Service for Issues {
    type Config = Config;

    fn manifest() -> Manifest {
        Manifest::new("issues", env!("CARGO_PKG_VERSION"), "Issues")
            .description("Reads and creates issues of one repository.")
            .instructions("Look with {tool:list_issues} before you create an issue.")
            .egress("{config.url}/repos/**", &["GET"], "to read issues and comments")
            .egress("{config.url}/repos/**", &["POST"], "to create issues")
    }

    fn new(config: Config) -> Result<Self, String> {
        let wrong = || "config.repo: expected `owner/name`".to_owned();
        let (owner, name) = config.repo.split_once('/').ok_or_else(wrong)?;
        if owner.is_empty() || name.is_empty() || name.contains('/') {
            return Err(wrong());
        }
        let base = Base::new(&config.url).map_err(|why| format!("config.url: {why}"))?;
        Ok(Self { base, owner: owner.to_owned(), name: name.to_owned(), repo: config.repo })
    }

    async fn health(&self) -> Result<String, String> {
        self.repository().json::<serde_json::Value>().await.map_err(|error| error.to_string())?;
        Ok(format!("{} can be read", self.repo))
    }

    fn tools(&self) -> Tools<Self> {
        let list = "Lists issues, newest first: number, title, state, author, labels and how many comments.";
        let get = "Gives one issue with its text and its comments.";
        let create =
            "Creates an issue, once the user has confirmed it. `dry_run` shows what would be created.";
        Tools::new()
            .add(Tool::new("list_issues", list, list_issues).read_only().open_world().output::<Listed>())
            .add(Tool::new("get_issue", get, get_issue).read_only().open_world())
            .add(Tool::new("create_issue", create, create_issue).open_world().tag("write"))
    }

    fn prompts(&self) -> Prompts<Self> {
        let triage = Prompt::new("triage", "Goes through issues and says what to do with each.", triage);
        Prompts::new().add(triage.title("Triage issues").complete("state", states))
    }

    fn resources(&self) -> Resources<Self> {
        let issue = Resource::new("issues://{number}", "issue", issue_text);
        Resources::new().add(issue.description("The text of an issue.").mime_type("text/markdown"))
    }
}

bulkhead_sdk::register!(Issues, prompts, resources, completions);
