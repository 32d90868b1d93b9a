"""Issues of a repository on a GitHub-like API: the example of the SDK. `issues-rust` and `issues-js` do the same."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from bulkhead_sdk import Base, Call, Completing, Denied, Egress, Key, Length, Manifest, Pattern, Range, Service, http, path


@dataclass
class Config:
    url: Annotated[str, "The API's base URL."]
    repo: Annotated[str, "The repository: `owner/name`.", Pattern("^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")]


class Issues:
    """A repository's issues, below `/repos/{owner}/{name}`."""

    def __init__(self, config: Config):
        owner, _, name = config.repo.partition("/")
        if not owner or not name or "/" in name:
            raise ValueError("config.repo: expected `owner/name`")
        self.repo = config.repo
        self.repository = Base(config.url, "config.url").below(path("/repos/{}/{}", owner, name))


service = Service(
    Manifest(
        name="issues",
        version="0.1.0",
        title="Issues",
        description="Reads and creates issues of one repository.",
        instructions="Look with {tool:list_issues} before you create an issue.",
        egress=[
            Egress("{config.url}/repos/**", ["GET"], "to read issues and comments"),
            Egress("{config.url}/repos/**", ["POST"], "to create issues"),
        ],
    ),
    config=Config,
    setup=Issues,
)

State = Literal["open", "closed", "all"]
Count = Annotated[int, Range(min=0)]


@dataclass
class Summary:
    number: Count
    title: str
    state: str
    author: str
    labels: list[str]
    comments: Count


def summary(issue: dict[str, Any]) -> Summary:
    labels = [label["name"] for label in issue["labels"]]
    return Summary(
        issue["number"], issue["title"], issue["state"], issue["user"]["login"], labels, issue["comments"]
    )


@dataclass
class Listed:
    shown: Count
    issues: list[Summary]
    next_cursor: str | None = None


@service.tool(read_only=True, open_world=True)
def list_issues(
    issues: Issues,
    state: Annotated[State, "Which issues."] = "open",
    label: Annotated[str | None, "Only issues with this label."] = None,
    limit: Annotated[int, "At most so many.", Range(1, 100)] = 20,
    cursor: Annotated[str | None, "`next_cursor` of the previous answer."] = None,
) -> Listed:
    """Lists issues, newest first: number, title, state, author, labels and how many comments."""
    key = Key("list_issues", [state, label])
    page = 1 if cursor is None else int(key.place(cursor))
    params = {"state": state, "labels": label, "per_page": limit, "page": page}
    response = issues.repository.get("/issues", params=params).raise_for_status()
    found = [summary(issue) for issue in response.json()]
    more = 'rel="next"' in response.headers.get("link", "")
    return Listed(len(found), found, key.cursor(str(page + 1)) if more else None)


@service.tool(read_only=True, open_world=True)
def get_issue(issues: Issues, number: Annotated[int, "The issue's number.", Range(min=1)], call: Call):
    """Gives one issue with its text and its comments."""
    call.progress(0, 2, "reading the issue and its comments")
    issue, comments = http.gather(
        issues.repository.request("GET", path("/issues/{}", number)),
        issues.repository.request("GET", path("/issues/{}/comments", number), params={"per_page": 100}),
    )
    issue = issue.raise_for_status().json()
    said = comments.raise_for_status().json()
    call.progress(2, 2, "read")
    said = [{"author": comment["user"]["login"], "body": comment["body"]} for comment in said]
    return {"issue": summary(issue), "body": issue["body"] or "", "comments": said}


@dataclass
class Confirm:
    confirm: Annotated[bool, "Create it."]


@service.tool(open_world=True, tags=["write"])
def create_issue(
    issues: Issues,
    call: Call,
    title: Annotated[str, "Its title.", Length(1, 256)],
    body: Annotated[str, "Its text, in Markdown."] = "",
    labels: Annotated[list[str], "Its labels.", Length(max=10)] = (),
    dry_run: Annotated[bool, "Only say what would be created."] = False,
):
    """Creates an issue, once the user has confirmed it. `dry_run` shows what would be created."""
    issue = {"title": title, "body": body, "labels": list(labels)}
    if dry_run:
        return {"created": False, "would_create": issue}
    if "elicitation" not in call.accepts:
        raise Denied("an issue is created once the user has confirmed it, and this client cannot ask")
    reply = call.ask("confirm", f'Create the issue "{title}" in {issues.repo}?', Confirm)
    if reply.action != "accept" or not reply.value.confirm:
        return {"created": False, "because": "the user did not confirm"}
    created = issues.repository.post("/issues", json=issue).raise_for_status().json()
    call.log("info", "issue created", {"number": created["number"]})
    return {"created": True, "number": created["number"], "url": created["html_url"]}


@service.prompt(title="Triage issues")
def triage(issues: Issues, state: Annotated[State | None, "Which issues."] = None) -> str:
    """Goes through issues and says what to do with each."""
    return (
        f"Triage the {state or 'open'} issues of {issues.repo}.\n"
        "1. List them: {tool:list_issues}.\n2. Read each: {tool:get_issue}."
    )


@service.complete("triage", "state")
def states(issues: Issues, typed: Completing, call: Call) -> list[str]:
    return [state for state in get_args(State) if state.startswith(typed.prefix)]


@service.resource("issues://{number}", name="issue", mime_type="text/markdown")
def issue_text(issues: Issues, number: str) -> str:
    """The text of an issue."""
    issue = issues.repository.get(path("/issues/{}", number)).raise_for_status().json()
    return f"# {issue['title']}\n\n{issue['body'] or ''}"


@service.health
def health(issues: Issues) -> str:
    issues.repository.get("").raise_for_status()
    return f"{issues.repo} can be read"
