"""Owns testing a service natively, through the path the component's exports take.

    mock = Mock().on("GET", "/v1/forecast?q=Oslo", 200, {"high": 4})
    output = call(service, {"url": "http://up"}, mock, "forecast", {"city": "Oslo"})
    assert output.structured == {"high": 4}
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

from ._dispatch import Refused, Running
from ._host import Failure, Incoming, Level, Outgoing, state
from .ask import Ask
from .call import Call
from .errors import Failed, ServiceError
from .output import Output
from .service import Completing, Message, Page, Part, Service

T = TypeVar("T")


@dataclass
class Sent:
    """A request the call sent."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Mock:
    """The host of a test: answers requests by script, keeps the clock, and writes down what the call did."""

    #: The time of day; it moves on as the call sleeps.
    at: datetime = datetime.fromtimestamp(0, UTC)
    #: How many seconds a call has.
    deadline: float = 30.0
    #: The client goes away once the call has slept so many seconds.
    cancel_after: float = float("inf")
    requests: list[Sent] = field(default_factory=list)
    progressed: list[tuple[float, float | None, str | None]] = field(default_factory=list)
    logs: list[tuple[Level, str, Any]] = field(default_factory=list)
    #: Seconds that calls slept in all.
    slept: float = 0.0
    _script: dict[Any, list[Incoming | Failure]] = field(default_factory=dict)

    def on(self, method: str, target: str, status: int, body: Any, headers: dict[str, str] | None = None) -> Mock:
        """Answers a request: "/path?a=1&b=2" on any host, or a whole URL; the order of the query does not matter. Said
        again for the same request, it is the next answer; the last one repeats. A body that is no string is JSON."""
        text = body if isinstance(body, str) else json.dumps(body)
        return self._add(method, target, Incoming(status, list((headers or {}).items()), text.encode()))

    def deny(self, method: str, target: str) -> Mock:
        """Refuses a request as the host's egress rules would."""
        return self._add(method, target, Failure("denied"))

    def unreachable(self, method: str, target: str, why: str) -> Mock:
        """Does not connect, and why: "connection refused"."""
        return self._add(method, target, Failure("unreachable", why))

    def hang(self, method: str, target: str) -> Mock:
        """Never answers: the request runs into its timeout."""
        return self._add(method, target, Failure("timeout"))

    def _add(self, method: str, target: str, answer: Incoming | Failure) -> Mock:
        self._script.setdefault(_spelled(method, target), []).append(answer)
        return self

    def progress(self, done: float, total: float | None, message: str | None) -> None:
        self.progressed.append((done, total, message))

    def log(self, level: Level, message: str, data: str | None) -> None:
        self.logs.append((level, message, None if data is None else json.loads(data)))

    def cancelled(self) -> bool:
        return self.slept >= self.cancel_after

    def now(self) -> float:
        return self.slept

    def wall(self) -> datetime:
        return self.at + timedelta(seconds=self.slept)

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def send(self, requests: list[Outgoing]) -> list[Incoming | Failure]:
        return [self._answer(request) for request in requests]

    def _answer(self, request: Outgoing) -> Incoming | Failure:
        url = request.url.geturl()
        self.requests.append(Sent(request.method, url, dict(request.headers), request.body))
        below = request.url._replace(scheme="", netloc="").geturl()
        for target in (url, below):
            if answers := self._script.get(_spelled(request.method, target)):
                answer = answers.pop(0) if len(answers) > 1 else answers[0]
                if isinstance(answer, Failure):
                    self.slept += request.time if answer.why == "timeout" else 0
                elif len(answer.body) > request.limit:
                    return Failure("too-large")
                return answer
        raise AssertionError(f"the test has no answer for {request.method} {url}; add it with `on`")


def _spelled(method: str, target: str) -> Any:
    """A request, so that two spellings of it are equal."""
    parts = urlsplit(target)
    return method, parts.scheme, parts.netloc, parts.path, tuple(sorted(parse_qsl(parts.query, True)))


