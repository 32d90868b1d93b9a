"""Owns what an author writes: the service with its manifest, tools, prompts and resources."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from .ask import Ask
from .call import Call
from .schema import Field, fields, object_schema, schema

S = TypeVar("S")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Egress:
    """Requests the service wants to be able to send: `{config.url}/api/**` where the operator names the host."""

    url: str
    methods: list[str]
    reason: str


@dataclass(frozen=True)
class Manifest:
    """What a component is, and the most it will ever ask for."""

    name: str
    version: str
    title: str
    description: str
    #: What a model should know before it uses these tools together. May refer to tools: `{tool:query}`.
    instructions: str | None = None
    egress: list[Egress] = field(default_factory=list)


@dataclass
class Handler:
    """A function of the author, and what its signature says."""

    run: Callable[..., Any]
    members: dict[str, Field]
    takes_call: str | None

    @classmethod
    def of(cls, run: Callable[..., Any]) -> Handler:
        hints = typing.get_type_hints(run, include_extras=True)
        members: dict[str, Field] = {}
        takes_call = None
        for name, parameter in list(inspect.signature(run).parameters.items())[1:]:
            if hints.get(name) is Call:
                takes_call = name
            elif name not in hints:
                raise TypeError(f"{run.__name__}: the parameter `{name}` needs a type")
            else:
                required = parameter.default is inspect.Parameter.empty
                members[name] = Field(hints[name], required, None if required else parameter.default)
        return cls(run, members, takes_call)

    def __call__(self, service: Any, call: Call, arguments: dict[str, Any]) -> Any:
        if self.takes_call is not None:
            arguments = {**arguments, self.takes_call: call}
        return self.run(service, **arguments)

    def schema(self) -> dict[str, Any]:
        return object_schema(self.members, closed=True)


@dataclass
class Tool:
    name: str
    description: str
    handler: Handler
    title: str | None
    read_only: bool
    destructive: bool
    idempotent: bool
    open_world: bool
    tags: list[str]
    cache: float | None
    plan: bytes | None
    meta: dict[str, Any] | None

    def output(self) -> dict[str, Any] | None:
        """The schema of a result whose type says it."""
        returned = typing.get_type_hints(self.handler.run, include_extras=True).get("return")
        return schema(returned) if fields(returned) is not None else None


@dataclass
class Prompt:
    name: str
    description: str
    handler: Handler
    title: str | None
    completers: dict[str, Callable[..., Any]] = field(default_factory=dict)


@dataclass
class Resource:
    """A resource; with a `{…}` in its URI, a template of them."""

    uri: str
    name: str
    handler: Handler
    title: str | None
    description: str | None
    mime_type: str | None
    completers: dict[str, Callable[..., Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A resource as it is listed."""

    uri: str
    name: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    size: int | None = None


@dataclass(frozen=True)
class Page:
    """A page of resources; `next` leads to the one after."""

    entries: list[Entry]
    next: str | None = None


@dataclass(frozen=True)
class Part:
    """A part of a resource; its URI and media type are the resource's unless said."""

    body: str | bytes
    uri: str | None = None
    mime_type: str | None = None


@dataclass(frozen=True)
class Message:
    """A message of a prompt, by "user" or "assistant"."""

    role: str
    text: str


@dataclass(frozen=True)
class Completing:
    """What a user has typed so far, and the arguments already settled."""

    prefix: str
    settled: dict[str, str]


@dataclass(frozen=True)
class Completion:
    """Values for an argument, best first, and how many there are in all, if that is known."""

    values: list[str]
    total: int | None = None


