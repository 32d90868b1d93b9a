"""Owns the path from an export to the service.

The component's exports and `testing` both go through here, so tests run what runs in the sandbox.
"""

from __future__ import annotations

import json
from typing import Any

from ._host import state
from ._template import has_variables, variables
from .ask import Ask
from .call import Call
from .errors import InvalidArguments, NotFound
from .output import Output, as_output
from .schema import Misfit, object_schema, read, read_members, schema
from .service import Completing, Completion, Entry, Handler, Message, Page, Part, Resource, Service

#: The most values of a completion.
MOST = 100


class Refused(Exception):
    """The config does not do; the message names the key."""


def config_schema(service: Service[Any]) -> dict[str, Any]:
    return object_schema({}, closed=True) if service.config is None else schema(service.config, closed=True)


class Running:
    """A service with its config."""

    def __init__(self, service: Service[Any], text: str):
        self.service = service
        try:
            config = json.loads(text) if text.strip() else {}
            if service.config is None:
                read_members({}, config)
                self.state = service.setup()
            else:
                self.state = service.setup(read(service.config, config))
        except Misfit as misfit:
            at = f"config.{misfit.path}" if misfit.path else "config"
            raise Refused(f"{at}: {misfit.message}") from None
        except json.JSONDecodeError as error:
            raise Refused(f"config: {error}") from None

    def health(self) -> str:
        state.traceparent = state.end = None
        return self.service.checks(self.state) if self.service.checks else "ready"

    def call_tool(self, name: str, text: str, call: Call) -> Output | Ask:
        tool = next((one for one in self.service.tools if one.name == name), None)
        if tool is None:
            raise NotFound(f"this service has no tool `{name}`")
        returned = self._during(call, tool.handler, _arguments(tool.handler, text))
        return returned if isinstance(returned, Ask) else as_output(returned)

    def get_prompt(self, name: str, text: str, call: Call) -> list[Message] | Ask:
        prompt = next((one for one in self.service.prompts if one.name == name), None)
        if prompt is None:
            raise NotFound(f"this service has no prompt `{name}`")
        filled = self._during(call, prompt.handler, _arguments(prompt.handler, text))
        return [Message("user", filled)] if isinstance(filled, str) else filled

    def templates(self) -> list[Resource]:
        return [one for one in self.service.resources if has_variables(one.uri)]

    def list_resources(self, cursor: str | None, call: Call) -> Page:
        fixed = [one for one in self.service.resources if cursor is None and not has_variables(one.uri)]
        entries = [Entry(one.uri, one.name, one.title, one.description, one.mime_type) for one in fixed]
        if self.service.lister is None:
            return Page(entries)
        call._enter()
        page = self.service.lister(self.state, cursor, call)
        return Page([*entries, *page.entries], page.next)

    def read_resource(self, uri: str, call: Call) -> list[Part] | Ask:
        for resource in self.service.resources:
            found = variables(resource.uri, uri)
            if found is None:
                continue
            contents = self._during(call, resource.handler, _read(resource.handler, found))
            if isinstance(contents, Ask):
                return contents
            parts = [Part(contents)] if isinstance(contents, (str, bytes)) else contents
            return [Part(one.body, one.uri or uri, one.mime_type or resource.mime_type) for one in parts]
        raise NotFound(f"there is no resource `{uri}`")

    def complete(self, of: str, argument: str, typed: Completing, call: Call) -> tuple[list[str], int, bool]:
        """Nothing is suggested where there is no completer."""
        owners: list[Any] = [one for one in self.service.prompts if one.name == of]
        owners += [one for one in self.service.resources if one.uri == of]
        completer = owners[0].completers.get(argument) if owners else None
        if completer is None:
            return [], 0, False
        call._enter()
        suggested = completer(self.state, typed, call)
        found = suggested if isinstance(suggested, Completion) else Completion(list(suggested))
        values = found.values[:MOST]
        total = len(found.values) if found.total is None else found.total
        return values, total, total > len(values)

    def _during(self, call: Call, handler: Handler, arguments: dict[str, Any]) -> Any:
        """Runs what a call is for. An `Ask` may be raised from anywhere below."""
        call._enter()
        try:
            return handler(self.state, call, arguments)
        except Ask as ask:
            return ask
        finally:
            state.traceparent = state.end = None


def _arguments(handler: Handler, text: str) -> dict[str, Any]:
    try:
        return _read(handler, json.loads(text))
    except json.JSONDecodeError as error:
        raise InvalidArguments("", str(error)) from None


def _read(handler: Handler, value: Any) -> dict[str, Any]:
    try:
        return read_members(handler.members, value)
    except Misfit as misfit:
        raise InvalidArguments(misfit.path, misfit.message) from None