def _alone(mock: Mock, service: Service[Any], config: Any, run: Callable[[Running], T]) -> T:
    before, state.host = state.host, mock
    try:
        try:
            running = Running(service, json.dumps(config or {}))
        except (Refused, ServiceError, ValueError) as error:
            raise Failed(str(error)) from error
        return run(running)
    finally:
        state.host = before


def _call(mock: Mock, given: dict[str, Any]) -> Call:
    usual = {"id": "call-1", "tenant": "tenant", "caller": "caller", "deadline": mock.deadline}
    return Call(**(usual | given))


def attempt(
    service: Service[Any], config: Any, mock: Mock, tool: str, arguments: Any = None, **given: Any
) -> Output | Ask:
    """Calls a tool: its output, or what it asks. `given` are members of the `Call`: inputs, state, accepts."""

    def run(running: Running) -> Output | Ask:
        plan = next((one.plan for one in service.tools if one.name == tool), None)
        return running.call_tool(tool, json.dumps(arguments or {}), _call(mock, {"plan": plan} | given))

    return _alone(mock, service, config, run)


def call(service: Service[Any], config: Any, mock: Mock, tool: str, arguments: Any = None, **given: Any) -> Output:
    """Calls a tool that is to end; a question is an error."""
    output = attempt(service, config, mock, tool, arguments, **given)
    if isinstance(output, Ask):
        raise AssertionError(f"the call asks `{output.questions[0].key}`; use `attempt`")
    return output


def prompt(
    service: Service[Any], config: Any, mock: Mock, name: str, arguments: Any = None, **given: Any
) -> list[Message] | Ask:
    """Fills a prompt in."""
    text = json.dumps(arguments or {})
    return _alone(mock, service, config, lambda running: running.get_prompt(name, text, _call(mock, given)))


def read(service: Service[Any], config: Any, mock: Mock, uri: str, **given: Any) -> list[Part] | Ask:
    """Reads a resource."""
    return _alone(mock, service, config, lambda running: running.read_resource(uri, _call(mock, given)))


def resources(service: Service[Any], config: Any, mock: Mock, cursor: str | None = None) -> Page:
    """Lists a page of resources."""
    return _alone(mock, service, config, lambda running: running.list_resources(cursor, _call(mock, {})))


def complete(
    service: Service[Any], config: Any, mock: Mock, of: str, argument: str, typed: Completing
) -> tuple[list[str], int, bool]:
    """Completes an argument of the prompt of that name, or of the resource of that URI."""
    return _alone(mock, service, config, lambda running: running.complete(of, argument, typed, _call(mock, {})))


def health(service: Service[Any], config: Any, mock: Mock) -> str:
    """Asks the service whether its upstream answers."""
    return _alone(mock, service, config, lambda running: running.health())


def check(service: Service[Any]) -> list[str]:
    """All about the service that breaks a rule of the contract; empty if all is well."""
    manifest, problems = service.manifest, []
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,31}", manifest.name):
        problems.append(f"manifest name `{manifest.name}` is not [a-z][a-z0-9-]*, at most 32 characters")
    if not manifest.version or not manifest.title:
        problems.append("the manifest needs a version and a title")
    if not manifest.description:
        problems.append("the manifest has no description")
    for egress in manifest.egress:
        if not egress.methods:
            problems.append(f"egress `{egress.url}` names no method")
        if "?" in egress.url or "#" in egress.url:
            problems.append(f"egress `{egress.url}` has a query or a fragment; patterns end with the path")
    seen: set[str] = set()
    for tool in service.tools:
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,47}", tool.name):
            problems.append(f"tool name `{tool.name}` is not [a-z][a-z0-9_]*, at most 48 characters")
        if tool.name in seen:
            problems.append(f"two tools are called `{tool.name}`")
        seen.add(tool.name)
        if not tool.description.strip():
            problems.append(f"tool `{tool.name}` has no description")
        if tool.read_only and tool.destructive:
            problems.append(f"tool `{tool.name}` is both read-only and destructive")
        if len(tool.plan or b"") > 64 * 1024:
            problems.append(f"the plan of `{tool.name}` is larger than 64 KiB")
    return problems