class Service(Generic[S]):
    """All of a service. `setup` makes what handlers get first from the config (a dataclass): each call gets a fresh one.

    What `setup` raises refuses the config: name the key, and say how to mend it.
    """

    def __init__(self, manifest: Manifest, *, config: type | None = None, setup: Callable[..., S]):
        self.manifest = manifest
        self.config = config
        self.setup = setup
        self.tools: list[Tool] = []
        self.prompts: list[Prompt] = []
        self.resources: list[Resource] = []
        self.checks: Callable[[S], str] | None = None
        self.lister: Callable[..., Page] | None = None

    def tool(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        title: str | None = None,
        read_only: bool = False,
        destructive: bool = False,
        idempotent: bool = False,
        open_world: bool = False,
        tags: list[str] | None = None,
        cache: float | None = None,
        plan: bytes | None = None,
        meta: dict[str, Any] | None = None,
    ) -> Callable[[F], F]:
        """A tool. Its docstring is what the model reads; its parameters after the service are its arguments, but for
        one that is a `Call`. A returned string is text, an `Output` or `Ask` what it says, anything else data; a
        dataclass as the return type is published. `cache` is in seconds."""

        def add(run: F) -> F:
            self.tools.append(Tool(
                name or run.__name__, description or _doc(run), Handler.of(run), title, read_only, destructive,
                idempotent, open_world, tags or [], cache, plan, meta,
            ))
            return run

        return add

    def reads(self, title: str, *, tags: Sequence[str] = (), **more: Any) -> Callable[[F], F]:
        """A tool that only reads an upstream, which most tools do: `read_only`, `idempotent`, `open_world`, tagged
        `read`, so that operators can grant reading alone. `more` is as for `tool`."""
        return self.tool(
            title=title, read_only=True, idempotent=True, open_world=True, tags=["read", *tags], **more
        )

    def writes(self, title: str, *, tags: Sequence[str] = (), **more: Any) -> Callable[[F], F]:
        """A tool that changes an upstream: `open_world`, tagged `write`. Say `destructive` if it may overwrite or
        delete, and `idempotent` if the same call twice changes no more than once. `more` is as for `tool`."""
        return self.tool(title=title, open_world=True, tags=["write", *tags], **more)

    def prompt(self, *, name: str | None = None, title: str | None = None) -> Callable[[F], F]:
        """A prompt. Returns a string (one message of the user), a list of `Message`, or an `Ask`."""

        def add(run: F) -> F:
            self.prompts.append(Prompt(name or run.__name__, _doc(run), Handler.of(run), title))
            return run

        return add

    def resource(
        self, uri: str, *, name: str | None = None, title: str | None = None, mime_type: str | None = None
    ) -> Callable[[F], F]:
        """A resource; its parameters are the variables of its URI. Returns a string, bytes, a list of `Part`, or an
        `Ask`."""

        def add(run: F) -> F:
            own = name or run.__name__
            self.resources.append(Resource(uri, own, Handler.of(run), title, _doc(run) or None, mime_type))
            return run

        return add

    def complete(self, of: str, argument: str) -> Callable[[F], F]:
        """Suggests values of an argument, of the prompt of that name or the resource of that URI:
        `f(service, typed: Completing, call)` gives strings or a `Completion`."""

        def add(run: F) -> F:
            owners: list[Any] = [one for one in self.prompts if one.name == of]
            owners += [one for one in self.resources if one.uri == of]
            if not owners:
                raise ValueError(f"complete: there is no prompt or resource `{of}` yet")
            owners[0].completers[argument] = run
            return run

        return add

    def health(self, run: Callable[[S], str]) -> Callable[[S], str]:
        """Asks the upstream whether it answers: gives a short sentence, or raises."""
        self.checks = run
        return run

    def list_resources(self, run: Callable[[S, str | None, Call], Page]) -> Callable[[S, str | None, Call], Page]:
        """Lists resources beside the fixed ones."""
        self.lister = run
        return run

    def extras(self) -> list[str]:
        """The interfaces it has beside its tools."""
        has = {
            "prompts": bool(self.prompts),
            "resources": bool(self.resources) or self.lister is not None,
            "completions": any(one.completers for one in [*self.prompts, *self.resources]),
        }
        return [name for name, there in has.items() if there]


def _doc(run: Callable[..., Any]) -> str:
    """A docstring, its paragraphs on one line each."""
    paragraphs = (inspect.getdoc(run) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


__all__ = [
    "Ask", "Completing", "Completion", "Egress", "Entry", "Manifest", "Message", "Page", "Part", "Service",
]
